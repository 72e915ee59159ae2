"""`masks.json`: what COCO's own library reads back, and what it costs."""

import json
import tracemalloc

import numpy as np
import pytest
from pycocotools.coco import COCO

from sam2_video.prediction.coco import CocoFile, run_lengths
from sam2_video.prediction.mask_files import coco_masks

SIZE = (64, 40)
NAMES = ("dog", "cat", "Vögel")


def _masks(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    masks = rng.random((3, SIZE[1], SIZE[0])) > rng.random((3, 1, 1))
    masks[1] &= masks[0] | (seed % 2 == 0)
    return masks


def _write(path, frames, scores=None) -> None:
    with CocoFile(path, NAMES, "png") as file:
        for index, masks in frames.items():
            file.write(index, run_lengths(masks), scores)


def test_pycocotools_reads_every_mask_bit_by_bit_with_its_box_area_and_score(tmp_path) -> None:
    frames = {index: _masks(index) for index in (0, 5, 10)}
    frames[5][1] = False  # out of sight
    scores = np.array([0.25, 0.5, 0.9], np.float32)
    _write(tmp_path / "masks.json", frames, scores)
    coco = COCO(tmp_path / "masks.json")
    assert [one["name"] for one in coco.loadCats(coco.getCatIds())] == list(NAMES)
    assert sorted(coco.getImgIds()) == [0, 5, 10]
    assert coco.loadImgs(5)[0] == {
        "id": 5,
        "file_name": "frame_00005.png",
        "width": 64,
        "height": 40,
    }
    for index, masks in frames.items():
        annotations = coco.loadAnns(coco.getAnnIds(index))
        assert [one["track_id"] for one in annotations] == ([1, 3] if index == 5 else [1, 2, 3])
        for one in annotations:
            mask = masks[one["track_id"] - 1]
            assert (coco.annToMask(one) == mask).all()
            rows, columns = np.nonzero(mask)
            x, y, width, height = one["bbox"]
            assert (x, y) == (columns.min(), rows.min())
            assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
            assert one["area"] == mask.sum()
            assert one["score"] == pytest.approx(scores[one["track_id"] - 1], abs=1e-4)


def test_masks_come_back_as_they_were_overlaps_and_absent_objects_included(tmp_path) -> None:
    frames = {index: _masks(index) for index in (3, 4)}
    for masks in frames.values():
        masks[1] = False
    _write(tmp_path / "masks.json", frames)
    found = coco_masks("--masks", tmp_path / "masks.json")
    assert found.in_sight == {3: [0, 2], 4: [0, 2]}
    assert found.size == SIZE
    assert found.names == NAMES
    for index, masks in frames.items():
        assert (found.read(index) == masks).all()


def test_an_exception_leaves_no_file(tmp_path) -> None:
    with pytest.raises(KeyError), CocoFile(tmp_path / "masks.json", NAMES, "png"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path) -> None:
    encoded = run_lengths(_masks(1))

    def peak(count: int) -> int:
        tracemalloc.start()
        with CocoFile(tmp_path / "masks.json", NAMES, "png") as file:
            for index in range(count):
                file.write(index, encoded, None)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(100) + 200_000 > peak(10_000)
    assert len(json.loads((tmp_path / "masks.json").read_text())["images"]) == 10_000
