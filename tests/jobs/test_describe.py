import pytest

from jobs.describe import readable_bytes


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536 * 1024, "1.5 MiB"),
        (27 * 2**40, "27.0 TiB"),
        (2**60, "1048576.0 TiB"),
    ],
)
def test_sizes_have_a_unit_that_fits(num_bytes: int, text: str) -> None:
    assert readable_bytes(num_bytes) == text
