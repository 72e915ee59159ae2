"""Signals become an exception where it does no harm."""

import signal

import pytest

from sam2_video.core.signals import Interrupted, deferred, ending_signals, interruptible


@pytest.mark.parametrize("number", ending_signals())
def test_a_signal_waits_for_the_end_of_an_import(number) -> None:
    done = False
    with interruptible(), pytest.raises(Interrupted) as raised:
        with deferred():
            try:  # as packages import what they may lack
                signal.raise_signal(number)
            except BaseException:
                pytest.fail("it was raised in the import")
            done = True
        pytest.fail("it was lost")
    assert done
    assert raised.value.exit_code == 128 + number
