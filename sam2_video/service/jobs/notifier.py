"""Follows predictions and exports: their records, again after every change."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sam2_video.service.storage.database import Export, Prediction

Record = TypeVar("Record", Prediction, Export)


@dataclass(frozen=True)
class Notifier(Generic[Record]):
    """Wakes the tasks that follow a record.

    Attributes:
        find: gives the record of an id.
    """

    find: Callable[[str], Awaitable[Record | None]]
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    async def follow(
        self, name: str, keep_alive: float | None = None
    ) -> AsyncIterator[Record | None]:
        """The record now and after every change, up to its end or to `stop`.

        Args:
            name: its id; nothing is yielded once it is not on record.
            keep_alive: yield None after so many seconds without a change.
        """
        changed = asyncio.Event()
        listeners = self._listeners[name]
        listeners.add(changed)
        try:
            while record := await self.find(name):
                yield record
                if record.is_finished or self._stopped.is_set():
                    return
                while not changed.is_set():
                    try:
                        async with asyncio.timeout(keep_alive):
                            await changed.wait()
                    except TimeoutError:
                        yield None
                changed.clear()
        finally:
            listeners.discard(changed)
            if not listeners:
                self._listeners.pop(name, None)

    def notify(self, name: str) -> None:
        """Say that a record has changed."""
        for listener in self._listeners.get(name, ()):
            listener.set()

    def stop(self) -> None:
        """Have every task that follows a record get it once more, and then no longer."""
        self._stopped.set()
        for name in self._listeners:
            self.notify(name)
