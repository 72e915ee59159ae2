"""Step 2: our float32 against Meta's predictor in float32 on the same device."""

from functools import partial

import torch

from bench.gpu.check import Check
from bench.gpu.engines import tf32
from bench.parity import assert_telling, largest_difference, make_setting
from bench.reference import make_telling

TOLERANCE = 1e-3


def run(check: Check) -> None:
    """`tiny` with random weights: clicks, corrections, an object clicked later; both directions."""
    device = torch.device(check.device)
    setting = make_setting("tiny", check.scale.parity_size, make_telling, device)

    def compare(scene: str, reverse: bool) -> None:
        objects = getattr(setting, scene)()
        expected = setting.expected(objects, reverse)
        assert_telling(expected)
        difference = largest_difference(setting.track(objects, reverse), expected)
        direction = "backward" if reverse else "forward"
        check.row(
            scene=scene.replace("_", " "),
            direction=direction,
            frames=len(expected),
            largest_difference_of_logits=difference,
        )
        check.expect(
            difference < TOLERANCE,
            f"{scene} {direction}: logits differ by {difference:.2e}, more than {TOLERANCE}",
        )

    with tf32(False):
        for scene, reverse in check.scale.parity_scenes:
            check.unit(scene, partial(compare, scene, reverse))
