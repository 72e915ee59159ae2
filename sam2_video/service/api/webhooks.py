"""Sends webhooks: what happens to a prediction, signed as the hosted API signs."""

import asyncio
import base64
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from sam2_video.service.api.views import Json, Views
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.net.guard import Guard, UrlError
from sam2_video.service.net.places import Places
from sam2_video.service.storage.database import Prediction, Store
from sam2_video.service.storage.secrets import Secret, new_id

logger = logging.getLogger(__name__)

EVENTS = ("start", "output", "logs", "completed")

_SECONDS_BETWEEN = 0.5  # between two messages about outputs and logs, as the hosted API has it
_RETRIES = (1.0, 3.0, 10.0, 30.0, 60.0, 120.0)
_AT_A_TIME = 20


def signing_key(secret: Secret, owner: str) -> str:
    """The key with which a client verifies what its webhooks receive."""
    return f"whsec_{base64.b64encode(secret.key('webhook', owner)).decode()}"


@dataclass(frozen=True)
class _Seen:
    """What the webhook of a prediction has been sent."""

    is_started: bool = False
    outputs: int = 0
    logs: int = 0

    @classmethod
    def of(cls, view: Json) -> "_Seen":
        return cls(view["status"] != "starting", len(view["output"] or ()), len(view["logs"]))


class Webhooks:
    """Follows predictions that name a webhook."""

    def __init__(
        self,
        store: Store,
        views: Views,
        notifier: Notifier[Prediction],
        guard: Guard,
        secret: Secret,
    ) -> None:
        self._store = store
        self._views = views
        self._notifier = notifier
        self._guard = guard
        self._secret = secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = Places(_AT_A_TIME)

    async def resume(self) -> None:
        """Go on with webhooks that had not been sent when the server stopped."""
        for prediction in await self._store.owing_webhooks() + await self._store.unfinished():
            self.follow(prediction)

    def follow(self, prediction: Prediction) -> None:
        """Send a prediction's webhook, if it has one, what happens from now on."""
        if prediction.webhook is None:
            return
        task = asyncio.create_task(self._follow(prediction.id, prediction.webhook))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stop; `completed` events that were not sent are sent after the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, prediction_id: str, url: str) -> None:
        seen = _Seen()
        async for prediction in self._notifier.follow(prediction_id):
            assert prediction is not None
            view = await self._views.prediction(prediction)
            wanted = prediction.webhook_events
            if prediction.is_finished:
                break
            current = _Seen.of(view)
            events = [
                *(["start"] if current.is_started and not seen.is_started else []),
                *(["output"] if current.outputs > seen.outputs else []),
                *(["logs"] if current.logs > seen.logs else []),
            ]
            if any(event in wanted for event in events):
                await self._send(prediction, url, view)
            seen = current
            await asyncio.sleep(_SECONDS_BETWEEN)
        else:
            return  # it is not on record any more, or the server stops
        if not seen.is_started and "start" in wanted and prediction.started_at is not None:
            begun: Json = {**view, "status": "processing", "output": None, "metrics": {}}
            begun.pop("completed_at")
            await self._send(prediction, url, begun)
        if "completed" in wanted:
            await self._send(prediction, url, view, _RETRIES)
        await self._store.settle_webhook(prediction_id)

    async def _send(
        self, prediction: Prediction, url: str, view: Json, retries: tuple[float, ...] = ()
    ) -> None:
        """Send one message, and again after each pause of `retries` until 2xx answers it."""
        body = json.dumps(view)
        message_id = f"msg_{new_id()}"
        signer = Webhook(signing_key(self._secret, prediction.owner))
        for pause in (*retries, None):
            sent_at = datetime.now(UTC)
            headers = {
                "Content-Type": "application/json",
                "Webhook-Id": message_id,
                "Webhook-Timestamp": str(int(sent_at.timestamp())),
                "Webhook-Signature": signer.sign(message_id, sent_at, body),
            }
            try:
                async with self._sending.held(prediction.owner):
                    status = await self._guard.post(url, body.encode(), headers)
                if 200 <= status < 300:
                    return
                reason = f"it answers {status}"
            except UrlError as error:
                reason = str(error)
            logger.warning("the webhook of %s failed: %s", prediction.id, reason)
            if pause is not None:
                await asyncio.sleep(pause)
