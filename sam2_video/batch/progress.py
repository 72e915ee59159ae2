"""The progress line of a batch."""

from typing import Self

from tqdm import tqdm

from sam2_video.core.progress import Progress


class JobProgress(Progress):
    """Jobs done, frames per second over all workers, and time left.

    Skipped jobs count as done but not in the speed, so they do not distort the time left.
    """

    seconds_between_lines = 5.0
    _skipped = _frames = 0

    def __enter__(self) -> Self:
        """Show 0 % at once: the first job may take long."""
        self.show()
        return self

    def finish(self, frames: int) -> None:
        """Count one job and its frames."""
        self._frames += frames
        self.advance()

    def skip(self) -> None:
        """Count one job that an earlier batch did."""
        self._skipped += 1
        self.advance()

    def line(self, elapsed: float) -> str:
        rate = self._frames / elapsed if elapsed else 0.0
        return tqdm.format_meter(
            self.done,
            self.total,
            elapsed,
            ascii=True,
            initial=self._skipped,
            bar_format="{percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} jobs "
            "[{elapsed}<{remaining}" + f", {rate:.1f} frames/s]",
        )
