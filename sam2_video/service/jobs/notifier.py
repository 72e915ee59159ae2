"""Wakes whoever waits for a change of a prediction."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Notifier:
    """Wakes the listeners of a prediction; they read from the store what has changed."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def listening(self, prediction_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change while the block runs; the listener clears it."""
        changed = asyncio.Event()
        listeners = self._listeners[prediction_id]
        listeners.add(changed)
        try:
            yield changed
        finally:
            listeners.discard(changed)
            if not listeners:
                self._listeners.pop(prediction_id, None)

    def notify(self, prediction_id: str) -> None:
        """Say that a prediction has changed."""
        for listener in self._listeners.get(prediction_id, ()):
            listener.set()
