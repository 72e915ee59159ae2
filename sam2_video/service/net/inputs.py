"""The file that an input names: a data URI, a file of this server, or a URL."""

import asyncio
import binascii
import mimetypes
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from sam2_video.core.errors import shown
from sam2_video.prediction.data_uri import is_data_uri, read_data_uri
from sam2_video.service.errors import RequestError
from sam2_video.service.net.guard import Fetched, Guard, UrlError, shown_url
from sam2_video.service.net.places import Pace, Places
from sam2_video.service.settings import Bounds, ServiceLimits
from sam2_video.service.storage.database import Prediction, Store, StoredFile
from sam2_video.service.storage.files import FileRefusedError, Files, shown_name

INPUT = "input_video"

_OWN_FILE = re.compile(r"/v1/(?:files|outputs)/([a-z2-7]{26})(?:/.*)?")
_LONGEST_URL = 8192


class SourceError(Exception):
    """The input cannot be had; the message is one sentence."""


class Sources:
    """Finds, stores and fetches what `input_video` names."""

    def __init__(
        self, store: Store, files: Files, guard: Guard, limits: ServiceLimits, bounds: Bounds
    ) -> None:
        self._store = store
        self._files = files
        self._guard = guard
        self._limits = limits
        self._bounds = bounds
        self._fetching = Places(bounds.max_fetches)

    async def accept(self, value: str, owner: str, own_urls: tuple[str, ...]) -> StoredFile | None:
        """Take what a client names as its input.

        Args:
            value: what it names.
            owner: whose token it has.
            own_urls: URLs by which clients know this server.

        Returns:
            The file, or None if it has to be fetched when the prediction is due.

        Raises:
            RequestError: it is nothing that can be taken.
        """
        if is_data_uri(value):
            return await self._store_data_uri(value, owner)
        try:
            parts = urlsplit(value)
            is_own = any(value.startswith(f"{url}/v1/") for url in own_urls)
        except ValueError:
            parts, is_own = urlsplit(""), False
        if parts.scheme not in ("http", "https") or len(value) > _LONGEST_URL:
            raise _problem(
                f"{INPUT} is {shown_url(value)}, but it should be an http(s) URL or a data URI"
            )
        if is_own:
            found = _OWN_FILE.fullmatch(parts.path)
            file = await self._store.file(found[1]) if found else None
            if file is None or file.owner != owner:
                raise _problem(f"{INPUT} is {shown(value)}, but there is no such file here")
            return file
        try:
            await self._guard.check(value)
        except UrlError as error:
            raise _problem(f"{INPUT} is {shown_url(value)}, but {error}") from error
        return None

    async def fetch(self, prediction: Prediction) -> StoredFile:
        """Fetch the input of a prediction from the URL that it names.

        Raises:
            SourceError: it cannot be had.
        """
        return await self.download(
            str(prediction.input[INPUT]),
            prediction.owner,
            "source",
            prediction.owner,
            prediction_id=prediction.id,
        )

    async def download(
        self,
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
            url: where it is.
            owner: whose it becomes.
            kind: what it is; see `StoredFile`.
            client: whose place the fetching takes.
            prediction_id: the prediction that it is for.
            max_bytes: how large it may be, if less than any file may be.

        Raises:
            SourceError: it cannot be had.
        """
        subject = f"{INPUT} is {shown_url(url)}"
        seconds = self._limits.max_fetch_seconds
        async with self._fetching.held(client):
            try:
                async with asyncio.timeout(seconds), self._guard.get(url) as answer:
                    name = shown_name(urlsplit(answer.url).path)
                    file = StoredFile(
                        owner=owner,
                        kind=kind,
                        name=name,
                        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
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

    async def as_data_uri(self, file: StoredFile) -> str:
        """A file as a data URI, for a worker that cannot fetch it.

        Raises:
            SourceError: it is too large for a worker's request.
        """
        if file.size > 70 * 1024**2:  # a request to a worker may have 100 MiB, and base64 adds 1/3
            raise SourceError(
                f"{INPUT} has {file.size} bytes, more than a request to a worker may have; start "
                "the server with --worker-endpoint-url, so that the worker can fetch the file"
            )
        data = b"".join([chunk async for chunk in self._files.read(file)])
        text = await asyncio.to_thread(binascii.b2a_base64, data, newline=False)
        return f"data:application/octet-stream;base64,{text.decode()}"

    async def _store_data_uri(self, value: str, owner: str) -> StoredFile:
        try:
            content_type, data = await asyncio.to_thread(read_data_uri, value)
        except ValueError as error:
            raise _problem(f"{INPUT} is a data URI, but {error}") from error

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        suffix = mimetypes.guess_extension(content_type) or ""
        try:
            file = StoredFile(
                owner=owner, kind="inline", name=f"input{suffix}", content_type=content_type
            )
            return await self._files.keep(chunks(), file)
        except FileRefusedError as error:
            raise _problem(f"{INPUT} {error}") from error


def _problem(sentence: str) -> RequestError:
    return RequestError.of_field(f"input.{INPUT}", sentence)
