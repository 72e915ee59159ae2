"""Workers without a model."""

import os
import signal
from pathlib import Path

from sam2_video.batch.jobs import SUCCEEDED, Job, Result
from sam2_video.core.errors import BatchError


class Stub:
    """Says at once that a job is done; unless its click says otherwise.

    Args:
        traces: a folder that gets a file for each job that was begun.
    """

    def __init__(self, traces: Path) -> None:
        self.traces = traces

    def start(self) -> None:
        pass

    def run(self, job: Job) -> Result:
        count = len(list(self.traces.glob(f"{job.id}.*")))
        (self.traces / f"{job.id}.{count}").touch()
        what = job.inputs["click_coordinates"]
        if what == "die" or (what == "die once" and count == 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "raise":
            raise KeyError("nobody expected this")
        return Result(job.id, SUCCEEDED, job.digest, frames=10, seconds=0.5)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class Unwilling(Stub):
    """Does not start."""

    def start(self) -> None:
        raise BatchError("no model is here")


class Fragile(Stub):
    """Dies when it starts."""

    def start(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
