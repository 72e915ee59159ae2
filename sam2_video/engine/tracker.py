"""SAM 2 over a stream of frames.

`encode_prompts` turns the prompts on every conditioning frame into masks and memories, once, before
tracking starts. A `TrackingPass` then takes frames one at a time, forward or backward, and returns
the mask of each object. Both call `SAM2Base.track_step`; a `MemoryBank` takes the place of
the `inference_state` of Meta's `SAM2VideoPredictor`.

In shapes, K is the number of objects in a video, B of objects in a group, S the model's image size.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from sam2_video.core.errors import shown
from sam2_video.engine.hole_filling import fill_holes
from sam2_video.engine.memory_bank import Memory, MemoryBank
from sam2_video.engine.prompts import Prompt, TrackedObject

logger = logging.getLogger(__name__)

MAX_PREVIOUS_LOGIT = 32.0
"""To which the logits of a mask that is refined are clamped, as `SAM2VideoPredictor` does."""
BOX_LABELS = (2, 3)
"""The labels of a box's top left and bottom right corner, among those of clicks."""
MEMORY_DTYPE = torch.bfloat16
"""In which memories are kept, as in `SAM2VideoPredictor`."""
OBJECTS_PER_GROUP = 8
"""The most objects in one batch: bounds the memory that a step takes."""


@dataclass(frozen=True)
class FrameFeatures:
    """The image encoder's output for one frame, which all objects share.

    Attributes:
        maps: one (h*w, 1, C) tensor for each level, finest level first.
        positions: one (h*w, 1, C) tensor, the positional encoding of the coarsest level, which is
            the only one that `SAM2Base` reads.
        sizes: (h, w) of each level.
    """

    maps: list[Tensor]
    positions: list[Tensor]
    sizes: list[tuple[int, int]]

    def for_objects(self, count: int) -> dict[str, list]:
        """The features as arguments of `SAM2Base.track_step`, for a batch of `count` objects."""
        return {
            "current_vision_feats": [x.expand(-1, count, -1) for x in self.maps],
            "current_vision_pos_embeds": [x.expand(-1, count, -1) for x in self.positions],
            "feat_sizes": self.sizes,
        }


@dataclass(frozen=True)
class FrameMasks:
    """What was found on one frame, for K objects.

    Attributes:
        logits: (K, 1, S/4, S/4) float32 mask logits, holes filled, on the model's device. All
            logits of an object that is out of sight are -1024.
        scores: (K,) float32, the model's own opinion of each mask, 0 to 1: its predicted IoU times
            the probability that the object is in sight; 0 where the object is not.
    """

    logits: Tensor
    scores: Tensor


@dataclass(frozen=True)
class ObjectGroup:
    """Objects that are prompted on the same frames, and are therefore tracked in one batch.

    Attributes:
        indices: their indices among the video's objects.
        objects: the objects, in the same order.
    """

    indices: tuple[int, ...]
    objects: tuple[TrackedObject, ...]

    @cached_property
    def conditioning(self) -> dict[int, tuple[Prompt, ...]]:
        """By frame index, the conditioning prompt of every object, in order."""
        return _by_frame([tracked.conditioning for tracked in self.objects])

    @cached_property
    def corrections(self) -> dict[int, tuple[Prompt, ...]]:
        """By frame index, the correction of every object, in order."""
        return _by_frame([tracked.corrections for tracked in self.objects])


def _by_frame(prompts: Sequence[Sequence[Prompt]]) -> dict[int, tuple[Prompt, ...]]:
    """The prompts of each frame, from those of each object; all have prompts on equal frames."""
    return {on_frame[0].frame: on_frame for on_frame in zip(*prompts, strict=True)}


@dataclass(frozen=True)
class EncodedPrompts:
    """The encoded conditioning frames of one group, which all tracked frames attend to.

    Attributes:
        group: the objects.
        memories: by frame index, of B objects each.
        masks: by frame index, those of B objects: the output on that frame.
    """

    group: ObjectGroup
    memories: dict[int, Memory]
    masks: dict[int, FrameMasks]


def group_objects(
    objects: Sequence[TrackedObject], limit: int = OBJECTS_PER_GROUP
) -> list[ObjectGroup]:
    """Group objects that are prompted on the same frames, at most `limit` to a group."""
    by_frames: dict[tuple, list[int]] = {}
    for index, tracked in enumerate(objects):
        key = tuple((prompt.frame, prompt.is_conditioning) for prompt in tracked.prompts)
        by_frames.setdefault(key, []).append(index)
    chunks = [
        indices[i : i + limit]
        for indices in by_frames.values()
        for i in range(0, len(indices), limit)
    ]
    return [ObjectGroup(tuple(chunk), tuple(objects[i] for i in chunk)) for chunk in chunks]


def encode_image(model: SAM2Base, image: Tensor) -> FrameFeatures:
    """Run the image encoder on one (1, 3, S, S) float32 picture."""
    (features,) = encode_images(model, image)
    return features


@torch.inference_mode()
def encode_images(model: SAM2Base, images: Tensor) -> list[FrameFeatures]:
    """Run the image encoder once on (N, 3, S, S) float32 pictures.

    Returns:
        The features of each picture. They are views of shared tensors, which stay in memory as
        long as any of them.
    """
    output = model.forward_image(images)
    _, maps, positions, sizes = model._prepare_backbone_features(output)
    position = positions[-1][:, :1]
    return [
        FrameFeatures([x[:, i : i + 1] for x in maps], [position], sizes)
        for i in range(len(images))
    ]


@torch.inference_mode()
def encode_prompts(
    model: SAM2Base,
    groups: Iterable[ObjectGroup],
    images: Iterable[tuple[int, Tensor]],
    video_size: tuple[int, int],
    num_frames: int,
) -> list[EncodedPrompts]:
    """Encode every conditioning prompt into a mask and a memory, independently of other frames.

    Args:
        model: the network.
        groups: the objects; see `group_objects`.
        images: index and (1, 3, S, S) picture of every frame that is a conditioning frame of any
            group, in any order.
        video_size: (width, height) of the video; prompts are in its pixels.
        num_frames: length of the video.
    """
    encoded = [EncodedPrompts(group, {}, {}) for group in groups]
    for prompts in encoded:
        _log_unattended(prompts.group, model.max_cond_frames_in_attn)
    position: Tensor | None = None
    for frame, image in images:
        features = encode_image(model, image)
        for prompts in encoded:
            if frame not in prompts.group.conditioning:
                continue
            outputs = []
            for prompt in prompts.group.conditioning[frame]:
                output = _apply(model, prompt, features, video_size, num_frames)
                outputs.append(_encode_memory(model, features, output))
            prompts.masks[frame], memory = _concatenate(outputs)
            position = memory.position if position is None else position
            prompts.memories[frame] = replace(memory, position=position)
    return encoded


def _apply(
    model: SAM2Base,
    prompt: Prompt,
    features: FrameFeatures,
    video_size: tuple[int, int],
    num_frames: int,
) -> dict:
    """The output of `SAM2Base.track_step` for one object on a conditioning frame.

    As `SAM2VideoPredictor.add_new_mask` where there is a mask, and then `add_new_points_or_box`
    where there are a box or clicks, which refine it.
    """

    def step(**inputs: Any) -> dict:
        return model.track_step(
            frame_idx=prompt.frame,
            is_init_cond_frame=True,
            **features.for_objects(1),
            **inputs,
            output_dict={"cond_frame_outputs": {}, "non_cond_frame_outputs": {}},
            num_frames=num_frames,
            run_mem_encoder=False,
        )

    previous = None
    if prompt.mask is not None:
        output = step(point_inputs=None, mask_inputs=_mask_inputs(model, prompt.mask()))
        if prompt.box is None and not prompt.points:
            return output
        previous = _as_previous(fill_holes(output["pred_masks"]))
    return step(
        point_inputs=_point_inputs(model, prompt, video_size),
        mask_inputs=None,
        prev_sam_mask_logits=previous,
    )


def _log_unattended(group: ObjectGroup, limit: int) -> None:
    for tracked in group.objects:
        if len(tracked.prompts) > limit:
            logger.info(
                "object %s has prompts on %d frames: each frame attends to the nearest %d",
                shown(tracked.name),
                len(tracked.prompts),
                limit,
            )


@dataclass
class TrackingPass:
    """One pass over the frames in one direction, for all objects of a video.

    Call `step` or `step_encoded` once for every frame, in order, from the start frame on: the
    earliest conditioning frame of any object. Memory does not grow with the number of steps.

    Attributes:
        model: the network.
        prompts: one for each group of objects; see `encode_prompts`.
        video_size: (width, height) of the video; prompts are in its pixels.
        num_frames: length of the video.
        reverse: whether frames come in descending order.
        banks: one memory bank for each group.
    """

    model: SAM2Base
    prompts: list[EncodedPrompts]
    video_size: tuple[int, int]
    num_frames: int
    reverse: bool = False
    banks: list[MemoryBank] = field(init=False)

    def __post_init__(self) -> None:
        self.banks = [
            MemoryBank(
                num_memories=self.model.num_maskmem,
                num_pointers=self.model.max_obj_ptrs_in_encoder,
                num_conditioning=self.model.max_cond_frames_in_attn,
                reverse=self.reverse,
                conditioning=dict(prompts.memories),
            )
            for prompts in self.prompts
        ]

    def needs_features(self, frame: int) -> bool:
        """Whether any object is tracked on a frame, which is not a conditioning frame for it."""
        return any(frame not in prompts.masks for prompts in self.prompts)

    def step(self, frame: int, image: Callable[[], Tensor]) -> FrameMasks:
        """Segment every object on one frame.

        Args:
            frame: its index.
            image: returns its (1, 3, S, S) picture; called only if `needs_features`.

        Returns:
            The masks of all K objects, in their order.
        """
        features = encode_image(self.model, image()) if self.needs_features(frame) else None
        return self.step_encoded(frame, features)

    @torch.inference_mode()
    def step_encoded(self, frame: int, features: FrameFeatures | None) -> FrameMasks:
        """Segment every object on a frame that is already encoded.

        Args:
            frame: its index.
            features: the encoder's output; None if the frame does not need any, see
                `needs_features`.

        Returns:
            The masks of all K objects, in their order.
        """
        parts: dict[int, FrameMasks] = {}
        for prompts, bank in zip(self.prompts, self.banks, strict=True):
            masks = prompts.masks.get(frame)
            if masks is None:
                assert features is not None
                masks = self._track(prompts.group, bank, frame, features)
            for i, index in enumerate(prompts.group.indices):
                parts[index] = FrameMasks(masks.logits[i : i + 1], masks.scores[i : i + 1])
        return _join([parts[index] for index in sorted(parts)])

    def _track(
        self, group: ObjectGroup, bank: MemoryBank, frame: int, features: FrameFeatures
    ) -> FrameMasks:
        output = self.model.track_step(
            frame_idx=frame,
            is_init_cond_frame=False,
            **features.for_objects(len(group.indices)),
            point_inputs=None,
            mask_inputs=None,
            output_dict=bank.as_output_dict(frame),
            num_frames=self.num_frames,
            track_in_reverse=self.reverse,
            run_mem_encoder=True,
        )
        masks = _masks(output)
        corrections = group.corrections.get(frame)
        if corrections:
            masks, memory = self._correct(corrections, bank, frame, features, masks.logits)
            bank.add_conditioning(frame, memory)
        else:
            # As in Meta's code, the memory is of the mask before hole filling.
            bank.add(frame, _memory(output))
        return masks

    def _correct(
        self,
        corrections: Sequence[Prompt],
        bank: MemoryBank,
        frame: int,
        features: FrameFeatures,
        logits: Tensor,
    ) -> tuple[FrameMasks, Memory]:
        """Apply the background clicks of each object to its tracked mask on this frame.

        As `SAM2VideoPredictor.add_new_points_or_box` does on a tracked frame with
        `add_all_frames_to_correct_as_cond=True`.
        """
        outputs = []
        for i, prompt in enumerate(corrections):
            objects = slice(i, i + 1)
            output = self.model.track_step(
                frame_idx=frame,
                is_init_cond_frame=False,
                **features.for_objects(1),
                point_inputs=_point_inputs(self.model, prompt, self.video_size),
                mask_inputs=None,
                output_dict=bank.as_output_dict(frame, objects),
                num_frames=self.num_frames,
                track_in_reverse=self.reverse,
                run_mem_encoder=False,
                prev_sam_mask_logits=_as_previous(logits[objects]),
            )
            outputs.append(_encode_memory(self.model, features, output))
        return _concatenate(outputs)


def _point_inputs(
    model: SAM2Base, prompt: Prompt, video_size: tuple[int, int]
) -> dict[str, Tensor]:
    """The box and the clicks of a prompt as `SAM2Base` takes them, as P points.

    Returns:
        `point_coords`: (1, P, 2) float32, in pixels of the model's input; `point_labels`: (1, P)
        int32.
    """
    box = prompt.box
    corners, corner_labels = ((box[:2], box[2:]), BOX_LABELS) if box is not None else ((), ())
    points = torch.tensor((*corners, *prompt.points), dtype=torch.float32).unsqueeze(0)
    points = points / torch.tensor(video_size) * model.image_size
    labels = torch.tensor((*corner_labels, *prompt.labels), dtype=torch.int32).unsqueeze(0)
    return {"point_coords": points.to(model.device), "point_labels": labels.to(model.device)}


def _mask_inputs(model: SAM2Base, mask: np.ndarray) -> Tensor:
    """An (H, W) mask as `SAM2Base` takes it: (1, 1, S, S) float32, 0 or 1.

    Resized as `SAM2VideoPredictor.add_new_mask` does.
    """
    given = torch.tensor(mask, device=model.device)[None, None].float()
    size = (model.image_size, model.image_size)
    return (F.interpolate(given, size, mode="bilinear", antialias=True) >= 0.5).float()


def _as_previous(logits: Tensor) -> Tensor:
    """Mask logits that a prompt refines, in the range that the prompt encoder takes."""
    return logits.clamp(-MAX_PREVIOUS_LOGIT, MAX_PREVIOUS_LOGIT)


def _encode_memory(
    model: SAM2Base, features: FrameFeatures, output: dict
) -> tuple[FrameMasks, Memory]:
    """Fill the holes of a prompted frame's mask and encode it into a memory.

    As `SAM2VideoPredictor.propagate_in_video_preflight` does: the memory of a prompted frame is of
    the mask that the user sees.
    """
    masks = _masks(output)
    high_resolution = F.interpolate(
        masks.logits,
        size=(model.image_size, model.image_size),
        mode="bilinear",
        align_corners=False,
    )
    arguments = features.for_objects(1)
    memory_features, positions = model._encode_new_memory(
        current_vision_feats=arguments["current_vision_feats"],
        feat_sizes=features.sizes,
        pred_masks_high_res=high_resolution,
        object_score_logits=output["object_score_logits"],
        is_mask_from_pts=True,
    )
    encoded = {"maskmem_features": memory_features, "maskmem_pos_enc": positions}
    return masks, _memory({**output, **encoded})


def _masks(output: dict) -> FrameMasks:
    """The masks in the output of `SAM2Base.track_step`, with their holes filled."""
    presence = output["object_score_logits"].squeeze(1).float()
    scores = output["iou"].float() * presence.sigmoid() * (presence > 0)
    return FrameMasks(fill_holes(output["pred_masks"]), scores)


def _memory(output: dict) -> Memory:
    """The memory in the output of `SAM2Base.track_step`."""
    return Memory(
        features=output["maskmem_features"].to(MEMORY_DTYPE),
        position=output["maskmem_pos_enc"][-1][:1],
        pointer=output["obj_ptr"],
    )


def _join(parts: Sequence[FrameMasks]) -> FrameMasks:
    logits = torch.cat([part.logits for part in parts])
    return FrameMasks(logits, torch.cat([part.scores for part in parts]))


def _concatenate(outputs: Sequence[tuple[FrameMasks, Memory]]) -> tuple[FrameMasks, Memory]:
    """Concatenate the masks and memories of single objects into those of a group."""
    memories = [memory for _, memory in outputs]
    features = torch.cat([m.features for m in memories if m.features is not None])
    pointer = torch.cat([memory.pointer for memory in memories])
    masks = _join([masks for masks, _ in outputs])
    return masks, Memory(features, memories[0].position, pointer)
