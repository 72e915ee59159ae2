"""The table of results, as JSON lines and as Parquet: one row per job.

Rows are appended to a journal as jobs end. The next batch reads the journal to know which jobs are
done. At the end superseded rows are dropped and the Parquet file is written.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sam2_video.batch.jobs import SUCCEEDED, Job, Result
from sam2_video.batch.storage import Store
from sam2_video.core.errors import BatchError, writing

JOURNAL, TABLE = "results.jsonl", "results.parquet"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("outputs", pa.list_(pa.string())),
        ("frames", pa.int64()),
        ("seconds", pa.float64()),
        ("frames_per_second", pa.float64()),
        ("worker", pa.string()),
        ("attempts", pa.int64()),
        ("inputs", pa.string()),
    ]
)
_ROWS_A_GROUP = 1000
_SECONDS_BETWEEN_SAVES = 60.0


@dataclass(frozen=True)
class Claim:
    """The earlier line with the same id, and whether it has the same inputs."""

    line: int
    is_same: bool


class Results:
    """The journal, and an index of it on disk, so that memory does not grow with the rows."""

    def __init__(self, path: Path, file: BinaryIO, store: Store) -> None:
        self._path, self._file, self._store = path, file, store
        # With an empty name, SQLite uses a temporary file that is deleted with the connection.
        self._index = sqlite3.connect("", isolation_level=None)
        self._index.execute(
            "CREATE TABLE latest (id TEXT PRIMARY KEY, start INT, status TEXT, inputs TEXT)"
        )
        self._index.execute("CREATE TABLE claimed (id TEXT PRIMARY KEY, line INT, inputs TEXT)")
        self._read_back()
        self._saved = time.monotonic()

    def has_succeeded(self, job: Job) -> bool:
        """Whether the job succeeded in an earlier batch with the same inputs."""
        query = "SELECT status, inputs FROM latest WHERE id = ?"
        return self._index.execute(query, (job.id,)).fetchone() == (SUCCEEDED, job.digest)

    def claim(self, job: Job) -> Claim | None:
        """Register a job's id; the earlier line of this batch that has it, if any."""
        query = "SELECT line, inputs FROM claimed WHERE id = ?"
        row = self._index.execute(query, (job.id,)).fetchone()
        if row is not None:
            return Claim(line=row[0], is_same=row[1] == job.digest)
        self._index.execute("INSERT INTO claimed VALUES (?, ?, ?)", (job.id, job.line, job.digest))
        return None

    def add(self, result: Result) -> None:
        """Append a row; it is on disk when this returns.

        Raises:
            OutputError: it cannot be written.
        """
        row = {**asdict(result), "frames_per_second": round(result.frames_per_second, 3)}
        with writing():
            start = self._file.tell()
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()
        self._remember(start, row)
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
            self._store.save(self._path, JOURNAL)
            self._saved = time.monotonic()

    def close(self) -> None:
        """Drop superseded rows, write the Parquet file, and save both.

        Raises:
            OutputError: they cannot be written.
        """
        with writing(), closing(self._index):
            if self._index.execute("SELECT count(*) FROM latest").fetchone() == (0,):
                self._path.unlink(missing_ok=True)
                return
            with tempfile.TemporaryDirectory() as folder:
                journal, table = Path(folder, JOURNAL), Path(folder, TABLE)
                with journal.open("wb") as lines, pq.ParquetWriter(table, SCHEMA) as groups:
                    latest = self._latest()
                    while rows := list(islice(latest, _ROWS_A_GROUP)):
                        lines.writelines(json.dumps(row).encode() + b"\n" for row in rows)
                        groups.write_table(pa.Table.from_pylist(rows, SCHEMA))
                self._store.save(table, TABLE)
                self._store.save(journal, JOURNAL)

    def _read_back(self) -> None:
        """Index the rows of the journal; an incomplete last line is removed."""
        self._file.seek(0)
        start = 0
        for line in self._file:
            try:
                self._remember(start, json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                if line.endswith(b"\n"):
                    raise BatchError(
                        f"{JOURNAL} has a line that is not a result; move it away to start over"
                    ) from error
                break
            start += len(line)
        self._file.truncate(start)
        self._file.seek(start)

    def _remember(self, start: int, row: dict[str, Any]) -> None:
        values = (row["id"], start, row["status"], row["inputs"])
        self._index.execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?)", values)

    def _latest(self) -> Iterator[dict[str, Any]]:
        """The last row of every id, in the order of the journal."""
        for (start,) in self._index.execute("SELECT start FROM latest ORDER BY start"):
            self._file.seek(start)
            yield json.loads(self._file.readline())


@contextmanager
def open_results(store: Store) -> Iterator[Results]:
    """Open the results of a store; both files are complete when the block ends, error or not."""
    with (
        store.journal(JOURNAL) as path,
        path.open("ab+") as file,
        closing(Results(path, file, store)) as results,
    ):
        yield results
