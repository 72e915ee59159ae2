"""The results of the check, written to disk after every row."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

Cell = str | int | float | bool | None


@dataclass
class StepResult:
    """One step of the check.

    Attributes:
        title: what it is about.
        status: waiting, running, passed, failed, cut short or skipped, for want of time.
        seconds: how long it took.
        rows: what was measured, a line of a table each.
        left_out: what was not done, and why.
        failures: what is wrong, one sentence each.
        traceback: of an exception that ended it.
    """

    title: str
    status: str = "waiting"
    seconds: float = 0.0
    rows: list[dict[str, Cell]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    traceback: str = ""


class Report:
    """All steps, written to `gpu.json` and `gpu.md` in a folder whenever something is added."""

    def __init__(self, folder: Path, titles: list[str]) -> None:
        self.folder = folder
        self.steps = [StepResult(title) for title in titles]
        folder.mkdir(parents=True, exist_ok=True)
        self.write()

    @property
    def has_failed(self) -> bool:
        """Whether any step has."""
        return any(step.status == "failed" for step in self.steps)

    def write(self) -> None:
        """Replace both files; a reader sees the old one or the new one."""
        content = {"steps": [asdict(step) for step in self.steps]}
        self._replace("gpu.json", json.dumps(content, indent=1) + "\n")
        self._replace("gpu.md", "\n".join(self._lines()) + "\n")

    def _replace(self, name: str, text: str) -> None:
        part = self.folder / f".{name}.part"
        part.write_text(text)
        part.replace(self.folder / name)

    def _lines(self) -> Iterator[str]:
        yield "# The CUDA path, checked"
        for number, step in enumerate(self.steps, start=1):
            yield f"\n## {number}. {step.title}: {step.status}, {step.seconds:.0f} s"
            for columns, rows in groupby(step.rows, key=tuple):
                yield f"\n| {' | '.join(columns)} |"
                yield "|" + "---|" * len(columns)
                for row in rows:
                    yield f"| {' | '.join(_shown(cell) for cell in row.values())} |"
            if step.failures or step.left_out:
                yield ""
            yield from (f"- failed: {_one_line(failure)}" for failure in step.failures)
            yield from (f"- left out: {_one_line(reason)}" for reason in step.left_out)


def _shown(cell: Cell) -> str:
    if isinstance(cell, bool) or not isinstance(cell, float):
        return "" if cell is None else _one_line(str(cell)).replace("|", "/")
    return f"{cell:.2e}" if 0 < abs(cell) < 1e-3 else f"{cell:.4g}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
