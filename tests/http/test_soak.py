"""A short soak; `python -m bench.soak` runs a long one and prints its table."""

from bench.soak import differences, soak


def test_twenty_predictions_leave_nothing_behind(server) -> None:
    before, after, ended = soak(server, 20)
    assert ended["canceled"] >= 2
    assert ended["failed"] >= 4
    assert ended["succeeded"] >= 6
    assert not differences(before, after)
