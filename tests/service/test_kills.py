"""The short form of `python -m bench.kills`."""

from bench.kills import measure


def test_kills_lose_and_double_no_prediction(tmp_path) -> None:
    report = measure(tmp_path, predictions=12, kills=3, seed=2)
    assert not report.faults
    assert report.counts["predictions acknowledged"] == 12 + 4  # four without kills
    assert sum(number for name, number in report.counts.items() if "kills" in name) == 3
