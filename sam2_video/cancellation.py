"""Threads and processes that withstand a cancellation at any moment.

The server cancels a prediction by raising an exception in the thread that runs it, between any
two instructions, told by the thread's identifier (`PyThreadState_SetAsyncExc`).

A thread that is just being started carries its parent's identifier for a moment. A cancellation
in that moment kills the new thread in place of the prediction, and the parent waits for ever for
the thread to say that it runs. Threads are therefore started by one thread that nobody cancels.

A process that was just started may be dropped before anybody is responsible for it, and
`subprocess` then keeps it, its pipes open. A `Child` is killed instead.
"""

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

_SECONDS_TO_DIE = 1.0
_Answer = SimpleQueue[RuntimeError | None]
_requests: SimpleQueue[tuple[Thread, _Answer]] = SimpleQueue()


class Child(subprocess.Popen[bytes]):
    """A process that ends when nobody holds it any more, at the latest."""

    def __del__(self) -> None:
        """Kill it, if it runs."""
        if self.__dict__.get("pid") and self.returncode is None:
            with suppress(OSError, subprocess.TimeoutExpired):
                self.kill()
                self.wait(_SECONDS_TO_DIE)
        super().__del__()


def start_thread(target: Callable[..., object], *arguments: object) -> Thread:
    """Run `target(*arguments)` in a daemon thread; what comes back runs already.

    Raises:
        RuntimeError: the system allows no more threads.
    """
    thread = Thread(target=target, args=arguments, daemon=True)
    answer: _Answer = SimpleQueue()
    _requests.put((thread, answer))
    if error := answer.get():
        raise error
    return thread


def _start_what_is_asked_for(requests: SimpleQueue[tuple[Thread, _Answer]]) -> None:
    while True:
        thread, answer = requests.get()
        try:
            thread.start()
            answer.put(None)
        except RuntimeError as error:
            answer.put(error)
        del thread, answer


def _begin() -> None:
    global _requests
    _requests = SimpleQueue()
    Thread(target=_start_what_is_asked_for, args=(_requests,), daemon=True, name="starter").start()


os.register_at_fork(after_in_child=_begin)
_begin()
