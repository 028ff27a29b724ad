import pickle

from schemas.rejects import REJECTS, Reason, Rejected


def test_a_rejection_crosses_process_boundaries_whole() -> None:
    sent = Rejected(Reason.TOO_LARGE, "9 bytes")
    received = pickle.loads(pickle.dumps(sent))
    assert (received.reason, received.detail, str(received)) == (Reason.TOO_LARGE, "9 bytes", "too_large: 9 bytes")


def test_details_are_bounded() -> None:
    assert len(Rejected(Reason.NOT_XML, "x" * 10_000).detail) == 500


def test_the_table_takes_every_reason() -> None:
    condition = REJECTS.checks["known_reason"]
    assert all(f"'{reason.value}'" in condition for reason in Reason)
