"""Exports: files from tracked masks, without the model, by way of HTTP."""

import asyncio
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from bench.serving import Server, until
from sam2_video.core.limits import Limits
from sam2_video.service.page import tracks
from sam2_video.service.settings import Bounds
from sam2_video.video.draw_rgb import PALETTE
from sam2_video.video.open_video import probe_video
from tests import clips
from tests.service.inprocess import served
from tests.service.page.calls import (
    CAT,
    DOG,
    ON_CAT,
    ON_DOG,
    follow,
    project_of,
    read,
    refusal,
    start_track,
    track,
    values_of,
)
from tests.service.page.conftest import serving


@pytest.fixture(scope="module")
def tracked(container: Server, page_url: str, few: bytes) -> Iterator[tuple[httpx.Client, Any]]:
    """A visitor, and a project in which two objects are tracked."""
    container.ready()
    with httpx.Client(base_url=page_url, timeout=60) as client:
        client.get("/")
        project = project_of(client, few)
        track(client, project, [ON_DOG, ON_CAT])
        yield client, project


def start(client: httpx.Client, project: Any, objects: Any = (DOG, CAT), **inputs: object) -> Any:
    body = {"objects": list(objects), "inputs": inputs}
    return client.post(f"/api/projects/{project['id']}/exports", json=body)


def export(client: httpx.Client, project: Any, objects: Any = (DOG, CAT), **inputs: object) -> Any:
    """An export once it is done."""
    answer = start(client, project, objects, **inputs)
    assert answer.status_code == 201, answer.text
    last = follow(client, f"/api/exports/{answer.json()['id']}")[-1]
    assert last["status"] == "done", last
    assert last["frames_done"] == last["frames_total"]
    return last


def content_of(client: httpx.Client, file: dict[str, Any]) -> bytes:
    answer = client.get(file["url"])
    assert answer.status_code == 200
    assert len(answer.content) == file["size"]
    assert answer.headers["content-type"] == file["media_type"]
    return answer.content


def test_a_highlighted_video(tracked, tmp_path) -> None:
    client, project = tracked
    done = export(client, project, mask_type="highlighted", output_video=True, keep_audio=True)
    assert done["title"] == "Highlighted, MP4"
    assert (done["frames_total"], done["error"]) == (10, None)
    (file,) = done["files"]
    assert (file["name"], file["media_type"]) == ("output_video.mp4", "video/mp4")
    path = tmp_path / "result.mp4"
    path.write_bytes(content_of(client, file))
    video = probe_video(path, Limits())
    assert (video.width, video.height, video.num_frames) == (*clips.SIZE, 10)
    saved = client.get(file["url"], params={"download": 1})
    clip = Path(project["name"]).stem
    start = f"attachment; filename*=UTF-8''{clip}_highlight"
    assert saved.headers["content-disposition"] == f"{start}.mp4"
    archive = client.get(f"/api/exports/{done['id']}/zip")
    assert archive.headers["content-disposition"] == f"{start}.zip"
    assert read(client, project)["exports"][0] == done


def test_a_transparent_video(tracked, tmp_path) -> None:
    client, project = tracked
    done = export(client, project, mask_type="alpha", output_video=True, video_format="webm")
    (file,) = done["files"]
    assert (file["name"], done["title"]) == ("output_video.webm", "Transparent, WebM")
    assert content_of(client, file)[:4] == b"\x1aE\xdf\xa3"


def test_pictures_of_a_range_as_a_zip(tracked) -> None:
    client, project = tracked
    done = export(
        client, project, [DOG], mask_type="binary", output_format="png", start_frame=2, end_frame=4
    )
    names = [f"frame_{k:05d}.png" for k in (2, 3, 4)]
    assert [file["name"] for file in done["files"]] == names
    archive = zipfile.ZipFile(BytesIO(client.get(f"/api/exports/{done['id']}/zip").content))
    assert archive.testzip() is None
    assert archive.namelist() == names
    mask = values_of(archive.read(names[0]))
    assert mask[24, 24] == 255
    assert mask[48, 72] == 0  # the other object is not shown


def test_each_object_apart_and_masks_as_data(tracked) -> None:
    client, project = tracked
    done = export(
        client,
        project,
        mask_type="alpha",
        output_format="png",
        separate_objects=True,
        output_masks=True,
        end_frame=1,
    )
    names = [file["name"] for file in done["files"]]
    assert sorted(names) == sorted(
        [
            "cat, the second_frame_00000.png",
            "cat, the second_frame_00001.png",
            "dog_frame_00000.png",
            "dog_frame_00001.png",
            "masks.json",
        ]
    )
    archive = zipfile.ZipFile(BytesIO(client.get(f"/api/exports/{done['id']}/zip").content))
    in_folders = [name.replace("_frame_", "/frame_") for name in names]
    assert archive.namelist() == in_folders
    by_name = {file["name"]: file for file in done["files"]}
    alpha = values_of(content_of(client, by_name["dog_frame_00000.png"]))[..., 3]
    assert alpha[24, 24] == 255
    assert alpha[48, 72] == 0


def test_masks_as_data_that_are_too_large_to_read_are_replaced_by_pictures(
    tracked, monkeypatch
) -> None:
    client, project = tracked
    monkeypatch.setattr(tracks, "_MOST_DOCUMENT_BYTES", 0)
    name = read(client, project)["tracks"][-1]["id"]
    lanes = client.get(f"/api/tracks/{name}/lanes").json()["objects"]
    assert all(set(lane) <= {1.0, None} for lane in lanes.values())
    done = export(client, project, [DOG], mask_type="binary", output_format="png", end_frame=0)
    assert values_of(content_of(client, done["files"][0]))[24, 24] == 255


def test_a_hidden_object_is_in_no_file_and_the_other_keeps_its_colour(tracked) -> None:
    client, project = tracked
    document = {"objects": [DOG | {"hidden": True}, CAT]}
    saved = client.put(
        f"/api/projects/{project['id']}",
        json={"document": document, "revision": read(client, project)["revision"]},
    )
    assert saved.status_code == 200
    done = export(
        client,
        project,
        [CAT],
        mask_type="highlighted",
        annotation_type="mask",
        output_format="png",
        output_masks=True,
        end_frame=0,
    )
    picture, masks = [content_of(client, file) for file in done["files"]]
    document = json.loads(masks)
    assert [one["name"] for one in document["categories"]] == [CAT["name"]]
    (annotation,) = document["annotations"]
    assert 0 < annotation["score"] <= 1
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("RGB")).astype(int)
    expected = (np.array((240, 240, 250)) + PALETTE[1].astype(int)) / 2
    assert np.abs(pixels[48, 72] - expected).max() < 12
    assert pixels[24, 24][0] > 180  # the red disc as it is


def test_the_newest_masks_are_taken_and_cancelled_tracks_count(
    visitor, container, numbered, few
) -> None:
    project = project_of(visitor, few)
    track(visitor, project, [ON_DOG, ON_CAT])
    again = {**ON_DOG, "frame": 5, "points": [[72, 45], [25, 24]]}  # now "dog" is the white disc
    track(visitor, project, [again], 5)
    done = export(visitor, project, [DOG], mask_type="binary", output_format="png")
    masks = [values_of(content_of(visitor, file)) for file in done["files"]]
    assert masks[4][24, 25] == 255
    assert masks[5][24, 25] == 0
    assert masks[5][45, 72] == 255

    long = project_of(visitor, numbered)
    path = f"/api/tracks/{start_track(visitor, long, [ON_DOG]).json()['id']}"
    until(lambda: read(visitor, long)["tracks"][0]["frames"] != [])
    visitor.post(f"{path}/cancel")
    container.ready()
    ((_, end),) = read(visitor, long)["tracks"][0]["frames"]
    told = refusal(start(visitor, long, [DOG], output_video=True))["sentence"]
    if end < 118:
        assert told == (
            f"Frames {end + 2} to 120 are not tracked yet. Track them, or end the range at "
            f"frame {end + 1}."
        )
    done = export(visitor, long, [DOG], mask_type="binary", output_format="png", end_frame=end)
    shown = values_of(content_of(visitor, done["files"][-1]))
    stored = values_of(visitor.get(f"{path}/frames/{end}").content)
    assert np.array_equal(shown > 0, stored == 1)


@pytest.mark.parametrize(
    ("objects", "inputs", "field", "part"),
    [
        ([DOG], {"video_fps": 99}, "video_fps", "The frame rate is 99, but it should be a whole"),
        ([DOG], {"colour": 1}, None, "colour is not an option of an export."),
        ([DOG], {"input_video": "x"}, None, "input_video is not an option of an export."),
        ([DOG], {"background_color": "red"}, "background_color", "The background is 'red', but"),
        (
            [DOG],
            {"mask_type": "alpha", "output_video": True},
            "video_format",
            "The video format is 'mp4', which holds no transparency",
        ),
        ([DOG], {"end_frame": 10}, None, "The frames 1 to 11 are no range of the video"),
        ([{"id": "o7", "name": "fox"}], {}, None, "fox is not tracked yet. Track it, or hide it."),
    ],
)
def test_what_cannot_be_exported_is_told_in_words(tracked, objects, inputs, field, part) -> None:
    client, project = tracked
    told = refusal(start(client, project, objects, **inputs))
    assert told["field"] == field
    assert told["sentence"].startswith(part)


def test_a_still_picture_gives_a_picture(visitor) -> None:
    frame = np.full((*clips.SIZE[::-1], 3), (90, 140, 90), np.uint8)
    cv2.circle(frame, (24, 24), 12, (220, 40, 30), -1)
    content = BytesIO()
    Image.fromarray(frame).save(content, "PNG")
    project = project_of(visitor, content.getvalue(), "still.png")
    assert project["video"]["num_frames"] == 1
    track(visitor, project, [{**ON_DOG, "points": [[24, 24]], "labels": [1]}])
    done = export(
        visitor, project, [DOG], mask_type="alpha", output_video=True, output_format="png"
    )
    assert [file["name"] for file in done["files"]] == ["frame_00000.png"]


def test_an_export_can_be_stopped_and_removed(container, serve, numbered, tmp_path) -> None:
    url = serve(folder=tmp_path)
    with httpx.Client(base_url=url, timeout=60) as client:
        client.get("/")
        project = project_of(client, numbered)
        container.ready()
        track(client, project, [ON_DOG], 0, 9)
        one = start(client, project, [DOG], end_frame=9, output_video=True).json()
        until(lambda: any((tmp_path / "exports").iterdir()))
        assert client.post(f"/api/exports/{one['id']}/cancel").json()["status"] == "cancelled"
        assert follow(client, f"/api/exports/{one['id']}")[-1]["files"] == []
        assert not any((tmp_path / "exports").iterdir())
        done = export(client, project, [DOG], end_frame=9, output_video=True)
        assert not any((tmp_path / "exports").iterdir())
        file = done["files"][0]["url"]
        assert client.delete(f"/api/exports/{done['id']}").status_code == 204
        refusal(client.get(file), 404)
        assert [e["id"] for e in read(client, project)["exports"]] == [one["id"]]


def test_an_export_that_takes_too_long_ends_and_leaves_nothing(serve, few, container) -> None:
    container.ready()
    with httpx.Client(base_url=serve(bounds=Bounds(max_export_seconds=0.5)), timeout=60) as client:
        project = project_of(client, few)
        track(client, project, [ON_DOG])
        one = start(client, project, [DOG], output_video=True).json()
        last = follow(client, f"/api/exports/{one['id']}")[-1]
        assert (last["status"], last["files"]) == ("failed", [])
        assert last["error"]["sentence"].startswith("This took longer than the 0.5 seconds")


def test_masks_that_are_removed_meanwhile_are_told(container, serve, few, tmp_path) -> None:
    container.ready()
    with httpx.Client(base_url=serve(folder=tmp_path), timeout=60) as client:
        client.get("/")
        project = project_of(client, few)
        stored = set(tmp_path.rglob("*"))
        track(client, project, [ON_DOG])
        for path in set(tmp_path.rglob("*")) - stored:
            if path.is_file() and path.suffix not in (".db", ".db-wal", ".db-shm"):
                path.unlink()
        one = start(client, project, [DOG]).json()
        last = follow(client, f"/api/exports/{one['id']}")[-1]
        assert last["error"]["sentence"] == (
            "Masks of this export were removed meanwhile. Export it again."
        )


def test_the_stream_of_an_export_ends_when_the_server_begins_to_stop(
    container, few, tmp_path
) -> None:
    async def test() -> None:
        workers = (f"http://127.0.0.1:{container.port}",)
        no_place = Bounds(max_exports=0)
        async with served(tmp_path, workers=workers, bounds=no_place) as (service, client):
            client.base_url = httpx.URL("http://localhost:8000")
            video = (await client.post("/api/videos", content=few)).json()["id"]
            made = await client.post("/api/projects", json={"video": video})
            path = f"/api/projects/{made.json()['id']}"
            body = {"objects": [DOG], "prompts": [ON_DOG], "start_frame": 0, "end_frame": 1}
            track = (await client.post(f"{path}/tracks", json=body)).json()["id"]
            await client.get(f"/api/tracks/{track}/events")  # to its end
            body = {"objects": [DOG], "inputs": {"end_frame": 1}}
            export = (await client.post(f"{path}/exports", json=body)).json()["id"]
            stream = asyncio.create_task(client.get(f"/api/exports/{export}/events"))
            assert not (await asyncio.wait([stream], timeout=0.5))[0]
            service.end_streams()
            assert '"status": "waiting"' in (await stream).text

    container.ready()
    asyncio.run(test())


def test_an_export_goes_on_after_a_restart(container, few, tmp_path: Path) -> None:
    workers = (f"http://127.0.0.1:{container.port}",)
    container.ready()
    with httpx.Client(timeout=60) as client:
        with serving(workers=workers, folder=tmp_path) as url:
            client.base_url = httpx.URL(url)
            client.get("/")
            project = project_of(client, few)
            done = track(client, project, [ON_DOG])
            one = start(client, project, [DOG], output_video=True).json()
        with serving(workers=workers, folder=tmp_path) as url:
            client.base_url = httpx.URL(url)
            last = follow(client, f"/api/exports/{one['id']}")[-1]
            assert last["status"] == "done"
            assert [file["name"] for file in last["files"]] == ["output_video.mp4"]
            found = read(client, project)
            assert [one["id"] for one in found["tracks"]] == [done["id"]]
            assert client.get(f"/api/tracks/{done['id']}/frames/9").status_code == 200
