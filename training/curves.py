"""Plot loss and IoU of a run over its minutes, stage by stage.

python -m training.curves RUN [--out training/curves.png]
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.inputs import existing_folder
from training.textures import Image
from training.train import LOG_EVERY

HERE = Path(__file__).parent
WIDTH, HEIGHT, EDGE = 640, 300, 40
LOSS, FIRST, LAST, INSENSITIVITY = (60, 60, 60), (200, 120, 0), (0, 130, 230), (60, 160, 60)


def read(log: Path) -> tuple[list[str], NDArray[np.float64]]:
    """The stage of each row, and (rows, 5): minutes, loss, both IoUs, prompt insensitivity."""
    stages: list[str] = []
    rows: list[list[float]] = []
    before, last = 0.0, ("", 0.0)
    with log.open(newline="") as file:
        for stage, _, minutes, *values in csv.reader(file):
            if last[0] and stage != last[0]:
                before += last[1]
            last = (stage, float(minutes))
            stages.append(stage)
            shown = [*map(float, values[:3]), float([*values, "0"][3])]
            rows.append([before + float(minutes), *shown])
    return stages, np.array(rows)


def smooth(values: NDArray[np.float64], width: int = 5) -> NDArray[np.float64]:
    """A running mean that keeps the length."""
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")


def draw(stages: list[str], rows: NDArray[np.float64]) -> Image:
    """The plot: (HEIGHT, WIDTH, 3) BGR."""
    plot = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    end = rows[-1, 0]
    across = EDGE + rows[:, 0] / end * (WIDTH - 2 * EDGE)
    font = cv2.FONT_HERSHEY_SIMPLEX

    def curve(values: NDArray[np.float64], top: float, colour: tuple[int, int, int]) -> None:
        down = HEIGHT - EDGE - np.clip(values / top, 0, 1) * (HEIGHT - 2 * EDGE)
        points = np.stack([across, down], 1).round().astype(np.int32)
        cv2.polylines(plot, [points], False, colour, 1, cv2.LINE_AA)

    top = float(np.ceil(rows[:, 1].max()))
    curve(smooth(rows[:, 1]), top, LOSS)
    curve(smooth(rows[:, 2]), 1.0, FIRST)
    curve(smooth(rows[:, 3]), 1.0, LAST)
    curve(smooth(rows[:, 4]), 1.0, INSENSITIVITY)
    cv2.rectangle(plot, (EDGE, EDGE), (WIDTH - EDGE, HEIGHT - EDGE), (180, 180, 180), 1)
    for i, stage in enumerate(stages):
        if i == 0 or stage != stages[i - 1]:
            x = int(across[i])
            cv2.line(plot, (x, EDGE), (x, HEIGHT - EDGE), (220, 220, 220), 1)
            cv2.putText(plot, stage, (x + 3, EDGE + 12), font, 0.35, LOSS, 1, cv2.LINE_AA)
    labels = [(f"loss (0 to {top:.0f})", LOSS), ("IoU, first click", FIRST)]
    labels += [
        ("IoU, last frame", LAST),
        ("insensitivity", INSENSITIVITY),
        (f"{end:.0f} minutes", LOSS),
    ]
    for i, (label, colour) in enumerate(labels):
        at = (EDGE + 120 * i, HEIGHT - 15)
        cv2.putText(plot, label, at, font, 0.35, colour, 1, cv2.LINE_AA)
    return plot


def main() -> None:
    """Read the log, write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("run", type=existing_folder, help="folder of the run, with its log.csv")
    parser.add_argument(
        "--out", type=Path, default=HERE / "curves.png", help="the picture to write"
    )
    arguments = parser.parse_args()
    log = arguments.run / "log.csv"
    if not log.is_file() or not log.stat().st_size:
        parser.error(f"{log} is missing or empty: a run writes to it every {LOG_EVERY} steps")
    cv2.imwrite(str(arguments.out), draw(*read(log)))


if __name__ == "__main__":
    main()
