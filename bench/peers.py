"""Other implementations of SAM 2.1 tiny, as sides of `bench.engine`.

They are measured where `transformers` and `ultralytics` are installed, which this project does not
need. Their weights are random, which takes the same time, so their masks are not compared.
Ultralytics reads a file, so its time includes decoding and resizing.
"""

import importlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import torch
from torch import Tensor

from sam2_video.engine.preprocess import IMAGE_DEVIATION, IMAGE_MEAN
from sam2_video.engine.prompts import TrackedObject

os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # keeps Ultralytics from installing packages


def transformers_side(images: Sequence[Tensor], objects: Sequence[TrackedObject]) -> Iterator:
    """Hugging Face's `Sam2VideoModel`, given tensors."""
    from transformers import Sam2VideoConfig, Sam2VideoInferenceSession, Sam2VideoModel

    side = images[0].shape[-1]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "image_size": [side, side],
        "blocks_per_stage": [1, 2, 7, 2],
        "global_attention_blocks": [5, 7, 9],
        "window_positional_embedding_background_size": [7, 7],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_feature_sizes": [[side // stride, side // stride] for stride in (4, 8, 16)],
    }
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"image_size": side},
        image_size=side,
        memory_attention_rope_feat_sizes=[side // 16, side // 16],
    )
    model = Sam2VideoModel(config).eval()
    session = Sam2VideoInferenceSession(torch.cat(list(images)), side, side, dtype=torch.float32)
    for tracked in objects:
        (prompt,) = tracked.prompts
        given = {
            "point_coords": torch.tensor(prompt.points)[None, None].float(),
            "point_labels": torch.tensor(prompt.labels, dtype=torch.int32)[None, None],
        }
        session.add_point_inputs(session.obj_id_to_idx(int(tracked.name)), 0, given)
    session.obj_with_new_inputs = [int(tracked.name) for tracked in objects]
    with torch.inference_mode():
        for frame in range(len(images)):
            yield model(session, frame_idx=frame).pred_masks


def ultralytics_side(images: Sequence[Tensor], objects: Sequence[TrackedObject]) -> Iterator:
    """Ultralytics' `SAM2VideoPredictor`, given a file."""
    from ultralytics.models.sam import SAM2VideoPredictor
    from ultralytics.models.sam.build import build_sam2_t

    side = images[0].shape[-1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (side, side))
        for image in images:
            picture = image[0].permute(1, 2, 0) * torch.tensor(IMAGE_DEVIATION)
            picture = (picture + torch.tensor(IMAGE_MEAN)).clamp(0, 1) * 255
            writer.write(picture.byte().numpy()[..., ::-1].copy())
        writer.release()
        settings = {"task": "segment", "mode": "predict", "imgsz": side, "save": False}
        predictor = SAM2VideoPredictor(overrides={**settings, "verbose": False, "conf": 0.0})
        predictor.setup_model(model=build_sam2_t(), verbose=False)
        points = [list(tracked.prompts[0].points[0]) for tracked in objects]
        yield from predictor(path, points=points, labels=[1] * len(points), stream=True)


PEERS = {"transformers": transformers_side, "ultralytics": ultralytics_side}


def present() -> list[str]:
    """The names of those that can be imported here."""
    names = []
    for name in PEERS:
        with suppress(ImportError):
            importlib.import_module(name)
            names.append(name)
    return names
