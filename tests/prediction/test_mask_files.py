"""Masks from files: what is read, and what is refused in one sentence."""

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sam2_video.core.errors import InputError, OutputError
from sam2_video.prediction.coco import CocoFile, run_lengths
from sam2_video.prediction.mask_files import coco_masks, open_masks

SIZE = (8, 6)


def _values(*pixels: tuple[int, int, int]) -> np.ndarray:
    values = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    for x, y, value in pixels:
        values[y, x] = value
    return values


def _png(values: np.ndarray, mode: str = "P") -> bytes:
    image = Image.fromarray(values)
    if mode == "P":
        image = Image.frombytes("P", image.size, values.tobytes())
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    data = BytesIO()
    image.convert(mode).save(data, "PNG")
    return data.getvalue()


def _zip(path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def _open(path, object_ids="", first=0, max_frames=10):
    return open_masks("input_masks", path, first, object_ids, max_frames, 10_000)


def test_one_picture_stands_for_the_first_frame(tmp_path) -> None:
    (tmp_path / "input_masks").write_bytes(_png(_values((1, 2, 1), (3, 4, 2))))
    with _open(tmp_path / "input_masks", "dog, cat,dog", first=7) as found:
        assert found.in_sight == {7: [0, 1]}
        assert found.size == SIZE
        assert found.names == ("dog", "cat")
        masks = found.read(7)
    assert masks.dtype == bool
    assert masks.shape == (2, 6, 8)
    assert np.argwhere(masks).tolist() == [[0, 2, 1], [1, 4, 3]]


def test_a_zip_names_its_frames_and_values_without_a_name_get_one(tmp_path) -> None:
    files = {
        "masks/frame_00002.png": _png(_values((0, 0, 3))),
        "masks/frame_00010.png": _png(_values((1, 1, 1))),
        "__MACOSX/._frame_00002.png": b"",
    }
    _zip(tmp_path / "input_masks", files)
    with _open(tmp_path / "input_masks", "dog") as found:
        assert found.in_sight == {2: [2], 10: [0]}
        assert found.names == ("dog", "object_2", "object_3")
        assert [found.read(2)[k].sum() for k in range(3)] == [0, 0, 1]


@pytest.mark.parametrize("mode", ["L", "1"])
def test_black_and_white_is_one_object(tmp_path, mode) -> None:
    (tmp_path / "mask.png").write_bytes(_png(_values((2, 2, 255)), mode))
    with _open(tmp_path / "mask.png") as found:
        assert found.names == ("object_1",)
        assert np.argwhere(found.read(0)).tolist() == [[0, 2, 2]]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {"1.png": _png(_values((0, 0, 1))), "2.png": _png(np.zeros((3, 4), np.uint8))},
            "input_masks at frame 2 is 4x3 pixels, but others are 8x6",
        ),
        (
            {"1.png": _png(_values())},
            "input_masks shows no object: every pixel is 0",
        ),
        (
            {"1.png": _png(_values((0, 0, 1)), "RGB")},
            "input_masks at frame 1 is a picture of the mode RGB, but it should be an indexed",
        ),
        ({"1.png": b"no picture"}, "input_masks at frame 1 cannot be read as a PNG"),
        (
            {"1.png": _png(_values((0, 0, 1)))[:-30]},
            "input_masks at frame 1 cannot be read as a PNG",
        ),
        (
            {"readme.txt": b""},
            "input_masks holds 'readme.txt', but it should hold PNGs named by frame number",
        ),
        (
            {"a/1.png": b"", "b/01.png": b""},
            "input_masks holds two pictures of frame 1",
        ),
        ({}, "input_masks holds no PNG"),
        (
            {f"{k}.png": b"" for k in range(11)},
            "input_masks holds 11 pictures, but 10 are the most allowed",
        ),
    ],
)
def test_what_is_wrong_with_a_zip_is_one_sentence(tmp_path, files, sentence) -> None:
    _zip(tmp_path / "input_masks", files)
    with pytest.raises(InputError) as refusal, _open(tmp_path / "input_masks"):
        pass
    assert str(refusal.value).startswith(sentence)
    assert "\n" not in str(refusal.value)


def test_a_zip_bomb_is_not_unpacked(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "input_masks", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", _png(_values((0, 0, 1))) + bytes(70_000_000))
    with pytest.raises(InputError, match="has more than"), _open(tmp_path / "input_masks"):
        pass


def test_a_folder_is_read_like_a_zip(tmp_path) -> None:
    (tmp_path / "frame_00003.png").write_bytes(_png(_values((0, 0, 1))))
    (tmp_path / "notes.txt").write_text("not a mask")
    with _open(tmp_path) as found:
        assert list(found.in_sight) == [3]


COCO = {
    "images": [{"id": 9, "file_name": "clip/000004.jpg", "width": 8, "height": 6}],
    "categories": [{"id": 1, "name": "dog"}],
    "annotations": [
        {"image_id": 9, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]]},
    ],
}


def test_polygons_of_other_tools_are_read(tmp_path) -> None:
    (tmp_path / "masks.json").write_text(json.dumps(COCO))
    found = coco_masks("--masks", tmp_path / "masks.json")
    assert found.in_sight == {4: [0]}
    assert found.names == ("dog",)
    assert found.read(4)[0].sum() == 12
    assert not found.read(5).any()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": None}, "--masks is no COCO file"),
        (
            {"annotations": [{"image_id": 9}]},
            "--masks is no COCO file: it has no 'category_id'",
        ),
        (
            {
                "annotations": [
                    {
                        "image_id": 9,
                        "category_id": 1,
                        "segmentation": {"size": [3, 3], "counts": [9]},
                    }
                ]
            },
            "--masks at frame 4 has a mask of 3x3, but others are 8x6",
        ),
        ({"annotations": [3]}, "--masks is no COCO file"),
        ({"annotations": [], "categories": []}, "--masks shows no object: it has no annotations"),
        (
            {
                "images": [
                    {"id": number, "file_name": f"{number}/01.png", "width": 8, "height": 6}
                    for number in (1, 9)
                ]
            },
            "--masks has two pictures of one frame",
        ),
        (
            {
                "annotations": [
                    {
                        "image_id": 9,
                        "category_id": 1,
                        "segmentation": [[0, 0, 5e8, 0, 5e8, 5e8]],
                    }
                ]
            },
            "--masks at frame 4 has a polygon outside of its picture",
        ),
        (
            {"annotations": [{"image_id": 9, "category_id": 1, "segmentation": "dog"}]},
            "--masks at frame 4 has a mask that is no run lengths or polygons",
        ),
    ],
)
def test_what_is_wrong_with_a_coco_file_is_one_sentence(tmp_path, change, sentence) -> None:
    (tmp_path / "masks.json").write_text(json.dumps({**COCO, **change}))
    with pytest.raises(InputError) as refusal:
        coco_masks("--masks", tmp_path / "masks.json").read(4)
    assert str(refusal.value).startswith(sentence)


def test_tracks_of_one_category_are_objects_of_their_own(tmp_path) -> None:
    (one,) = COCO["annotations"]
    tracks = [{**one, "track_id": 1}, {**one, "track_id": 2}]
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    document = {**COCO, "categories": categories, "annotations": tracks}
    (tmp_path / "masks.json").write_text(json.dumps(document))
    assert coco_masks("--masks", tmp_path / "masks.json").names == ("dog", "dog_2")


def test_scores_and_colours_of_a_coco_file_are_kept(tmp_path) -> None:
    path, mask = tmp_path / "masks.json", np.ones((2, 3, 4), bool)
    with CocoFile(path, ["dog", "cat"], "png", {1: (1, 2, 255)}) as file:
        file.write(4, run_lengths(mask), np.array([0.5, np.nan], np.float32))
        file.write(5, run_lengths(mask), None)
    source = coco_masks("--masks", path)
    assert source.colours == {1: (1, 2, 255)}
    assert list(source.scores) == [4]
    np.testing.assert_array_equal(source.scores[4], [0.5, np.nan])
    annotations = json.loads(path.read_text())["annotations"]
    assert [one.get("score") for one in annotations] == [0.5, None, None, None]
    for wrong in ([1, 2], [1, 2, 256], "red", None):
        document = json.loads(path.read_text())
        document["categories"][1]["color"] = wrong
        path.write_text(json.dumps(document))
        with pytest.raises(InputError, match="--masks is no COCO file"):
            coco_masks("--masks", path)


def test_an_error_while_masks_are_used_is_not_blamed_on_the_zip(tmp_path) -> None:
    _zip(tmp_path / "input_masks", {"1.png": _png(_values((0, 0, 1)))})
    with pytest.raises(OutputError, match="the disk is full"), _open(tmp_path / "input_masks"):
        raise OutputError("the disk is full")


def test_a_damaged_zip_entry_is_one_sentence(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "input_masks", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", _png(_values((0, 0, 1))))
    content = bytearray((tmp_path / "input_masks").read_bytes())
    content[40:60] = bytes(20)
    (tmp_path / "input_masks").write_bytes(content)
    with pytest.raises(InputError, match="zip file that cannot be read"):
        _open(tmp_path / "input_masks").__enter__()


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path) -> None:
    (tmp_path / "input_masks").write_bytes(_png(np.zeros((101, 100), np.uint8)))
    with pytest.raises(InputError, match=r"100x101 pixels, more than the 10000 allowed"):
        _open(tmp_path / "input_masks").__enter__()


def test_only_what_is_read_is_in_memory(tmp_path) -> None:
    (tmp_path / "input_masks").write_bytes(_png(_values((0, 0, 254)), "L"))
    with _open(tmp_path / "input_masks") as found:
        assert found.decode(0, 253).sum() == 1
