"""The files that inputs name: data URIs, files of this server, or URLs."""

import asyncio
import binascii
import mimetypes
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from sam2_video.prediction.data_uri import is_data_uri, read_data_uri
from sam2_video.service.errors import RequestError
from sam2_video.service.net.guard import Fetched, Guard, UrlError, shown_url
from sam2_video.service.net.origin import file_url
from sam2_video.service.net.places import Pace, Places
from sam2_video.service.settings import Bounds, ServiceLimits
from sam2_video.service.storage.database import SOURCES, Prediction, Store, StoredFile
from sam2_video.service.storage.files import FileRefusedError, Files, shown_name

INPUT = "input_video"

MAX_DATA_URI_BYTES = 70 * 1024**2
"""Of files in a request to a worker, which may have 100 MiB: base64 adds a third."""

_OWN_PATH = re.compile(r"(?:(?:/v1)?/(?:files|outputs)|/api/videos)/([^/?#]*).*|/v1/.*", re.DOTALL)
_LONGEST_URL = 8192


class SourceError(Exception):
    """The input cannot be had; the message is one sentence."""


class Sources:
    """Finds, stores and fetches the files that inputs name."""

    def __init__(
        self, store: Store, files: Files, guard: Guard, limits: ServiceLimits, bounds: Bounds
    ) -> None:
        self._store = store
        self._files = files
        self._guard = guard
        self._limits = limits
        self._bounds = bounds
        self._fetching = Places(bounds.max_fetches)

    @asynccontextmanager
    async def accepted(
        self, prediction: Prediction, own_urls: tuple[str, ...]
    ) -> AsyncIterator[None]:
        """Take the files that a new prediction names, while the block submits it.

        The prediction gets the ids of the files that are here; the others are fetched when it is
        due. A data URI among its inputs becomes the URL of a file. That file goes at the latest
        with the last prediction that names it, and at once if the block raises `RequestError`.

        Args:
            prediction: not submitted yet.
            own_urls: URLs by which clients know this server; the first is for answers.

        Raises:
            RequestError: an input is nothing that can be taken.
        """
        new: list[str] = []
        inline: list[str] = []
        file: StoredFile | None
        try:
            for name, column in SOURCES.items():
                value = prediction.input.get(name)
                if value is None:
                    continue
                if is_data_uri(value):
                    kept = file = await self._keep(name, value, prediction.owner)
                    new.append(kept.id)
                    prediction.input[name] = file_url(own_urls[0], kept.id)
                else:
                    file = await self._find(name, value, prediction.owner, own_urls)
                if file is not None:
                    setattr(prediction, column, file.id)
                    if file.kind == "inline":
                        inline.append(file.id)
            for file_id in inline:
                await self._store.change_file(file_id, prediction_id=None)
            yield
            for file_id in inline:
                await self._store.change_file(file_id, prediction_id=prediction.id)
        except RequestError:
            await self._files.remove(new)
            raise

    async def _find(
        self, name: str, value: str, owner: str, own_urls: tuple[str, ...]
    ) -> StoredFile | None:
        """The file of this server that a URL names; None if it is to be fetched from elsewhere.

        Raises:
            RequestError: it is no such URL.
        """
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or len(value) > _LONGEST_URL:
            raise _problem(
                name, f"is {shown_url(value)}, but it should be an http(s) URL or a data URI"
            )
        for url in own_urls:
            found = _OWN_PATH.fullmatch(value[len(url) :]) if value.startswith(url) else None
            if found is not None:
                file = await self._store.file(found[1] or "")
                if file is None or file.owner != owner:
                    raise _problem(name, f"is {shown_url(value)}, but there is no such file here")
                return file
        try:
            await self._guard.check(value)
        except UrlError as error:
            raise _problem(name, f"is {shown_url(value)}, but {error}") from error
        return None

    async def fetch(self, prediction: Prediction, name: str, client: str) -> StoredFile:
        """Fetch an input of a prediction from the URL that it is.

        Args:
            prediction: the prediction.
            name: the input's.
            client: whose place the fetch takes.

        Raises:
            SourceError: it cannot be had.
        """
        return await self.download(
            name,
            prediction.input[name],
            prediction.owner,
            "source",
            client,
            prediction_id=prediction.id,
        )

    async def download(
        self,
        name: str,
        url: str,
        owner: str,
        kind: str,
        client: str,
        *,
        prediction_id: str | None = None,
        max_bytes: int | None = None,
    ) -> StoredFile:
        """Fetch a file that a client names, and keep it.

        Args:
            name: the input's.
            url: where it is.
            owner: whose it becomes.
            kind: what it is; see `StoredFile`.
            client: whose place the fetch takes.
            prediction_id: the prediction that it is for.
            max_bytes: how large it may be, if less than any file may be.

        Raises:
            SourceError: it cannot be had.
        """
        subject = f"{name} is {shown_url(url)}"
        seconds = self._limits.max_fetch_seconds
        async with self._fetching.held(client):
            try:
                async with asyncio.timeout(seconds), self._guard.get(url) as answer:
                    shown_as = shown_name(urlsplit(answer.url).path)
                    kind_of = mimetypes.guess_type(shown_as)[0]
                    file = StoredFile(
                        owner=owner,
                        kind=kind,
                        name=shown_as,
                        content_type=kind_of or "application/octet-stream",
                        prediction_id=prediction_id,
                    )
                    return await self._files.keep(self._paced(answer), file, max_bytes)
            except UrlError as error:
                raise SourceError(f"{subject}, which cannot be fetched: {error}") from error
            except FileRefusedError as error:
                raise SourceError(f"{subject}, which {error}") from error
            except TimeoutError as error:
                raise SourceError(
                    f"{subject}, which takes longer to fetch than the {seconds:g} seconds allowed"
                ) from error

    async def _paced(self, answer: Fetched) -> AsyncIterator[bytes]:
        """The body of an answer.

        Raises:
            UrlError: it comes too slowly.
        """
        pace = Pace(self._bounds)
        try:
            while chunk := await pace.next(anext(answer.body, b"")):
                pace.count(len(chunk))
                yield chunk
        except TimeoutError as error:
            raise UrlError(
                f"its server sends less than {self._bounds.min_body_rate} bytes a second "
                "(SAM2_MIN_BODY_RATE)"
            ) from error

    async def as_data_uri(self, name: str, file: StoredFile, room: int) -> str:
        """A file as a data URI, for a worker that cannot fetch it.

        Args:
            name: the input's.
            file: which one.
            room: bytes that it may have; see `MAX_DATA_URI_BYTES`.

        Raises:
            SourceError: it is too large for a worker's request.
        """
        if file.size > room:
            raise SourceError(
                f"{name} has {file.size} bytes, more than a request to a worker may have; start "
                "the server with --worker-endpoint-url, so that the worker can fetch the file"
            )
        data = b"".join([chunk async for chunk in self._files.read(file)])
        text = await asyncio.to_thread(binascii.b2a_base64, data, newline=False)
        return f"data:application/octet-stream;base64,{text.decode()}"

    async def _keep(self, name: str, value: str, owner: str) -> StoredFile:
        try:
            content_type, data = await asyncio.to_thread(read_data_uri, value)
        except ValueError as error:
            raise _problem(name, f"is a data URI, but {error}") from error

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        suffix = mimetypes.guess_extension(content_type) or ""
        try:
            file = StoredFile(
                owner=owner, kind="inline", name=f"input{suffix}", content_type=content_type
            )
            return await self._files.keep(chunks(), file)
        except FileRefusedError as error:
            raise _problem(name, str(error), error.status) from error


def _problem(name: str, clause: str, status: int = 422) -> RequestError:
    return RequestError.of_field(f"input.{name}", f"{name} {clause}", status=status)
