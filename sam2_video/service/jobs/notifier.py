"""Follows predictions: their records, again after every change."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sam2_video.service.storage.database import Prediction, Store


@dataclass(frozen=True)
class Notifier:
    """Wakes the tasks that follow a prediction.

    Attributes:
        store: has the records.
    """

    store: Store
    _listeners: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    async def follow(
        self, prediction_id: str, keep_alive: float | None = None
    ) -> AsyncIterator[Prediction | None]:
        """The prediction now and after every change, up to its end.

        Args:
            prediction_id: which one; nothing is yielded once it is not on record.
            keep_alive: yield None after so many seconds without a change.
        """
        changed = asyncio.Event()
        listeners = self._listeners[prediction_id]
        listeners.add(changed)
        try:
            while prediction := await self.store.prediction(prediction_id):
                yield prediction
                if prediction.is_finished:
                    return
                while not changed.is_set():
                    try:
                        await asyncio.wait_for(changed.wait(), keep_alive)
                    except TimeoutError:
                        yield None
                changed.clear()
        finally:
            listeners.discard(changed)
            if not listeners:
                self._listeners.pop(prediction_id, None)

    def notify(self, prediction_id: str) -> None:
        """Say that a prediction has changed."""
        for listener in self._listeners.get(prediction_id, ()):
            listener.set()
