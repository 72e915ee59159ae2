"""What all parts of a batch share: a job, its result, and the interface of a worker."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from sam2_video.core.errors import InputError, shown
from sam2_video.prediction.data_uri import is_data_uri

SUCCEEDED, FAILED = "succeeded", "failed"
ID_LENGTH = 128
_ID = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{ID_LENGTH - 1}}}")
_RESERVED = ("results.jsonl", "results.parquet")


@dataclass(frozen=True)
class Job:
    """One prediction to make.

    Attributes:
        id: names the folder of its outputs, and its row in the results.
        line: its line in the manifest, from 1.
        inputs: by name, as the manifest gives them; not checked yet.
        folder: relative paths in `inputs` start here: where the command was run.
        digest: SHA-256 of the inputs: a job whose inputs change counts as another job.
    """

    id: str
    line: int
    inputs: Mapping[str, Any]
    folder: str
    digest: str


@dataclass(frozen=True)
class BadLine:
    """A line of the manifest that is not a job, and a sentence that says why."""

    line: int
    error: str

    @property
    def id(self) -> str:
        """The id of its row in the results."""
        return f"line-{self.line}"


@dataclass(frozen=True)
class Result:
    """A row of the results.

    Attributes:
        id: the job's.
        status: `succeeded` or `failed`.
        inputs: the job's digest.
        error: one sentence; empty for a success.
        outputs: the files, relative to the folder of the results.
        frames: number of frames of the video.
        seconds: from the job's arrival at the worker to its last file in place.
        worker: host and process that ran it; empty if none did.
        attempts: how often it was started; more than one if a worker died.
    """

    id: str
    status: str
    inputs: str
    error: str = ""
    outputs: list[str] = field(default_factory=list)
    frames: int = 0
    seconds: float = 0.0
    worker: str = ""
    attempts: int = 0

    @property
    def frames_per_second(self) -> float:
        """Zero if nothing ran."""
        return self.frames / self.seconds if self.seconds else 0.0


class Worker(Protocol):
    """Runs jobs in an actor. `stop` is called from another thread than the rest."""

    def start(self) -> None:
        """Load what all jobs need."""

    def run(self, job: Job) -> Result:
        """Run one job. Bad input gives a failed result, not an exception."""

    def stop(self) -> None:
        """Make the running job, if any, raise an exception soon."""

    def close(self) -> None:
        """Remove temporary files."""


def job_of(line: int, fields: Mapping[str, Any]) -> Job:
    """Turn a line of the manifest into a job.

    Args:
        line: its number, from 1.
        fields: the inputs, and optionally an `id`; None counts as not given.

    Raises:
        InputError: the id cannot name a folder.
    """
    inputs = {name: value for name, value in fields.items() if value is not None and name != "id"}
    text = json.dumps(inputs, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    given = fields.get("id")
    if given is None:
        given = f"{_stem(inputs)}-{digest[:12]}"
    name = str(given) if type(given) in (str, int) else ""
    if not _ID.fullmatch(name) or name in _RESERVED:
        raise InputError(
            f"id is {shown(str(given))}, but it names a folder: 1 to {ID_LENGTH} of the "
            "characters A-Z, a-z, 0-9, '.', '_' and '-', not starting with '.' or '-'"
        )
    return Job(name, line, inputs, str(Path.cwd()), digest)


def _stem(inputs: Mapping[str, Any]) -> str:
    """The readable part of an id: the name of the video."""
    source = str(inputs.get("input_video", ""))
    stem = "" if is_data_uri(source) else PurePosixPath(source.partition("?")[0]).stem
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem[:40]).strip("-") or "job"
