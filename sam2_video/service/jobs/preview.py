"""The mask of one frame, at once: a run that is not recorded and does not wait in the queue."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio.to_thread

from sam2_video.service.jobs.containers import Containers
from sam2_video.service.jobs.outputs import OutputList, OutputName
from sam2_video.service.jobs.worker_endpoint import WorkerEndpoint
from sam2_video.service.net.inputs import INPUT
from sam2_video.service.storage.files import FileTooLargeError
from sam2_video.service.storage.secrets import new_id

_MAX_MASK_BYTES = 64 * 1024**2


class PreviewError(Exception):
    """The model could not make the mask; the message is its sentence."""


@dataclass(frozen=True)
class Previews:
    """Makes masks in containers that are idle."""

    containers: Containers
    endpoint: WorkerEndpoint

    async def mask(self, picture: bytes, content_type: str, prompt: dict[str, str]) -> bytes:
        """The mask of one object on one picture, as PNG: white where the object is.

        Args:
            picture: the file's content.
            content_type: its media type.
            prompt: the inputs that mark the object: click and box strings, a mask.

        Raises:
            WorkerBusyError, WorkerUnavailableError, WorkerRefusedError, WorkerLostError: see there.
            PreviewError: the model refuses the prompt.
        """
        mask = bytearray()

        async def receive(_: OutputName, chunks: AsyncIterator[bytes]) -> None:
            async for chunk in chunks:
                mask.extend(chunk)
                if len(mask) > _MAX_MASK_BYTES:
                    raise FileTooLargeError(f"has more than {_MAX_MASK_BYTES} bytes")

        async def ignore(_: str) -> None:
            pass

        run_id = new_id()
        text = await anyio.to_thread.run_sync(base64.b64encode, picture)
        inputs = {
            **prompt,
            INPUT: f"data:{content_type};base64,{text.decode()}",
            "mask_type": "binary",
            "output_format": "png",
        }
        with self.endpoint.accepting(run_id, OutputList(), receive):
            run = await self.containers.begin_idle(run_id, inputs)
            try:
                end = await run.follow(OutputList(), receive, ignore)
            finally:
                await asyncio.shield(run.close())
                self.containers.freed()
        if end.status != "succeeded" or not mask:
            raise PreviewError(self.endpoint.redacted(end.error or "The model made no mask."))
        return bytes(mask)
