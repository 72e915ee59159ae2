"""How much memory processes have."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def memory_of(pids: Iterable[int], peak: bool = False) -> int:
    """Bytes of resident memory of processes, now or at their peak."""
    label = "VmHWM:" if peak else "VmRSS:"
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(label):
                    total += int(line.split()[1]) * 1024
    return total
