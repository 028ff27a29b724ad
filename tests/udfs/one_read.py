"""The simplest fetch: one object, as it is."""

from udfs.reads import Read, Steps


def one_read(key: str) -> Steps[bytes]:
    answer = yield Read(key, 2**20)
    return answer.data
