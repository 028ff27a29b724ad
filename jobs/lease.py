"""One run at a time on an archive: a run leaves a claim beside the tables and stops when it finds another that is alive."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from conf.settings import LakeSettings, UnusableSettings
from jobs.cancellation import cancel_jobs, tagged_jobs
from jobs.hadoop_files import HadoopFolder

BEAT_SECONDS = 30.0
EXPIRY_SECONDS = 300.0
_HELD: set[str] = set()
_LEASES: dict[str, Lease] = {}


@dataclass(frozen=True)
class Claim:
    """A run's file below `_lease`: its name says who, its time of change (the store's clock) when the run was last alive."""

    run_id: str
    host: str
    pid: int
    seen: datetime

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.run_id}@{self.host}@{self.pid}"

    def is_alive(self, now: datetime) -> bool:
        """False when its process is gone from this host, or when it has not been renewed for minutes."""
        if (now - self.seen).total_seconds() > EXPIRY_SECONDS:
            return False
        if self.host != this_host():
            return True
        return self.name in _HELD if self.pid == os.getpid() else _is_running(self.pid)


def claims_in(folder: HadoopFolder) -> list[Claim]:
    """All claims on an archive."""
    found = []
    for name, seen in folder.changed().items():
        run_id, host, pid = (*name.split("@"), "", "")[:3]
        if pid.isdigit():
            found.append(Claim(run_id, host, int(pid), seen))
    return found


def running_claims(spark: SparkSession, uri: str, now: datetime) -> list[Claim]:
    """Claims of runs that are alive on the archive at `uri`, by their run; none where no file can be looked at."""
    try:
        return sorted(
            (claim for claim in claims_in(HadoopFolder(spark, f"{uri}/_lease")) if claim.is_alive(now)),
            key=lambda claim: claim.run_id,
        )
    except Py4JJavaError:  # no run has begun, or a place where Spark reads tables and nobody may look at files
        return []


class Lease:
    """A claim that is held, and renewed by a thread of its own."""

    def __init__(self, claims: HadoopFolder, name: str) -> None:
        self._claims, self._name = claims, name
        self._ended = Event()
        self._is_lost = False
        self._thread = Thread(target=self._renew, daemon=True)

    def check(self) -> None:
        """UnusableSettings when somebody has taken the claim away, so that another run may be writing.

        Looks at the claim itself: a run that was suspended must not go on before its thread has noticed.
        """
        self._is_lost = self._is_lost or not self._claims.exists(self._name)
        if self._is_lost:
            raise UnusableSettings(
                f"lake.uri: this run's claim {self._claims.uri}/{self._name} was deleted while it ran: "
                "if no other run is at work, start it again"
            )

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def end(self, takes_back: bool = True) -> None:
        """Renew no more and take the claim back, or leave it to whoever finds this process dead."""
        self._ended.set()
        self._thread.join()
        if takes_back:
            self._claims.delete(self._name)

    def _renew(self) -> None:
        while not self._ended.wait(BEAT_SECONDS) and not self._is_lost:
            try:
                self._is_lost = not self._claims.exists(self._name)
                if not self._is_lost:
                    self._claims.write(self._name)
            except (Py4JError, OSError):  # the store may be back at the next beat
                continue


@contextmanager
def lease(spark: SparkSession, settings: LakeSettings, run_id: str) -> Iterator[Lease | None]:
    """Hold the archive for a run; UnusableSettings, in one sentence, while another run holds it.

    Each run first writes its claim and then looks for others, so of two that begin together at most one goes on, on every store
    that shows what was written: no atomic operation is needed. None where `lake.exclusive` is off.
    Ctrl-C first cancels what the run has Spark do. The claim stays, for the JVM may have something in hand that is no job: it is
    void once this process has ended, and in a session that lives on once no job runs; elsewhere it expires.
    """
    if not settings.exclusive:
        yield None
        return
    name = f"{run_id}@{this_host()}@{os.getpid()}"
    _HELD.add(name)
    is_interrupted = is_busy = False
    try:
        held = _LEASES[settings.uri] = _claimed(spark, settings.uri, name)
        held.start()
        try:
            with tagged_jobs(spark, run_id):
                yield held
        except KeyboardInterrupt:
            is_interrupted = is_busy = True  # also where a second one ends the cancelling
            is_busy = not cancel_jobs(spark, run_id)
            raise
        finally:
            del _LEASES[settings.uri]
            held.end(takes_back=not is_interrupted)
    finally:
        if not is_busy:
            _HELD.discard(name)


def check_lease(uri: str) -> None:
    """Before a write to the archive at `uri`: UnusableSettings when this process held it and has lost it."""
    if uri in _LEASES:
        _LEASES[uri].check()


def _claimed(spark: SparkSession, uri: str, name: str) -> Lease:
    try:
        claims = HadoopFolder(spark, f"{uri}/_lease")
        claims.write(name)
        found = claims_in(claims)
        now = max(claim.seen for claim in found if claim.name == name)
        others = [claim for claim in found if claim.name != name]
        alive = [claim for claim in others if claim.is_alive(now)]
        for claim in [name] if alive else [claim.name for claim in others]:
            claims.delete(claim)
    except Py4JJavaError as error:
        raise UnusableSettings(
            f"lake.uri: Spark cannot write files below {uri} ({str(error.java_exception).splitlines()[0]}): name another place, "
            "or set lake.exclusive=false and see to it that no two runs overlap"
        ) from None
    if alive:
        raise UnusableSettings(_in_use(alive[0], uri, claims.uri))
    return Lease(claims, name)


def _in_use(claim: Claim, uri: str, folder: str) -> str:
    return (
        f"lake.uri: run {claim.run_id} (process {claim.pid} on {claim.host}) is writing to {uri} and was last seen "
        f"{claim.seen:%Y-%m-%d %H:%M:%S} UTC: wait until it ends; if it is dead, wait {EXPIRY_SECONDS / 60:.0f} minutes "
        f"or delete {folder}/{claim.name}"
    )


def this_host() -> str:
    """Name of this machine and, where there are such, of its space of process ids: a container has its own."""
    space = Path("/proc/self/ns/pid")
    number = f"-{space.stat().st_ino}" if space.exists() else ""
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) + number


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
