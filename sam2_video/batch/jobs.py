"""A job, what became of it, and what a worker is: what all parts of a batch share."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from sam2_video.core.errors import InputError, shown
from sam2_video.prediction.contract import contract
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
        line: its place in the manifest, from 1.
        inputs: by name, as the manifest gives them, not checked yet; but a path is absolute.
        digest: a SHA-256 of what the manifest gives: a job whose inputs change is another job.
    """

    id: str
    line: int
    inputs: Mapping[str, Any]
    digest: str


@dataclass(frozen=True)
class BadLine:
    """A line of the manifest that is no job, and the sentence that says why."""

    line: int
    error: str

    @property
    def id(self) -> str:
        """The name that its row in the results has."""
        return f"line-{self.line}"


@dataclass(frozen=True)
class Result:
    """What became of a job: a row of the results.

    Attributes:
        id: the job's.
        status: `succeeded` or `failed`.
        error: one sentence; empty for a success.
        outputs: the files, relative to the folder of the results.
        frames: of the video.
        seconds: from the job's arrival at the worker to its last file in place.
        worker: host and process that ran it; empty if none did.
        attempts: how often it was started; more than one where workers died.
        inputs: the job's digest.
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
        """Zero where nothing ran."""
        return self.frames / self.seconds if self.seconds else 0.0


class Worker(Protocol):
    """What an actor holds. `stop` is called from another thread than the rest."""

    def start(self) -> None:
        """Load what all jobs need."""

    def run(self, job: Job) -> Result:
        """Do one job; bad input is a failed result and no exception."""

    def stop(self) -> None:
        """Have the job that runs, if any, end soon, in an exception."""

    def close(self) -> None:
        """Leave nothing behind."""


def job_of(line: int, fields: Mapping[str, Any]) -> Job:
    """Make a job of a manifest's line.

    Args:
        line: its number, from 1.
        fields: the inputs and perhaps an `id`; what is None counts as not given.

    Raises:
        InputError: the id cannot name a folder.
    """
    inputs = {name: value for name, value in fields.items() if value is not None and name != "id"}
    text = json.dumps(inputs, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    given = fields.get("id")
    if given is None:
        given = f"{_readable(inputs)}-{digest[:12]}"
    name = str(given) if type(given) in (str, int) else ""
    if not _ID.fullmatch(name) or name in _RESERVED:
        raise InputError(
            f"id is {shown(str(given))}, but it names a folder: 1 to {ID_LENGTH} of the "
            "characters A-Z, a-z, 0-9, '.', '_' and '-', no '.' or '-' at its start"
        )
    for input_name in contract().files:
        source = inputs.get(input_name)
        if isinstance(source, str) and source and not _is_url(source):
            inputs[input_name] = str(Path(source).expanduser().absolute())
    return Job(name, line, inputs, digest)


def _is_url(source: str) -> bool:
    return "://" in source or is_data_uri(source)


def _readable(inputs: Mapping[str, Any]) -> str:
    """What a person knows a job by."""
    source = str(inputs.get("input_video", ""))
    stem = "" if is_data_uri(source) else PurePosixPath(source.partition("?")[0]).stem
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem[:40]).strip("-") or "job"
