"""A prediction as server-sent events, as the hosted API streams it to its clients."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sam2_video.service.api.views import Views
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.net.server_sent import server_sent
from sam2_video.service.storage.database import Prediction

_KEEP_ALIVE_SECONDS = 10.0  # the Python client gives up after 30
_ID = re.compile(r"([0-9]{1,12})-([0-9]{1,12})", re.ASCII)


@dataclass(frozen=True)
class Position:
    """How much a client has: it is the id of an event, and where a new connection goes on."""

    logs: int = 0
    outputs: int = 0

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read `Last-Event-ID`; the start if this server did not write it."""
        found = _ID.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else cls()

    def __str__(self) -> str:
        return f"{self.logs}-{self.outputs}"


async def events(
    prediction_id: str,
    views: Views,
    notifier: Notifier[Prediction],
    position: Position,
    *,
    has_logs: bool,
) -> AsyncIterator[str]:
    """Events from a position up to the end: `output`, and `logs` if wanted, then `done`.

    A failed prediction has `error` before `done`.
    """
    async for prediction in notifier.follow(prediction_id, _KEEP_ALIVE_SECONDS):
        if prediction is None:
            # Some clients forget their position at an event that has no id.
            yield f": waiting\nid: {position}\n\n"
            continue
        outputs = await views.outputs(prediction, position.outputs)
        if has_logs and len(prediction.logs) > position.logs:
            text = prediction.logs[position.logs :]
            position = Position(len(prediction.logs), position.outputs)
            yield server_sent(text, "logs", position)
        for output in outputs:
            position = Position(position.logs, position.outputs + 1)
            yield server_sent(output, "output", position)
        if prediction.is_finished:
            for event, data in _ending(prediction):
                yield server_sent(data, event, position)


def _ending(prediction: Prediction) -> list[tuple[str, str]]:
    if prediction.status == "failed":
        detail = json.dumps({"detail": prediction.error})
        return [("error", detail), ("done", json.dumps({"reason": "error"}))]
    reason = {"reason": "canceled"} if prediction.status in ("canceled", "aborted") else {}
    return [("done", json.dumps(reason))]
