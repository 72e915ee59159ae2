"""Calls of the page's server that several tests make."""

import json
from io import BytesIO
from typing import Any

import httpx
import numpy as np
from PIL import Image

DOG = {"id": "o1", "name": "dog"}
CAT = {"id": "o2", "name": "cat, the second"}
ON_DOG = {"object": "o1", "frame": 0, "points": [[24, 24], [72, 48]], "labels": [1, 0]}
ON_CAT = {"object": "o2", "frame": 0, "points": [[72, 48], [24, 24]], "labels": [1, 0]}


def upload(client: httpx.Client, content: bytes, name: str = "clip.mp4") -> dict[str, Any]:
    answer = client.post("/api/videos", params={"name": name}, content=content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def project_of(client: httpx.Client, content: bytes, name: str = "clip.mp4") -> dict[str, Any]:
    """A new project of a new video."""
    answer = client.post("/api/projects", json={"video": upload(client, content, name)["id"]})
    assert answer.status_code == 201, answer.text
    return answer.json()


def read(client: httpx.Client, project: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/api/projects/{project['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def start_track(
    client: httpx.Client,
    project: dict[str, Any],
    prompts: list[dict[str, Any]],
    first: int = 0,
    last: int | None = None,
    objects: list[dict[str, str]] | None = None,
) -> httpx.Response:
    names = {prompt["object"] for prompt in prompts}
    body = {
        "objects": objects or [one for one in (DOG, CAT) if one["id"] in names],
        "prompts": prompts,
        "start_frame": first,
        "end_frame": project["video"]["num_frames"] - 1 if last is None else last,
    }
    return client.post(f"/api/projects/{project['id']}/tracks", json=body)


def track(client: httpx.Client, *arguments: Any, **more: Any) -> dict[str, Any]:
    """A track once it is done."""
    answer = start_track(client, *arguments, **more)
    assert answer.status_code == 201, answer.text
    last = follow(client, f"/api/tracks/{answer.json()['id']}")[-1]
    assert last["status"] == "done", last
    return last


def follow(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    """All reports of a track or an export, to its end."""
    with client.stream("GET", f"{path}/events") as answer:
        assert answer.status_code == 200
        return [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]


def refusal(answer: httpx.Response, code: int = 422) -> dict[str, Any]:
    assert answer.status_code == code, answer.text
    body = answer.json()
    assert "\n" not in body["sentence"]
    assert "Error" not in body["sentence"]
    return body


def values_of(content: bytes) -> np.ndarray:
    """The pixel values of a picture as it is stored."""
    return np.asarray(Image.open(BytesIO(content)))
