"""The calls of the hosted API."""

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sam2_video.service.api.auth import Access
from sam2_video.service.api.event_stream import Position, events
from sam2_video.service.api.prediction_page import prediction_page
from sam2_video.service.api.validation import (
    InputSchema,
    check_hook,
    check_version,
    lifetime_of,
    read_time,
    wait_seconds,
)
from sam2_video.service.api.views import (
    HOSTED_VERSION,
    MODEL,
    Json,
    Model,
    Views,
    file_view,
    listed,
)
from sam2_video.service.api.webhooks import Webhooks, signing_key
from sam2_video.service.errors import RequestError
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.jobs.queue import RETRY_SECONDS, JobQueue
from sam2_video.service.net.bodies import is_large, json_object
from sam2_video.service.net.file_response import send_content
from sam2_video.service.net.forms import UploadForm
from sam2_video.service.net.guard import Guard, UrlError, shown_url
from sam2_video.service.net.inputs import Sources
from sam2_video.service.net.origin import base_url, own_urls
from sam2_video.service.net.places import Places
from sam2_video.service.net.server_sent import event_stream
from sam2_video.service.settings import Settings
from sam2_video.service.storage.database import Prediction, Store, StoredFile
from sam2_video.service.storage.files import FileRefusedError, Files, shown_name
from sam2_video.service.storage.secrets import Secret, new_id

_PAGE = 100
_METADATA_BYTES = 16 * 1024
_MULTIPART_BYTES = 1024**2  # what a form adds to a file
_QUERY_BYTES = 4096
_ABSENT = ("collections", "deployments", "hardware", "trainings")


@dataclass(frozen=True)
class Api:
    """The calls, and what they need."""

    settings: Settings
    secret: Secret
    access: Access
    store: Store
    files: Files
    sources: Sources
    guard: Guard
    queue: JobQueue
    webhooks: Webhooks
    notifier: Notifier[Prediction]
    views: Views
    model: Model
    schema: InputSchema
    reading: Places

    def routes(self) -> list[Route]:
        """The calls by path, which clients find with and without `/v1` before it."""
        model = "/models/{owner}/{name}"
        body = self.settings.limits.max_body_bytes
        upload = self.settings.limits.max_file_bytes + _MULTIPART_BYTES
        return [
            Route("/predictions", self.list_predictions),
            Route("/predictions", self.create, methods=["POST"], max_body_size=body),
            Route("/predictions/{id}", self.get_prediction),
            Route("/predictions/{id}/cancel", self.cancel, methods=["POST"], max_body_size=1024),
            Route("/models", self.list_models),
            Route("/models", self.search_models, methods=["QUERY"], max_body_size=_QUERY_BYTES),
            Route(model, self.get_model),
            Route(f"{model}/predictions", self.create, methods=["POST"], max_body_size=body),
            Route(f"{model}/readme", self.readme),
            Route(f"{model}/examples", self.examples),
            Route(f"{model}/versions", self.list_versions),
            Route(f"{model}/versions/{{version}}", self.get_version),
            Route("/files", self.list_files),
            Route("/files", self.create_file, methods=["POST"], max_body_size=upload),
            Route("/files/{id}", self.get_file),
            Route("/files/{id}", self.delete_file, methods=["DELETE"]),
            Route("/files/{id}/download", self.download),
            Route("/files/{token}/stream", self.stream),
            Route("/p/{token}", self.page),
            Route("/outputs/{id}/{name}", self.output),
            Route("/webhooks/default/secret", self.webhook_secret),
            Route("/account", self.account),
            Route("/search", self.search),
            *(
                Route(f"/{kind}{rest}", self.absent, methods=["GET", "POST", "PATCH", "DELETE"])
                for kind in _ABSENT
                for rest in ("", "/{rest:path}")
            ),
        ]

    async def create(self, request: Request) -> Response:
        """Create a prediction, and wait for its end if asked to."""
        owner = self.access.owner(request)
        self._check_model(request)
        await self.queue.check_room()
        async with self.reading.held(owner) if is_large(request) else nullcontext():
            prediction = await self._submit(request, owner, await json_object(request))
        self.webhooks.follow(prediction)
        status, seconds = 201, wait_seconds(request.headers.get("Prefer", ""))
        if seconds is not None:
            prediction = await self._ended(prediction, seconds)
            status = 201 if prediction.is_finished else 202
        view = await self.views.prediction(prediction, is_waited_for=True)
        headers = {
            "Location": view["urls"]["get"],
            "RateLimit-Limit": str(self.queue.max_unfinished),
            "RateLimit-Remaining": str(await self.queue.room()),
            "RateLimit-Reset": str(RETRY_SECONDS),
        }
        return JSONResponse(view, status, headers)

    async def get_prediction(self, request: Request) -> Response:
        """One prediction."""
        return JSONResponse(await self.views.prediction(await self._prediction(request)))

    async def list_predictions(self, request: Request) -> Response:
        """A page of the caller's predictions, newest first."""
        owner, query = self.access.owner(request), request.query_params
        before, after = read_cursor(query.get("cursor"))
        created = read_time(query, "created_after"), read_time(query, "created_before")
        if query.get("source", "web") != "web":
            raise RequestError.of_field("source", "source should be web, or not given")
        if "source" in query:  # predictions of the page belong to its visitors, never to a token
            return JSONResponse(listed([]))
        found = await self.store.page(owner, _PAGE + 1, created, before=before, after=after)
        is_more = len(found) > _PAGE
        page = found[-_PAGE:] if after is not None else found[:_PAGE]
        url = f"{self._base(request)}/v1/predictions"
        older = newer = None
        if page and (is_more or after is not None):
            older = f"{url}?{_with_cursor(query, 'o', page[-1].number)}"
        if page and (before is not None or (after is not None and is_more)):
            newer = f"{url}?{_with_cursor(query, 'n', page[0].number)}"
        views = [await self.views.prediction(prediction) for prediction in page]
        return JSONResponse(listed(views, newer, older))

    async def cancel(self, request: Request) -> Response:
        """End a prediction."""
        prediction = await self._prediction(request)
        await self.queue.cancel(prediction.id)
        return JSONResponse(await self.views.prediction(await self._prediction(request)))

    async def stream(self, request: Request) -> Response:
        """A prediction as events; `?logs=true` asks for `logs` too, which others do not expect."""
        prediction = await self._of_token(request, "stream")
        position = Position.parse(request.headers.get("Last-Event-ID", ""))
        has_logs = request.query_params.get("logs") == "true"
        return event_stream(
            events(prediction.id, self.views, self.notifier, position, has_logs=has_logs)
        )

    async def page(self, request: Request) -> Response:
        """A prediction as a page for a browser."""
        prediction = await self._of_token(request, "web")
        return prediction_page(await self.views.prediction(prediction))

    async def list_models(self, request: Request) -> Response:
        """The models: one."""
        self.access.owner(request)
        return JSONResponse(listed([await self._model_view(request)]))

    async def search_models(self, request: Request) -> Response:
        """The models that a text, the body, finds."""
        self.access.owner(request)
        query = (await request.body()).decode(errors="replace")
        return JSONResponse(listed(await self._found_models(request, query)))

    async def search(self, request: Request) -> Response:
        """What a text finds: models alone are here."""
        self.access.owner(request)
        query = request.query_params.get("query")
        if query is None:
            raise RequestError(400, "query is required: the text to search for")
        models = [
            {"model": model, "metadata": {}} for model in await self._found_models(request, query)
        ]
        return JSONResponse({"query": query, "models": models, "collections": [], "pages": []})

    async def get_model(self, request: Request) -> Response:
        """The model."""
        self.access.owner(request)
        self._check_model(request)
        return JSONResponse(await self._model_view(request))

    async def readme(self, request: Request) -> Response:
        """What the model takes, as Markdown."""
        self.access.owner(request)
        self._check_model(request)
        return PlainTextResponse(self.model.readme())

    async def examples(self, request: Request) -> Response:
        """Example predictions of the model: none is published here."""
        self.access.owner(request)
        self._check_model(request)
        return JSONResponse(listed([]))

    async def list_versions(self, request: Request) -> Response:
        """The versions of the model: the one that runs."""
        self.access.owner(request)
        self._check_model(request)
        return JSONResponse(listed([self.model.version_view()]))

    async def get_version(self, request: Request) -> Response:
        """The version that runs, by whichever id a program knows."""
        self.access.owner(request)
        self._check_model(request)
        check_version(request.path_params["version"])
        return JSONResponse(self.model.version_view())

    async def create_file(self, request: Request) -> Response:
        """Keep a file that a client uploads as a form."""
        owner = self.access.owner(request)
        if len(await self.store.files(owner, "upload")) >= self.settings.limits.max_files:
            raise RequestError(
                422,
                f"There are {self.settings.limits.max_files} files already, the most that are "
                "allowed; delete some.",
            )
        form = UploadForm(request, "content", _METADATA_BYTES + 1)
        file = StoredFile(owner=owner, kind="upload", name="file")

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in form.content():
                yield chunk
            # What is said of the file may come after it.
            file.name = shown_name(form.text("filename") or form.file_name)
            file.content_type = _media_type(form.text("type") or form.media_type)
            file.details = _metadata(form.fields.get("metadata"))

        try:
            await self.files.keep(chunks(), file)
        except FileRefusedError as error:
            raise RequestError.of_field(
                "content", f"content {error}", status=error.status
            ) from error
        return JSONResponse(file_view(file, self._base(request)), 201)

    async def list_files(self, request: Request) -> Response:
        """The caller's files, newest first."""
        owner = self.access.owner(request)
        base = self._base(request)
        return JSONResponse(
            listed([file_view(f, base) for f in await self.store.files(owner, "upload")])
        )

    async def get_file(self, request: Request) -> Response:
        """What is known of a file."""
        return JSONResponse(file_view(await self._file(request), self._base(request)))

    async def delete_file(self, request: Request) -> Response:
        """Delete a file."""
        await self.files.remove([(await self._file(request)).id])
        return Response(status_code=204)

    async def download(self, request: Request) -> Response:
        """The content of a file."""
        return self._content(request, await self._file(request))

    async def output(self, request: Request) -> Response:
        """The content of an output. The URL is the permission: clients send no token here."""
        file = await self.store.file(request.path_params["id"])
        is_output = file is not None and file.kind in ("output", "superseded")
        if file is None or not is_output or file.name != request.path_params["name"]:
            raise RequestError(404, "There is no such file here, or its time is over.")
        return self._content(request, file)

    async def webhook_secret(self, request: Request) -> Response:
        """The key with which the caller verifies webhooks."""
        owner = self.access.owner(request)
        return JSONResponse({"key": signing_key(self.secret, owner)})

    async def account(self, request: Request) -> Response:
        """The caller: programs ask for it to check a token."""
        return JSONResponse({"type": "user", "username": self.access.owner(request)})

    async def absent(self, request: Request) -> Response:
        """What the hosted API has and this server has not."""
        self.access.owner(request)
        kinds = ", ".join(_ABSENT)
        raise RequestError(404, f"This server runs {MODEL} alone and has none of: {kinds}.")

    async def _submit(self, request: Request, owner: str, body: Json) -> Prediction:
        """Put a new prediction, of what a request asks for, into the queue.

        Raises:
            RequestError: the request is invalid, or the queue is full.
        """
        version = self.model.version
        if "owner" not in request.path_params:
            asked = check_version(body.get("version"))
            version = asked if asked == HOSTED_VERSION else version
        hook = check_hook(body)
        lifetime = lifetime_of(request.headers.get("Cancel-After"))
        inputs = self.schema.check(body.get("input"))
        if hook.url is not None:
            await self._check_webhook(hook.url)
        created = self.store.now()
        prediction = Prediction(
            id=new_id(),
            owner=owner,
            version=version,
            input=inputs,
            base_url=self._base(request),
            created_at=created,
            deadline=lifetime and created + lifetime,
            webhook=hook.url,
            webhook_events=hook.events,
            webhook_owed=hook.url is not None,
        )
        async with self.sources.accepted(prediction, own_urls(request, self.settings)):
            await self.queue.submit(prediction, owner)
        return prediction

    def _base(self, request: Request) -> str:
        return base_url(request, self.settings.public_url)

    def _content(self, request: Request, file: StoredFile) -> Response:
        response = send_content(request, self.files, file)
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    async def _model_view(self, request: Request) -> Json:
        return self.model.view(self._base(request), await self.store.count())

    async def _found_models(self, request: Request, query: str) -> list[Json]:
        return [await self._model_view(request)] if self.model.matches(query) else []

    def _check_model(self, request: Request) -> None:
        owner, name = request.path_params.get("owner"), request.path_params.get("name")
        if owner is not None and f"{owner}/{name}" != MODEL:
            raise RequestError(
                404, f"There is no model {owner}/{name} here: this server runs {MODEL}."
            )

    async def _check_webhook(self, url: str) -> None:
        try:
            await self.guard.check(url)
        except UrlError as error:
            raise RequestError.of_field(
                "webhook", f"webhook is {shown_url(url)}, but {error}"
            ) from error

    async def _prediction(self, request: Request) -> Prediction:
        owner = self.access.owner(request)
        prediction = await self.store.prediction(request.path_params["id"])
        if prediction is None or prediction.owner != owner:
            raise RequestError(404, "There is no such prediction here.")
        return prediction

    async def _of_token(self, request: Request, purpose: str) -> Prediction:
        """The prediction of a URL that is its own permission: no API token is sent with it."""
        token = request.path_params["token"]
        name = token.partition(".")[0]
        is_valid = secrets.compare_digest(token.encode(), self.views.token(purpose, name).encode())
        prediction = await self.store.prediction(name) if is_valid else None
        if prediction is None:
            raise RequestError(404, "There is no such prediction here.")
        return prediction

    async def _file(self, request: Request) -> StoredFile:
        owner = self.access.owner(request)
        file = await self.store.file(request.path_params["id"])
        if file is None or file.owner != owner or file.kind not in ("upload", "inline"):
            raise RequestError(404, "There is no such file here, or its time is over.")
        return file

    async def _ended(self, prediction: Prediction, seconds: float) -> Prediction:
        """A prediction once it has ended, or as it is when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for current in self.notifier.follow(prediction.id):
                    prediction = current or prediction
        return prediction


def _metadata(text: bytearray | None) -> Json:
    """The metadata of an upload, which clients send as a field or as a file."""
    if text is None:
        return {}
    try:
        details = json.loads(text) if len(text) <= _METADATA_BYTES else None
        # As it will be answered: neither NaN nor an unpaired surrogate can be.
        json.dumps(details, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, dict):
        raise RequestError.of_field(
            "metadata", f"metadata should be a JSON object of at most {_METADATA_BYTES} bytes"
        )
    return details


def _media_type(text: str) -> str:
    text = text.partition(";")[0].strip().lower()
    is_plain = text.isascii() and text.isprintable() and text.count("/") == 1 and len(text) < 100
    return text if is_plain and " " not in text else "application/octet-stream"


def _with_cursor(query: QueryParams, direction: str, number: int) -> str:
    """The query of another page of the same list."""
    text = base64.urlsafe_b64encode(f"{direction}{number}".encode()).decode().rstrip("=")
    return urlencode({**query, "cursor": text})


def read_cursor(text: str | None) -> tuple[int | None, int | None]:
    """What a cursor asks for: older than a number, or newer than one."""
    if not text:
        return None, None
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        number = int(plain[1:])
    except (binascii.Error, ValueError):
        plain, number = "", 0
    if plain[:1] not in ("o", "n") or not plain or not 0 < number < 2**62:
        raise RequestError.of_field("cursor", "cursor should be one of a page's next or previous")
    return (number, None) if plain[0] == "o" else (None, number)
