"""How far a batch is."""

from typing import Self

from tqdm import tqdm

from sam2_video.core.progress import Progress


class JobProgress(Progress):
    """Jobs done, frames a second of all workers together, time left.

    Jobs that were done before count as done, not as work: the time left does not rest on them.
    """

    seconds_between_lines = 5.0
    _skipped = _frames = 0

    def __enter__(self) -> Self:
        """Show that nothing is done yet: the first job may take long."""
        self.show()
        return self

    def finish(self, frames: int) -> None:
        """Count one job and its frames."""
        self._frames += frames
        self.advance()

    def skip(self) -> None:
        """Count one job that was done before."""
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
