"""What happens to a prediction from its creation to its end."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sam2_video.service.jobs.container_client import (
    Ended,
    Logged,
    Run,
    Worker,
    WorkerLostError,
    WorkerRefusedError,
    Yielded,
)
from sam2_video.service.jobs.containers import NoWorkerError, Workers
from sam2_video.service.jobs.notifier import Feed
from sam2_video.service.jobs.outputs import OutputName, OutputNameError, expected_outputs, unbroken
from sam2_video.service.jobs.worker_endpoint import DoorServer
from sam2_video.service.net.inputs import INPUT, SourceError, Sources, read_data_uri
from sam2_video.service.storage.database import Prediction, Store, now
from sam2_video.service.storage.files import FileRefusedError, Files, Label
from sam2_video.service.storage.secrets import new_id

logger = logging.getLogger(__name__)

_TRIES = 2


@dataclass(eq=False)
class _Attempt:
    """One run of a prediction in a worker.

    Attributes:
        prediction: which one.
        refused: why an output was not kept; None if all were.
    """

    prediction: Prediction
    refused: str | None = None


class Runner:
    """Runs predictions: fetches their input, waits for a worker, follows it, ends them.

    Everything that matters is in the store; what is here can be lost at any time.
    """

    def __init__(
        self,
        store: Store,
        files: Files,
        sources: Sources,
        workers: Workers,
        door: DoorServer,
        feed: Feed,
    ) -> None:
        self._store = store
        self._files = files
        self._sources = sources
        self._workers = workers
        self._door = door
        self._feed = feed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._attempts: dict[str, _Attempt] = {}

    async def resume(self) -> None:
        """Take up what had not ended when the server stopped, in its old order."""
        predictions = await self._store.unfinished()
        for prediction in predictions:
            await self._clear(prediction)
        for prediction in predictions:
            self.start(prediction)

    def start(self, prediction: Prediction) -> None:
        """Run a prediction, now or when it is its turn: those that are started first come first."""
        task = asyncio.create_task(self._run(prediction))
        self._tasks[prediction.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(prediction.id, None))

    async def cancel(self, prediction_id: str) -> None:
        """End a prediction that has not ended yet; the worker stops with it."""
        if await self._store.finish(prediction_id, "canceled"):
            self._feed.tell(prediction_id)
            await self._stop(self._tasks.get(prediction_id))
            await self._drop(prediction_id, "source")

    async def stop(self) -> None:
        """Let go of all predictions; they are taken up by the next start."""
        for task in list(self._tasks.values()):
            await self._stop(task)

    async def receive(self, run_id: str, name: OutputName, chunks: AsyncIterator[bytes]) -> None:
        """Take one output of a run; see `door.Uploads`."""
        attempt = self._attempts[run_id]
        try:
            await self._keep(attempt.prediction, name, chunks)
        except FileRefusedError as error:
            attempt.refused = f"the output {name.name} {error}"
            raise

    async def _run(self, prediction: Prediction) -> None:
        try:
            # Nothing is waited for between here and the line, or the order would be lost.
            source_id = prediction.source_id or await self._fetch(prediction)
            reason = ""
            for _ in range(_TRIES):
                try:
                    return await self._try(prediction, source_id)
                except WorkerLostError as error:
                    reason = str(error)
                    logger.warning("%s lost its worker: %s", prediction.id, reason)
                    await self._clear(prediction)
            await self._fail(prediction, f"The worker was lost {_TRIES} times: {reason}.")
        except (SourceError, WorkerRefusedError) as error:
            await self._fail(prediction, str(error))
        except NoWorkerError as error:
            await self._fail(prediction, f"No worker is alive: {error}.")
        except Exception:
            logger.exception("prediction %s", prediction.id)
            await self._fail(prediction, "This server made a mistake; its log says which.")

    async def _fetch(self, prediction: Prediction) -> str:
        """Fetch the input from the address that it names; the id of the file."""
        file = await self._sources.fetch(prediction)
        await self._store.change(prediction.id, source_id=file.id)
        return file.id

    async def _try(self, prediction: Prediction, source_id: str) -> None:
        """Run a prediction once.

        Raises:
            WorkerLostError: the worker died or lost something, so another try may do better.
            WorkerRefusedError, NoWorkerError, SourceError: see there.
        """
        run_id = new_id()
        attempt = self._attempts[run_id] = _Attempt(prediction)

        async def inputs_for(worker: Worker) -> dict[str, Any]:
            source = await self._store.file(source_id)
            if source is None:
                raise SourceError(f"{INPUT} names a file that was deleted")
            if self._door.is_reached_by(worker.url):
                value = self._door.input_url(source)
            else:
                value = await self._sources.as_data_uri(source)
            return {**prediction.input, INPUT: value}

        try:
            run = await self._workers.begin(prediction.number, run_id, inputs_for)
            started = time.monotonic()
            try:
                await self._store.change(prediction.id, status="processing", started_at=now())
                self._feed.tell(prediction.id)
                end = await self._follow(run, attempt)
            finally:
                await asyncio.shield(run.close())
                self._workers.freed()
            await self._end(attempt, end, time.monotonic() - started)
        finally:
            del self._attempts[run_id]

    async def _follow(self, run: Run, attempt: _Attempt) -> Ended:
        """Keep what a worker tells, up to the end."""
        prediction = attempt.prediction
        async with aclosing(run.events()) as events:
            async for event in events:
                if isinstance(event, Ended):
                    return event
                if isinstance(event, Logged):
                    await self._store.log(prediction.id, event.text)
                elif isinstance(event, Yielded) and event.value.startswith("data:"):
                    await self._receive_inline(attempt, event)
                self._feed.tell(prediction.id)
        raise AssertionError("a stream of events ends with an end")

    async def _receive_inline(self, attempt: _Attempt, output: Yielded) -> None:
        """Keep an output that came inside its event, from a worker that uploads nothing."""
        interval = attempt.prediction.interval
        try:
            content_type, data = await asyncio.to_thread(read_data_uri, output.value)
            name = OutputName.of_nth(content_type, output.position, interval)
        except (ValueError, OutputNameError) as error:
            raise WorkerLostError(f"it sent an output that cannot be read ({error})") from error

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        try:
            await self._keep(attempt.prediction, name, chunks())
        except FileRefusedError as error:
            attempt.refused = f"the output {name.name} {error}"

    async def _keep(
        self, prediction: Prediction, name: OutputName, chunks: AsyncIterator[bytes]
    ) -> None:
        label = Label(
            owner=prediction.owner,
            kind="output",
            name=name.name,
            content_type=name.content_type,
            frame=name.frame,
            prediction_id=prediction.id,
        )
        await self._files.keep(chunks, label)
        self._feed.tell(prediction.id)

    async def _end(self, attempt: _Attempt, end: Ended, seconds: float) -> None:
        """End a prediction as its worker did, if all outputs are here."""
        prediction = attempt.prediction
        values = {"logs": end.logs, "predict_time": end.predict_time or seconds}
        if attempt.refused is not None:
            await self._finish(prediction, "failed", error=attempt.refused, **values)
        elif end.status == "succeeded":
            await self._check_outputs(prediction, end)
            await self._finish(prediction, "succeeded", **values)
        elif end.status == "failed":
            error = end.error or "The worker gives no reason."
            await self._finish(prediction, "failed", error=error, **values)
        else:
            raise WorkerLostError("it canceled the prediction by itself")

    async def _check_outputs(self, prediction: Prediction, end: Ended) -> None:
        """Hold the files that came against the number that there has to be.

        A container tells nobody but its own log of an upload that failed.
        """
        frames = [file.frame for file in await self._store.outputs(prediction.id)]
        expected = expected_outputs(end.logs, prediction.interval, prediction.is_video)
        if expected is None:
            expected = end.count
        if expected == 0:
            raise WorkerLostError("it has no outputs")
        if len(frames) != expected or unbroken(frames, prediction.interval) != expected:
            raise WorkerLostError(
                f"{len(frames)} of {expected} outputs arrived; if it keeps happening, look at the "
                "worker's log and its --upload-url"
            )

    async def _clear(self, prediction: Prediction) -> None:
        """Set aside what an earlier try has left: who was told of it can still read it."""
        await self._store.set_outputs_aside(prediction.id)
        await self._store.change(prediction.id, status="starting", logs="", started_at=None)
        self._feed.tell(prediction.id)

    async def _fail(self, prediction: Prediction, sentence: str) -> None:
        await self._finish(prediction, "failed", error=sentence)

    async def _finish(self, prediction: Prediction, status: str, **values: Any) -> None:
        if status == "failed":
            await self._drop(prediction.id, "output")
        await self._store.finish(prediction.id, status, **values)
        self._feed.tell(prediction.id)
        await self._drop(prediction.id, "source")

    async def _drop(self, prediction_id: str, kind: str) -> None:
        await self._files.remove(await self._store.file_ids(prediction_id, kind))

    async def _stop(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
