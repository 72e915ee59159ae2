"""The list of jobs: JSON lines, CSV or Parquet, on this machine or in object storage; or clips.

Files are read as a stream. Ray Data first converts CSV and Parquet, on the cluster, to JSON lines
on this machine's disk; when the workers start, all cores are free again.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from glob import has_magic
from itertools import islice
from pathlib import Path
from typing import IO, Any

import fsspec
import ray
from ray.exceptions import RayError, RayTaskError

from sam2_video.batch.jobs import BadLine, Job, job_of
from sam2_video.core.errors import BatchError, InputError, reason_of
from sam2_video.prediction.clips import clips_of
from sam2_video.prediction.contract import contract

CLIPS = "clips"
_ROWS_AT_ONCE = 1000
MAX_LINE_BYTES = 64 * 1024**2  # a line may hold a video as a data URI


class Manifest:
    """A file of JSON lines; it can be iterated more than once.

    Args:
        file: is read from its start.
        inputs: hold for every job that does not have its own.
    """

    def __init__(self, file: IO[bytes], inputs: Mapping[str, Any]) -> None:
        self._file = file
        self._inputs = inputs

    def __len__(self) -> int:
        """The number of lines that are not blank."""
        return sum(1 for _ in self._lines())

    def __iter__(self) -> Iterator[Job | BadLine]:
        """Every line in order; a bad line does not affect the others."""
        for number, line in self._lines():
            try:
                yield job_of(number, {**self._inputs, **_fields(line)})
            except InputError as error:
                yield BadLine(number, str(error))

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        self._file.seek(0)
        number = 0
        while line := self._file.readline(MAX_LINE_BYTES):
            number += 1
            is_whole = True
            while not line.endswith(b"\n") and (rest := self._file.readline(MAX_LINE_BYTES)):
                is_whole, line = False, rest
            if not is_whole:
                yield number, b""
            elif line.strip():
                yield number, line.strip()


@contextmanager
def open_manifest(path: str, inputs: Mapping[str, Any]) -> Iterator[Manifest]:
    """Open a manifest; the format follows from the file extension.

    Args:
        path: a file, or a URL that fsspec can open; `.csv` and `.parquet` need a running Ray
            whose nodes can read the file. Or clips, see `clips_of`.
        inputs: hold for every job that does not have its own.

    Raises:
        BatchError: it cannot be read.
    """
    kind = format_of(path)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_as_lines(path, kind))
        except (OSError, ImportError) as error:
            raise _unreadable(path, error) from error
        yield Manifest(file, inputs)


def format_of(path: str) -> str:
    """The format of a manifest by its file extension: `jsonl`, `csv`, `parquet`, or `clips`.

    Raises:
        BatchError: it is none of these, or there is no such file.
    """
    if not path.strip():
        raise BatchError(f"MANIFEST is {path!r}, but it should name a list of jobs or a folder")
    try:
        is_folder, is_file = Path(path).is_dir(), Path(path).is_file()
    except OSError as error:
        raise _unreadable(path, error) from error
    if "://" not in path and (is_folder or has_magic(path)):
        return CLIPS
    kind = path.rpartition(".")[2].lower()
    if kind not in ("jsonl", "csv", "parquet"):
        raise BatchError(f"{path!r} should be a .jsonl, .csv or .parquet file, or a folder")
    if "://" not in path and not is_file:
        raise BatchError(f"{path!r} is not a file; it should be a list of jobs")
    return kind


def _unreadable(path: str, error: Exception) -> BatchError:
    return BatchError(f"{path!r} cannot be read: {reason_of(error)}")


def _as_lines(path: str, kind: str) -> IO[bytes]:
    """The manifest as a local file of JSON lines."""
    if kind == "jsonl" and "://" not in path:
        return Path(path).open("rb")
    with ExitStack() as stack:
        spool = stack.enter_context(tempfile.TemporaryFile())
        if kind == CLIPS:
            for clip in clips_of(path):
                spool.write(json.dumps({"input_video": clip}).encode() + b"\n")
        elif kind != "jsonl":
            for row in _rows(path, kind):
                spool.write(json.dumps(row, default=str).encode() + b"\n")
        else:
            with fsspec.open(path, "rb") as remote:
                shutil.copyfileobj(remote, spool)
        stack.pop_all()
        return spool


def _fields(line: bytes) -> dict[str, Any]:
    if not line:
        raise InputError(f"the line is longer than the {MAX_LINE_BYTES} bytes allowed")
    try:
        fields = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"the line is not JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the line is not JSON: {reason_of(error)}") from error
    if not isinstance(fields, dict):
        raise InputError('the line should be a JSON object, {"input_video": ...}')
    return fields


def _rows(path: str, kind: str) -> Iterator[dict[str, Any]]:
    """The rows of a table, in order.

    Ray Data runs in an actor, because it does not work in a driver connected by `ray://`.
    """
    place = path if "://" in path else str(Path(path).absolute())
    reader: Any = ray.remote(TableReader).options(num_cpus=0).remote(place, kind)
    try:
        while rows := ray.get(reader.read.remote()):
            yield from rows
    except RayError as error:
        cause = error.cause if isinstance(error, RayTaskError) else None
        if isinstance(cause, FileNotFoundError):
            reason = "there is no such file, or the nodes of the cluster cannot read it"
        elif cause is not None:
            reason = f"it is not a {kind} table"
        else:
            reason = "the process that reads it died"
        raise BatchError(f"{path!r} cannot be read: {reason}") from error
    finally:
        ray.kill(reader)


class TableReader:
    """Reads a table through Ray Data, block by block."""

    def __init__(self, path: str, kind: str) -> None:
        self._rows = _read_table(path, kind)

    def read(self) -> list[dict[str, Any]]:
        """The next rows; empty at the end."""
        return list(islice(self._rows, _ROWS_AT_ONCE))


def _read_table(path: str, kind: str) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.csv
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    if kind == "parquet":
        yield from ray.data.read_parquet(path).iter_rows()
        return
    # Read as text: the label "1" and the id "007" are not numbers.
    options = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in ("id", *contract().inputs)},
        null_values=[""],
        strings_can_be_null=True,
    )
    yield from ray.data.read_csv(path, convert_options=options).iter_rows()
