"""Threads and processes that withstand a cancellation at any moment.

The server cancels a prediction by raising an exception in the thread that runs it, between any
two instructions, told by the thread's identifier (`PyThreadState_SetAsyncExc`).

A thread that is just being started carries its parent's identifier for a moment. A cancellation
in that moment kills the new thread in place of the prediction, and the parent waits for ever for
the thread to say that it runs. Threads are therefore started by one thread that nobody cancels.

A process that was just started may be dropped before anybody is responsible for it, and
`subprocess` then keeps it, its pipes open, or never learns its number. Processes are started by
that thread too, and a `Child` that nobody holds is killed and waited for.
"""

import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

SIDE_PIPE = "pipe:side"
"""Stands in a command for the address of the process's second output."""

_SECONDS_TO_DIE = 1.0
_Answer = SimpleQueue[tuple[Any, Exception | None]]
_requests: SimpleQueue[tuple[Callable[[], Any], _Answer]] = SimpleQueue()


class Child(subprocess.Popen[bytes]):
    """A process that ends when nobody holds it any more, at the latest.

    Attributes:
        side: where its second output is read, if its command names one.
    """

    side: IO[bytes] | None = None

    def __del__(self) -> None:
        """Kill it, if it runs."""
        if self.__dict__.get("pid") and self.returncode is None:
            with suppress(OSError, subprocess.TimeoutExpired):
                self.kill()
                self.wait(_SECONDS_TO_DIE)
        super().__del__()


def start_child(command: Sequence[str], **options: Any) -> Child:
    """Start a process; `options` are those of `subprocess.Popen`.

    Where the command has `SIDE_PIPE`, a pipe is made for it, to be read at `Child.side`.

    Raises:
        OSError: it cannot be started.
    """
    start = _with_side_pipe if SIDE_PIPE in command else Child
    return _uncancelled(lambda: start(command, **options))


def _with_side_pipe(command: Sequence[str], **options: Any) -> Child:
    reading, writing = os.pipe()
    side = os.fdopen(reading, "rb", buffering=0)
    named = [f"pipe:{writing}" if part == SIDE_PIPE else part for part in command]
    try:
        child = Child(named, pass_fds=(writing,), **options)
    except OSError:
        side.close()
        raise
    finally:
        os.close(writing)
    child.side = side
    return child


def start_thread(target: Callable[..., object], *arguments: object) -> Thread:
    """Run `target(*arguments)` in a daemon thread; what comes back runs already.

    Raises:
        RuntimeError: the system allows no more threads.
    """
    thread = Thread(target=target, args=arguments, daemon=True)
    _uncancelled(thread.start)
    return thread


def _uncancelled(work: Callable[[], Any]) -> Any:
    """Have the starter do something short; its result, or the exception it raised."""
    answer: _Answer = SimpleQueue()
    _requests.put((work, answer))
    result, error = answer.get()
    if error is not None:
        raise error
    return result


def _serve(requests: SimpleQueue[tuple[Callable[[], Any], _Answer]]) -> None:
    while True:
        work, answer = requests.get()
        try:
            answer.put((work(), None))
        except Exception as error:
            answer.put((None, error))
        del work, answer  # what nobody waits for any more goes at once


def _begin() -> None:
    global _requests
    _requests = SimpleQueue()
    Thread(target=_serve, args=(_requests,), daemon=True, name="starter").start()


os.register_at_fork(after_in_child=_begin)
_begin()
