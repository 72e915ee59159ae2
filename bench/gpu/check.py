"""What each step of the check gets, and how steps are run."""

import gc
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from bench.gpu.report import Report, StepResult
from bench.gpu.scale import Scale


class NoGpuError(Exception):
    """There is no GPU to check; one sentence."""


@dataclass(frozen=True)
class Step:
    """A step of the check.

    Attributes:
        module: where its `run(check)` is, imported when its turn comes.
        title: what it is about.
        share: of the whole time, for this step.
    """

    module: str
    title: str
    share: float


STEPS = (
    Step("machine", "Versions, card, imports", 0.05),
    Step("parity", "Float32 against Meta's predictor", 0.12),
    Step("precision", "SAM2_PRECISION=auto against float32", 0.10),
    Step("levers", "CUDA graphs and encoder batches against neither", 0.13),
    Step("speed", "Seconds a frame, engine alone", 0.35),
    Step("whole_job", "The whole job", 0.15),
    Step("length", "Memory over length, and too little of it", 0.10),
)


@dataclass
class Check:
    """One step while it runs.

    Attributes:
        device: `cuda` or `cpu`.
        scale: how much to do.
    """

    device: str
    scale: Scale
    deadline: float
    _report: Report
    _result: StepResult

    @property
    def is_cuda(self) -> bool:
        """Whether a GPU is checked."""
        return self.device == "cuda"

    @property
    def seconds_left(self) -> float:
        """Until the step should have ended."""
        return self.deadline - time.monotonic()

    def row(self, **cells: str | int | float | bool | None) -> None:
        """Add a line to the step's table; underscores in names are shown as spaces."""
        self._result.rows.append({name.replace("_", " "): cell for name, cell in cells.items()})
        self._report.write()

    def expect(self, condition: bool, sentence: str) -> None:
        """The step has failed if the condition does not hold; it goes on all the same."""
        if not condition:
            self._result.failures.append(sentence)
            self._report.write()

    def leave_out(self, what: str, reason: str) -> None:
        """Something is not done, for a reason that is no failure."""
        self._result.left_out.append(f"{what}: {reason}")
        self._report.write()

    def has_time(self, what: str) -> bool:
        """Whether there is time for one thing more; if not it is left out."""
        if self.seconds_left > 0:
            return True
        self._result.status = "cut short"
        self.leave_out(what, "the step's time is up")
        return False

    def unit(self, what: str, measure: Callable[[], None]) -> None:
        """Do one thing of several, if there is time; what goes wrong in it ends only itself."""
        if not self.has_time(what):
            return
        try:
            measure()
        except Exception as error:
            self.expect(False, f"{what}: {type(error).__name__}: {error}")
            self._result.traceback += traceback.format_exc()
            self._report.write()
        release_memory()


def run_steps(report: Report, device: str, scale: Scale, seconds: float) -> None:
    """Run all steps. Time that one leaves is the next one's; one that is late takes from it.

    Raises:
        NoGpuError: a step finds none; no further one is run.
    """
    begin = time.monotonic()
    share = 0.0
    for step, result in zip(STEPS, report.steps, strict=True):
        share += step.share
        check = Check(device, scale, begin + share * seconds, report, result)
        if check.seconds_left <= 0:
            result.status = "skipped"
            check.leave_out("all of it", "no time is left")
            continue
        result.status = "running"
        report.write()
        start = time.monotonic()
        try:
            import_module(f"bench.gpu.steps.{step.module}").run(check)
        except NoGpuError as error:
            result.status = "failed"
            result.failures.append(str(error))
            report.write()
            raise
        except Exception as error:
            result.failures.append(f"{type(error).__name__}: {error}")
            result.traceback += traceback.format_exc()
        result.seconds = time.monotonic() - start
        if result.failures:
            result.status = "failed"
        elif result.status == "running":
            result.status = "passed"
        report.write()
        release_memory()


def release_memory() -> None:
    """Give the GPU back what nothing holds any more; nothing where torch cannot be imported."""
    gc.collect()
    try:
        import torch
    except ImportError:
        return
    if torch.cuda.is_initialized():
        try:
            torch.cuda.empty_cache()
        except RuntimeError:  # after a fault of the GPU every call fails, and says so in its step
            return
