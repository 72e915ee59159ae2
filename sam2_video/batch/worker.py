"""Runs a job in an actor. This module does not depend on Ray."""

import os
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch

from sam2_video.batch.jobs import FAILED, SUCCEEDED, Job, Result
from sam2_video.batch.storage import OBJECT_SCHEMES, fetch_object, open_store
from sam2_video.core.errors import DeviceMemoryError, InputError, OutputError, shown
from sam2_video.core.limits import Limits
from sam2_video.core.workspace import Workspace
from sam2_video.engine.model import load_model
from sam2_video.prediction.contract import contract
from sam2_video.prediction.fetch import existing_file, is_url
from sam2_video.prediction.request import CheckedRequest, Request, checked_request
from sam2_video.prediction.startup import fetch_named_weights
from sam2_video.prediction.track import warm_up


class Stopped(Exception):  # noqa: N818 - not an error: the batch is stopping
    """The running job was cancelled."""


class Checker:
    """Validates jobs without a model: types and bounds, the video, click positions.

    Raises:
        SettingError: a limit in the environment is not a number above 0.
    """

    def __init__(self) -> None:
        self.limits = Limits.from_env()
        self.workspace = Workspace()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Nothing to load."""

    def run(self, job: Job) -> Result:
        started = time.monotonic()
        try:
            self.workspace.fresh()
            request = self._request(job)
            with checked_request(request, self.workspace.folder, self.limits) as checked:
                outputs = self._outputs(job, checked)
            frames = len(checked.prepared.video.frames)
            result = Result(job.id, SUCCEEDED, job.digest, outputs=outputs, frames=frames)
        except (InputError, OutputError, DeviceMemoryError) as error:
            result = Result(job.id, FAILED, job.digest, error=str(error))
        finally:
            seconds = time.monotonic() - started
            self.workspace.fresh()
        return replace(result, seconds=seconds)

    def stop(self) -> None:
        self._stopping.set()

    def close(self) -> None:
        self.workspace.close()

    def _outputs(self, job: Job, checked: CheckedRequest) -> list[str]:
        """A check writes no files."""
        return []

    def _request(self, job: Job) -> Request:
        inputs = contract().complete(contract().parse(job.inputs))
        for name in contract().files:
            if inputs[name] is not None:
                inputs[name] = self._source(name, inputs[name], job.folder)
        return Request(**inputs)

    def _source(self, name: str, source: str, folder: str) -> Path | str:
        """A local file, or a URL that is fetched later."""
        if is_url(source):
            return source
        scheme, separator, rest = source.partition("://")
        if scheme.lower() in OBJECT_SCHEMES:
            path = self.workspace.folder / f"object-{name}"
            url = f"{scheme.lower()}://{rest}"
            fetch_object(name, url, path, self.limits.max_video_bytes)
            return path
        if separator:
            raise InputError(
                f"{name} is {shown(source)}, but it should be a path, a data URI or a URL that "
                f"starts with http, https, {' or '.join(OBJECT_SCHEMES)}"
            )
        return existing_file(name, source, source, folder)


class Segmenter(Checker):
    """Loads one model and runs predictions, as the container does.

    Args:
        output: where the files go; see `open_store`.
        threads: number of threads of the model.
    """

    def __init__(self, output: str, threads: int) -> None:
        super().__init__()
        self._store = open_store(output)
        self._threads = threads

    def start(self) -> None:
        """Load the model.

        Raises:
            CheckpointError: it cannot be fetched or loaded.
        """
        self._limit_threads()
        fetch_named_weights()
        self._model = load_model()
        warm_up(self._model)

    def run(self, job: Job) -> Result:
        self._limit_threads()
        return super().run(job)

    def _outputs(self, job: Job, checked: CheckedRequest) -> list[str]:
        folder = self.workspace.folder / "prediction"
        files = checked.run(self._model, folder, self.workspace.folder, self._advance)
        with closing(files):
            names = [f"{job.id}/{path.relative_to(folder).as_posix()}" for path in files]
        self._store.publish(folder, job.id)
        return names

    def _advance(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _limit_threads(self) -> None:
        """Set it again in every thread that calls torch: torch keeps it per thread."""
        os.environ["OMP_NUM_THREADS"] = str(self._threads)
        torch.set_num_threads(self._threads)
