"""A visitor's runs: predictions as the page shows them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zipstream import ZipStream

from sam2_video.service.api.validation import InputSchema
from sam2_video.service.errors import RequestError, problem
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.jobs.outputs import unbroken
from sam2_video.service.jobs.progress import last_progress
from sam2_video.service.jobs.queue import JobQueue
from sam2_video.service.net.inputs import INPUT, Sources
from sam2_video.service.net.server_sent import KEEP_ALIVE, server_sent
from sam2_video.service.storage.database import Output, Prediction, Store, StoredFile
from sam2_video.service.storage.files import Files
from sam2_video.service.storage.secrets import new_id

_SECONDS_BETWEEN_REPORTS = 0.15
_KEEP_ALIVE_SECONDS = 10.0
_STATUSES = {
    "starting": "waiting",
    "processing": "running",
    "succeeded": "done",
    "failed": "failed",
    "canceled": "cancelled",
}


@dataclass(frozen=True)
class Runs:
    """Starts and follows predictions for visitors.

    Attributes:
        store: the records.
        files: the results.
        sources: takes the files that inputs name.
        queue: runs the predictions.
        notifier: tells of changes.
        schema: validates inputs.
        version: the version id of the model.
    """

    store: Store
    files: Files
    sources: Sources
    queue: JobQueue
    notifier: Notifier
    schema: InputSchema
    version: str
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, owner: str) -> list[Prediction]:
        """The runs of a visitor, oldest first."""
        return await self.store.kept(owner)

    async def get(self, owner: str, name: str) -> Prediction:
        """The run of that id, if the visitor owns it.

        Raises:
            RequestError: 404; whether somebody else has it is not told.
        """
        run = await self.store.prediction(name)
        if run is None or run.owner != owner or run.data_removed:
            raise RequestError(404, "That run is no longer here.")
        video = await self.store.file(run.source_id or "")
        if video is not None:
            await self.files.extend(video)
        return run

    async def start(
        self, video: StoredFile, inputs: Mapping[str, Any], own_urls: tuple[str, ...], client: str
    ) -> Prediction:
        """Put a run into the queue; it replaces the visitor's earlier ones.

        Args:
            video: what it works on; its owner becomes the run's.
            inputs: all inputs but the video.
            own_urls: URLs by which the visitor may know this server; the first is shown.
            client: whose places its fetches take.

        Raises:
            RequestError: an input is invalid, or a run is under way.
        """
        for name in inputs:
            if name not in self.schema.names:
                raise RequestError(422, f"{self.schema.unknown(name)}.")
        url = f"{own_urls[0]}/api/videos/{video.id}/file"
        run = Prediction(
            id=new_id(),
            owner=video.owner,
            version=self.version,
            input=self.schema.check({**inputs, INPUT: url}),
            base_url=own_urls[0],
        )
        async with self._starting:
            earlier = await self.store.kept(video.owner)
            if any(not one.is_finished for one in earlier):
                raise RequestError(409, "A run of yours is under way. Cancel it, or wait for it.")
            await self.queue.check_room()
            async with self.sources.accepted(run, own_urls):
                for one in earlier:
                    await self.queue.discard(one.id)
                await self.queue.submit(run, client)
        return run

    async def cancel(self, run: Prediction) -> Prediction:
        """Stop a run; when this returns it has ended. Finished files stay."""
        await self.queue.cancel(run.id)
        return await self.get(run.owner, run.id)

    async def results(self, run: Prediction) -> list[Output]:
        """The files of a run so far, in order."""
        return list(unbroken(await self.store.outputs(run.id)))

    async def result(self, run: Prediction, name: str) -> StoredFile:
        """The file of that name.

        Raises:
            RequestError: there is none.
        """
        for output in await self.store.outputs(run.id):
            if output.name == name:
                file = await self.store.file(output.id)
                if file is not None:
                    return file
        raise RequestError(404, "There is no such result.")

    async def archive(self, run: Prediction) -> ZipStream:
        """The files of a run and the inputs it had, as a zip that is made while it is sent.

        Returns:
            Iterable of bytes; its `len` is the archive's size in bytes. Pictures and video are
            compressed already, and stored as they are.
        """
        archive = ZipStream(sized=True)
        archive.add(json.dumps(summary(run)["inputs"], indent=2) + "\n", "inputs.json")
        for file in await self.results(run):
            archive.add(self.files.chunks(file.id), file.name, size=file.size)
        return archive

    async def events(self, run_id: str) -> AsyncIterator[str]:
        """Server-sent events with what is new of a run, from all of it to its end."""
        begun, num_files, num_letters = None, 0, 0
        is_first = True
        async for run in self.notifier.follow(run_id, _KEEP_ALIVE_SECONDS):
            if run is None:
                yield KEEP_ALIVE
                continue
            # Another attempt begins anew, and so does what the page shows.
            if begun not in (None, run.started_at) or len(run.logs) < num_letters:
                num_files = num_letters = 0
                is_first = True
            begun = run.started_at
            outputs = await self.store.outputs(run_id, num_files)
            names = [one.name for one in unbroken(outputs, num_files)]
            log = run.logs[num_letters:]
            if not run.is_finished:
                log = log[: log.rfind("\n") + 1]
            report = {
                **summary(run),
                "first": is_first,
                "new_files": names,
                "new_log": [line.rstrip() for line in log.split("\n") if line.strip()],
            }
            yield server_sent(json.dumps(report))
            num_files += len(names)
            num_letters += len(log)
            is_first = False
            await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)  # several changes make one report


def summary(run: Prediction) -> dict[str, Any]:
    """What the page shows of a run, but files and log."""
    progress = last_progress(run.logs)
    return {
        "id": run.id,
        "video": run.source_id,
        "inputs": {name: value for name, value in run.input.items() if name != INPUT},
        "status": _STATUSES[run.status],
        "frames_done": progress.done if progress else 0,
        "frames_total": progress.total if progress else 0,
        "seconds_left": progress.seconds_left if progress else None,
        "error": problem(run.error) if run.error else None,
    }
