"""The table of results: a row a job, the last one that it had, as JSON lines and as Parquet.

Rows are appended to a journal as they come. The same file, read again, is what a repeated batch
knows of the earlier one. At the end rows that were overtaken go, and Parquet is written.
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
    """The line that has an id, and whether its inputs are those of the line that asks."""

    line: int
    is_same: bool


class Results:
    """The journal, and an index of it on disk: memory does not grow with the number of rows."""

    def __init__(self, path: Path, file: BinaryIO, store: Store) -> None:
        self._path, self._file, self._store = path, file, store
        # An empty name makes SQLite keep it in a temporary file that goes with the connection.
        self._index = sqlite3.connect("", isolation_level=None)
        self._index.execute(
            "CREATE TABLE latest (id TEXT PRIMARY KEY, place INT, status TEXT, inputs TEXT)"
        )
        self._index.execute("CREATE TABLE claimed (id TEXT PRIMARY KEY, line INT, inputs TEXT)")
        self._read_back()
        self._saved = time.monotonic()

    def has_succeeded(self, job: Job) -> bool:
        """Whether the job, with these very inputs, succeeded before."""
        query = "SELECT status, inputs FROM latest WHERE id = ?"
        return self._index.execute(query, (job.id,)).fetchone() == (SUCCEEDED, job.digest)

    def claim(self, job: Job) -> Claim | None:
        """Take a job's id for it; where an earlier line has it, say which."""
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
            place = self._file.tell()
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()
        self._remember(place, row)
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
            self._store.save(self._path, JOURNAL)
            self._saved = time.monotonic()

    def close(self) -> None:
        """Drop overtaken rows, write Parquet, and put both in place.

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
        """Index what the journal holds; a last line that broke off is cut away."""
        self._file.seek(0)
        place = 0
        for line in self._file:
            try:
                self._remember(place, json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                if line.endswith(b"\n"):
                    raise BatchError(
                        f"{JOURNAL} has a line that is no result; move it away to begin anew"
                    ) from error
                break
            place += len(line)
        self._file.truncate(place)
        self._file.seek(place)

    def _remember(self, place: int, row: dict[str, Any]) -> None:
        values = (row["id"], place, row["status"], row["inputs"])
        self._index.execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?)", values)

    def _latest(self) -> Iterator[dict[str, Any]]:
        """Every id's last row, in the order in which they came."""
        for (place,) in self._index.execute("SELECT place FROM latest ORDER BY place"):
            self._file.seek(place)
            yield json.loads(self._file.readline())


@contextmanager
def open_results(store: Store) -> Iterator[Results]:
    """The results of a store; the table is complete when the block has ended, however it did."""
    with (
        store.journal(JOURNAL) as path,
        path.open("ab+") as file,
        closing(Results(path, file, store)) as results,
    ):
        yield results
