"""Files of the archive through the file system that Spark has for its place: a folder or an object store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import SparkSession


class HadoopFolder:
    """One folder, there or not, and the files in it by name."""

    def __init__(self, spark: SparkSession, uri: str) -> None:
        jvm: Any = spark._jvm
        self._jvm = jvm
        self.uri = uri
        self._path = jvm.org.apache.hadoop.fs.Path
        self._folder = self._path(uri)
        self._files = self._folder.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())

    def write(self, name: str) -> None:
        """Make an empty file, or renew its time of change."""
        self._files.create(self._path(self.uri, name), True).close()

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        return bool(self._files.exists(self._path(self.uri, name)))

    def names_descending(self, pattern: str) -> Iterator[str]:
        """Names of the files that a glob pattern matches, the last first; each costs calls to the JVM when it is asked for."""
        found = self._files.globStatus(self._path(self._folder, pattern)) or []  # sorted by name
        return (found[number].getPath().getName() for number in reversed(range(len(found))))

    def first_line(self, name: str) -> str:
        """The first line of a text file."""
        stream = self._files.open(self._path(self.uri, name))
        try:
            return self._jvm.java.io.BufferedReader(self._jvm.java.io.InputStreamReader(stream, "UTF-8")).readLine() or ""
        finally:
            stream.close()

    def changed(self) -> dict[str, datetime]:
        """The files' times of change, by the store's clock."""
        listed = self._files.listStatus(self._folder)
        return {f.getPath().getName(): datetime.fromtimestamp(f.getModificationTime() / 1000, UTC) for f in listed}

    def delete(self, name: str) -> None:
        """Delete a file if it is there; OSError where it stays."""
        self._delete(self._path(self.uri, name))

    def delete_all(self) -> None:
        """Delete the folder, if it is there, with all below it; OSError where it stays."""
        self._delete(self._folder)

    def _delete(self, path: Any) -> None:
        if not self._files.delete(path, True) and self._files.exists(path):
            raise OSError(f"{path.toString()} cannot be deleted: see to it that this user may write to the folder it lies in")
