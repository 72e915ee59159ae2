"""Records as clients see them: the JSON of the hosted API."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sam2_video.service.jobs.outputs import unbroken
from sam2_video.service.net.origin import file_url
from sam2_video.service.storage.database import Output, Prediction, Store, StoredFile
from sam2_video.service.storage.secrets import Secret

OWNER, NAME = "meta", "sam-2-video"
MODEL = f"{OWNER}/{NAME}"
HOSTED_VERSION = "33432afdfc06a10da6b4018932893d39b0159f838b6d11dd1236dff85cc5ec1d"
_DESCRIPTION = "SAM 2 video segmentation, served by sam2-video."

Json = dict[str, Any]


class Views:
    """Writes predictions and files as JSON."""

    def __init__(self, store: Store, secret: Secret) -> None:
        self._store = store
        self._secret = secret

    async def prediction(self, prediction: Prediction, *, is_waited_for: bool = False) -> Json:
        """A prediction with its outputs so far.

        Args:
            prediction: the record.
            is_waited_for: show one that has not ended as one that has not begun. It is the answer
                when a wait runs out: clients take anything but `starting` for finished, and skip
                the outputs that the first answer holds.
        """
        outputs = await self.outputs(prediction)
        is_hidden = is_waited_for and not prediction.is_finished
        base = f"{prediction.base_url}/v1"
        started, completed = prediction.started_at, prediction.completed_at
        deadline, hook, events = prediction.deadline, prediction.webhook, prediction.webhook_events
        has_output = prediction.status != "failed" and bool(outputs)
        metrics: Json = {}
        if completed is not None:
            metrics["total_time"] = (completed - prediction.created_at).total_seconds()
            if prediction.predict_time is not None:
                metrics["predict_time"] = prediction.predict_time
        return {
            "id": prediction.id,
            "model": MODEL,
            "version": prediction.version,
            "input": prediction.input,
            "logs": "" if is_hidden else prediction.logs,
            "output": outputs if has_output and not is_hidden else None,
            "data_removed": prediction.data_removed,
            "error": prediction.error,
            "source": "web" if prediction.is_from_page else "api",
            "status": "starting" if is_hidden else prediction.status,
            "created_at": _written(prediction.created_at),
            # What the hosted API does not know yet, it leaves out.
            **({} if started is None or is_hidden else {"started_at": _written(started)}),
            **({} if completed is None else {"completed_at": _written(completed)}),
            **({} if deadline is None else {"deadline": _written(deadline)}),
            **({} if hook is None else {"webhook": hook, "webhook_events_filter": events}),
            "metrics": metrics,
            "urls": {
                "get": f"{base}/predictions/{prediction.id}",
                "cancel": f"{base}/predictions/{prediction.id}/cancel",
                "stream": f"{base}/files/{self.token('stream', prediction.id)}/stream",
                "web": f"{base}/p/{self.token('web', prediction.id)}",
            },
        }

    async def outputs(self, prediction: Prediction, start: int = 0) -> list[str]:
        """The URLs of a prediction's outputs, in order, up to the first that is missing.

        Args:
            prediction: the record.
            start: how many of them are not wanted again.
        """
        files = unbroken(await self._store.outputs(prediction.id, start), start)
        return [_output_url(prediction.base_url, file) for file in files]

    def token(self, purpose: str, prediction_id: str) -> str:
        """The unguessable part of a URL, `stream` or `web`, that is called without an API token."""
        return f"{prediction_id}.{self._secret.token(purpose, prediction_id)}"


def _output_url(base_url: str, file: Output) -> str:
    """The URL of an output's content: unguessable, and it ends in the output's name."""
    return f"{base_url}/v1/outputs/{file.id}/{quote(file.name)}"


def file_view(file: StoredFile, base_url: str) -> Json:
    """An uploaded file."""
    return {
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "etag": file.sha256,
        "checksums": {"sha256": file.sha256},
        "metadata": file.details,
        "created_at": _written(file.created_at),
        "expires_at": _written(file.expires_at),
        "urls": {
            "get": file_url(base_url, file.id),
            "download": f"{file_url(base_url, file.id)}/download",
        },
    }


class Model:
    """The one model that is here, as the hosted API describes models.

    Args:
        schema_file: the OpenAPI document of the container.
    """

    def __init__(self, schema_file: Path) -> None:
        self.schema: Json = json.loads(schema_file.read_text())
        canonical = json.dumps(self.schema, sort_keys=True)
        self.version = hashlib.sha256(f"sam2-video {canonical}".encode()).hexdigest()
        self._created = datetime.fromtimestamp(schema_file.stat().st_mtime, UTC)

    def version_view(self) -> Json:
        """The version that runs."""
        return {
            "id": self.version,
            "created_at": _written(self._created.replace(tzinfo=None)),
            "cog_version": self.schema["info"]["version"],
            "openapi_schema": self.schema,
        }

    def view(self, base_url: str, run_count: int) -> Json:
        """The model."""
        return {
            "url": base_url,
            "owner": OWNER,
            "name": NAME,
            "description": _DESCRIPTION,
            "visibility": "public",
            "github_url": None,
            "paper_url": "https://arxiv.org/abs/2408.00714",
            "license_url": None,
            "run_count": run_count,
            "cover_image_url": None,
            "default_example": None,
            "latest_version": self.version_view(),
        }

    def matches(self, query: str) -> bool:
        """Whether a search for a text finds the model: by any word of its name and description."""
        text = f"{MODEL} {_DESCRIPTION}".lower()
        return not query.strip() or any(word in text for word in query.lower().split())

    def readme(self) -> str:
        """What the model takes, as Markdown."""
        inputs = self.schema["components"]["schemas"]["Input"]["properties"]
        lines = [f"- `{name}`: {rule.get('description', '')}" for name, rule in inputs.items()]
        return "\n".join([f"# {MODEL}", "", _DESCRIPTION, "", "## Inputs", "", *lines, ""])


def listed(
    results: Sequence[Json], previous: str | None = None, following: str | None = None
) -> Json:
    """One page of a list."""
    return {"previous": previous, "next": following, "results": list(results)}


def _written(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="milliseconds") + "Z"
