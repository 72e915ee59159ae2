"""What happens to a prediction from its creation to its end."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from sam2_video.service.errors import NO_WORKER, SERVER_FAILED, RequestError
from sam2_video.service.jobs.container_client import (
    ContainerClient,
    WorkerLostError,
    WorkerRefusedError,
)
from sam2_video.service.jobs.container_events import End
from sam2_video.service.jobs.containers import Containers, NoWorkerError
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.jobs.outputs import LAST, OutputList, OutputName, unbroken
from sam2_video.service.jobs.worker_endpoint import WorkerEndpoint
from sam2_video.service.net.inputs import MAX_DATA_URI_BYTES, SourceError, Sources
from sam2_video.service.storage.database import SOURCES, Prediction, Store, StoredFile
from sam2_video.service.storage.files import FileRefusedError, Files
from sam2_video.service.storage.secrets import new_id

logger = logging.getLogger(__name__)

_ATTEMPTS = 2
RETRY_SECONDS = 10  # after which a client should ask a full queue again
_SECONDS_BETWEEN_DEADLINES = 1.0


@dataclass(eq=False)
class _Attempt:
    """One run of a prediction in a container.

    Attributes:
        prediction: which one.
        refused: why an output was not kept; None if all were.
    """

    prediction: Prediction
    refused: str | None = None


class JobQueue:
    """Runs predictions: fetches their inputs, waits for a container, follows it, ends them.

    Its state is in the store, so predictions survive a stop of the server.

    Args:
        store: the records.
        files: takes the outputs.
        sources: fetches inputs.
        containers: run the predictions.
        endpoint: takes what containers upload.
        notifier: is told of every change.
        max_unfinished: how many predictions may be in the queue, running ones included.
    """

    def __init__(
        self,
        store: Store,
        files: Files,
        sources: Sources,
        containers: Containers,
        endpoint: WorkerEndpoint,
        notifier: Notifier[Prediction],
        max_unfinished: int,
    ) -> None:
        self._store = store
        self._files = files
        self._sources = sources
        self._containers = containers
        self._endpoint = endpoint
        self._notifier = notifier
        self.max_unfinished = max_unfinished
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._deadlines: asyncio.Task[None] | None = None

    async def room(self) -> int:
        """How many more predictions would be taken now."""
        return max(self.max_unfinished - await self._store.count_unfinished(), 0)

    async def check_room(self) -> None:
        """Look whether one more prediction would be taken.

        Raises:
            RequestError: it would not.
        """
        if not await self.room():
            raise _full()

    async def submit(self, prediction: Prediction, client: str) -> None:
        """Record a new prediction and run it when its turn comes.

        Args:
            prediction: the prediction.
            client: whose places its fetches take.

        Raises:
            RequestError: the queue is full.
        """
        if not await self._store.add(prediction, self.max_unfinished):
            raise _full()
        self._start(prediction, client)

    async def resume(self) -> None:
        """Take up what had not ended when the server stopped, in its old order."""
        await self._end_overdue()
        self._deadlines = asyncio.create_task(self._watch_deadlines())
        predictions = await self._store.unfinished()
        for prediction in predictions:
            await self._clear(prediction)
        for prediction in predictions:
            self._start(prediction, prediction.owner)

    def _start(self, prediction: Prediction, client: str) -> None:
        task = asyncio.create_task(self._run(prediction, client))
        self._tasks[prediction.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(prediction.id, None))

    async def cancel(self, prediction_id: str, status: str = "canceled") -> None:
        """End a prediction that has not ended yet; its container stops.

        Args:
            prediction_id: which one.
            status: what it becomes if it has not begun; one that runs becomes `canceled`.
        """
        prediction = await self._store.prediction(prediction_id)
        values: dict[str, Any] = {}
        if prediction is not None and prediction.started_at is not None:
            status = "canceled"
            values["predict_time"] = (self._store.now() - prediction.started_at).total_seconds()
        if await self._store.finish(prediction_id, status, **values):
            self._notifier.notify(prediction_id)
            await self._stop(self._tasks.get(prediction_id))
            await self._drop(prediction_id, "source")

    async def discard(self, prediction_id: str) -> None:
        """Cancel a prediction if it has not ended, and delete what it made."""
        await self.cancel(prediction_id)
        await self._files.remove(await self._store.file_ids(prediction_id))
        await self._store.discard(prediction_id)

    async def stop(self) -> None:
        """Let go of all predictions; they are taken up by the next start."""
        await self._stop(self._deadlines, *self._tasks.values())

    async def _watch_deadlines(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_DEADLINES)
            try:
                await self._end_overdue()
            except Exception:
                logger.exception("overdue predictions could not be ended")

    async def _end_overdue(self) -> None:
        for name in await self._store.overdue():
            await self.cancel(name, "aborted")

    async def _run(self, prediction: Prediction, client: str) -> None:
        try:
            # Nothing is awaited between here and the queue, or the order would be lost.
            sources = {
                name: getattr(prediction, column) or await self._fetch(prediction, name, client)
                for name, column in SOURCES.items()
                if name in prediction.input
            }
            reason = ""
            for _ in range(_ATTEMPTS):
                try:
                    return await self._attempt(prediction, sources)
                except WorkerLostError as error:
                    reason = str(error)
                    logger.warning("%s lost its worker: %s", prediction.id, reason)
                    await self._clear(prediction)
            await self._fail(prediction, f"The worker was lost {_ATTEMPTS} times: {reason}.")
        except (SourceError, WorkerRefusedError) as error:
            await self._fail(prediction, str(error))
        except NoWorkerError as error:
            logger.warning("%s found no worker alive: %s", prediction.id, error)
            await self._fail(prediction, NO_WORKER)
        except Exception:
            logger.exception("prediction %s", prediction.id)
            await self._fail(prediction, SERVER_FAILED)

    async def _fetch(self, prediction: Prediction, name: str, client: str) -> str:
        """Fetch an input from the URL that it is; the id of the file."""
        file = await self._sources.fetch(prediction, name, client)
        await self._store.change(prediction.id, **{SOURCES[name]: file.id})
        return file.id

    async def _attempt(self, prediction: Prediction, sources: Mapping[str, str]) -> None:
        """Run a prediction once.

        Args:
            prediction: which one.
            sources: the ids of the files that its inputs name, by input.

        Raises:
            WorkerLostError: the worker died or lost something, so another attempt may succeed.
            WorkerRefusedError, NoWorkerError, SourceError: see there.
        """
        run_id, outputs = new_id(), OutputList.of(prediction.input)
        attempt = _Attempt(prediction)

        async def inputs_for(container: ContainerClient) -> dict[str, Any]:
            files = {name: await self._store.file(file_id) for name, file_id in sources.items()}
            inputs = dict(prediction.input)
            room = MAX_DATA_URI_BYTES
            for name, file in files.items():
                if file is None:
                    raise SourceError(f"{name} names a file that was deleted")
                if self._endpoint.is_reached_by(container.url):
                    inputs[name] = self._endpoint.input_url(file)
                else:
                    inputs[name] = await self._sources.as_data_uri(name, file, room)
                    room -= file.size
            return inputs

        async def receive(name: OutputName, chunks: AsyncIterator[bytes]) -> None:
            await self._keep(attempt, name, chunks)

        async def log(text: str) -> None:
            await self._store.log(prediction.id, self._endpoint.redacted(text))
            self._notifier.notify(prediction.id)

        with self._endpoint.accepting(run_id, outputs, receive):
            run = await self._containers.begin(prediction.number, run_id, inputs_for)
            started = time.monotonic()
            try:
                await self._store.change(
                    prediction.id, status="processing", started_at=self._store.now()
                )
                self._notifier.notify(prediction.id)
                end = await run.follow(outputs, receive, log)
            finally:
                await asyncio.shield(run.close())
                self._containers.freed()
            await self._end(attempt, end, time.monotonic() - started)

    async def _keep(
        self, attempt: _Attempt, name: OutputName, chunks: AsyncIterator[bytes]
    ) -> None:
        """Keep one output.

        Raises:
            FileRefusedError: it cannot be kept.
        """
        prediction = attempt.prediction
        file = StoredFile(
            owner=prediction.owner,
            kind="output",
            name=name.name,
            content_type=name.content_type,
            position=name.position,
            prediction_id=prediction.id,
        )
        try:
            await self._files.keep(chunks, file)
        except FileRefusedError as error:
            attempt.refused = f"the output {name.name} {error}"
            raise
        self._notifier.notify(prediction.id)

    async def _end(self, attempt: _Attempt, end: End, seconds: float) -> None:
        """End a prediction as its container did, if all outputs are here."""
        prediction = attempt.prediction
        logs = self._endpoint.redacted(end.logs)
        values = {"logs": logs, "predict_time": end.predict_time or seconds}
        if attempt.refused is not None:
            await self._fail(prediction, attempt.refused, **values)
        elif end.status == "succeeded":
            await self._check_outputs(prediction, end)
            await self._finish(prediction, "succeeded", **values)
        elif end.status == "failed":
            error = end.error or "The worker gives no reason."
            await self._fail(prediction, error, **values)
        else:
            raise WorkerLostError("it canceled the prediction by itself")

    async def _check_outputs(self, prediction: Prediction, end: End) -> None:
        """Compare the files that came with the number that there has to be.

        A container tells only its own log of an upload that failed.
        """
        outputs = await self._store.outputs(prediction.id)
        expected = OutputList.of(prediction.input).expected(end.logs, end.count)
        if expected == 0:
            raise WorkerLostError("it has no outputs")
        has_last = bool(outputs) and outputs[-1].position == LAST
        if has_last:
            outputs[-1] = outputs[-1]._replace(position=len(outputs) - 1)
        if len(outputs) != expected or len(unbroken(outputs)) != expected:
            raise WorkerLostError(
                f"{len(outputs)} of {expected} outputs arrived; if it keeps happening, look at the "
                "worker's log and its --upload-url"
            )
        if has_last:
            await self._store.change_file(outputs[-1].id, position=outputs[-1].position)

    async def _clear(self, prediction: Prediction) -> None:
        """Supersede what an earlier attempt made: clients that know its outputs can read them."""
        await self._store.supersede_outputs(prediction.id)
        await self._store.change(prediction.id, status="starting", logs="", started_at=None)
        self._notifier.notify(prediction.id)

    async def _fail(self, prediction: Prediction, sentence: str, **values: Any) -> None:
        error = self._endpoint.redacted(sentence)
        await self._finish(prediction, "failed", error=error, **values)

    async def _finish(self, prediction: Prediction, status: str, **values: Any) -> None:
        if status == "failed":
            await self._drop(prediction.id, "output")
        await self._store.finish(prediction.id, status, **values)
        self._notifier.notify(prediction.id)
        await self._drop(prediction.id, "source")

    async def _drop(self, prediction_id: str, kind: str) -> None:
        await self._files.remove(await self._store.file_ids(prediction_id, kind))

    async def _stop(self, *tasks: asyncio.Task[None] | None) -> None:
        running = [task for task in tasks if task is not None]
        # All before the first is waited for, whose end lets the next one begin.
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


def _full() -> RequestError:
    return RequestError(429, "The queue is full; try again later.", retry_after=RETRY_SECONDS)
