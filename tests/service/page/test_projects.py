"""Projects: what a visitor finds again, shares, and loses when it is time."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.serving import until
from sam2_video.service.settings import ServiceLimits
from sam2_video.service.storage.files import Files
from tests.service.inprocess import Clock, served
from tests.service.page.calls import (
    CAT,
    DOG,
    ON_CAT,
    ON_DOG,
    project_of,
    read,
    refusal,
    start_track,
    track,
    upload,
    values_of,
)
from tests.service.page.conftest import serving

DOCUMENT = {"objects": [{**DOG, "hidden": False}], "frame": 3, "look": {"opacity": 0.5}, "é": None}


def save(client: httpx.Client, project: dict, **body: object) -> httpx.Response:
    return client.put(f"/api/projects/{project['id']}", json=body)


def test_a_project_is_saved_and_found_again(visitor, few) -> None:
    project = project_of(visitor, few, "my clip.mp4")
    assert (project["name"], project["video"]["name"]) == ("my clip.mp4", "my clip.mp4")
    assert (project["document"], project["revision"], project["share"]) == (None, 0, None)
    assert project["tracks"] == project["exports"] == []
    assert save(visitor, project, revision=0, document=DOCUMENT).json() == {"revision": 1}
    assert save(visitor, project, revision=1, name="Dogs").json() == {"revision": 2}
    found = read(visitor, project)
    assert (found["name"], found["document"], found["revision"]) == ("Dogs", DOCUMENT, 2)
    # A second one of the same video is another one, and the newest change comes first.
    again = {"video": project["video"]["id"]}
    second = visitor.post("/api/projects", json=again).json()
    assert second["document"] is None
    listed = visitor.get("/api/start").json()["projects"]
    assert [one["id"] for one in listed[:2]] == [second["id"], project["id"]]
    save(visitor, project, revision=2, name="Dogs 2")
    listed = visitor.get("/api/start").json()["projects"]
    assert [one["id"] for one in listed[:2]] == [project["id"], second["id"]]


def test_an_old_revision_is_refused(visitor, few) -> None:
    project = project_of(visitor, few)
    save(visitor, project, revision=0, document=DOCUMENT)
    told = refusal(save(visitor, project, revision=0, document={}), 409)
    assert told["sentence"].startswith("Another window has changed this project.")
    assert read(visitor, project)["document"] == DOCUMENT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"revision": 0, "document": {"a": "x" * 300_000}}, 413),
        ({"revision": 0, "document": {"a": "x" * 3_000_000}}, 413),
        (b'{"revision": 0, "document": {"a": NaN}}', 422),
        (b'{"revision": 0, "document": {"a": Infinity}}', 422),
        (b'{"revision": 0, "document": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", 422),
        ({"revision": "0"}, 422),
        ({"revision": 0, "name": ""}, 422),
        ({"revision": 0, "document": []}, 422),
        ({"revision": 10**30, "name": "x"}, 422),
        ({}, 422),
    ],
)
def test_what_cannot_be_saved(visitor, few, body, code) -> None:
    project = project_of(visitor, few)
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = visitor.put(f"/api/projects/{project['id']}", content=text)
    assert answer.status_code == code, answer.text
    assert read(visitor, project)["revision"] == 0


def test_a_removed_project_takes_its_video_along_unless_another_has_it(visitor, few) -> None:
    project = project_of(visitor, few)
    done = track(visitor, project, [ON_DOG], 0, 1)
    video = project["video"]["id"]
    second = visitor.post("/api/projects", json={"video": video}).json()
    assert visitor.delete(f"/api/projects/{project['id']}").status_code == 204
    refusal(visitor.get(f"/api/projects/{project['id']}"), 404)
    refusal(visitor.get(f"/api/tracks/{done['id']}/frames/0"), 404)
    assert visitor.get(f"/api/videos/{video}/frames/0").status_code == 200
    assert visitor.delete(f"/api/projects/{second['id']}").status_code == 204
    refusal(visitor.get(f"/api/videos/{video}/frames/0"), 404)


def test_a_running_track_ends_with_its_project(visitor, container, numbered) -> None:
    project = project_of(visitor, numbered)
    start_track(visitor, project, [ON_DOG])
    until(lambda: container.health()["status"] == "BUSY")
    assert visitor.delete(f"/api/projects/{project['id']}").status_code == 204
    container.ready()


def test_two_people_do_not_see_each_others_work(visitor, page_url, few) -> None:
    project = project_of(visitor, few)
    done = track(visitor, project, [ON_DOG], 0, 1)
    body = {"objects": [DOG], "inputs": {"end_frame": 1}}
    one = visitor.post(f"/api/projects/{project['id']}/exports", json=body).json()
    paths = {
        f"/api/projects/{project['id']}": "project",
        f"/api/tracks/{done['id']}/events": "track",
        f"/api/tracks/{done['id']}/frames/0": "track",
        f"/api/tracks/{done['id']}/lanes": "track",
        f"/api/exports/{one['id']}/events": "export",
        f"/api/exports/{one['id']}/zip": "export",
        f"/api/exports/{one['id']}/files/frame_00000.webp": "export",
    }
    with httpx.Client(base_url=page_url) as other:
        other.get("/")
        for path, what in paths.items():
            assert visitor.get(path).status_code == 200, path
            told = refusal(other.get(path), 404)
            assert told["sentence"] == f"That {what} is no longer here."
        mine = project_of(other, few)
        from_foreign = {"object": "o1", "frame": 0, "mask_of": done["id"]}
        for method, path, json_body in (
            ("PUT", f"/api/projects/{project['id']}", {"revision": 0, "name": "mine"}),
            ("DELETE", f"/api/projects/{project['id']}", None),
            ("POST", f"/api/projects/{project['id']}/share", None),
            ("DELETE", f"/api/projects/{project['id']}/share", None),
            ("POST", f"/api/projects/{project['id']}/mask", ON_DOG),
            ("POST", f"/api/projects/{project['id']}/exports", body),
            ("POST", f"/api/tracks/{done['id']}/cancel", None),
            ("POST", f"/api/exports/{one['id']}/cancel", None),
            ("DELETE", f"/api/exports/{one['id']}", None),
            ("POST", "/api/projects", {"video": project["video"]["id"]}),
            ("POST", f"/api/projects/{mine['id']}/mask", from_foreign),
        ):
            refusal(other.request(method, path, json=json_body), 404)
        refusal(start_track(other, mine, [from_foreign]), 404)
        refusal(start_track(other, project, [ON_DOG]), 404)
        assert [one["id"] for one in other.get("/api/start").json()["projects"]] == [mine["id"]]
    assert read(visitor, project)["name"] == "clip.mp4"


def test_a_shared_project_is_copied(visitor, page_url, few) -> None:
    project = project_of(visitor, few)
    done = track(visitor, project, [ON_DOG, ON_CAT])
    fix = {"object": "o1", "frame": 5, "mask_of": done["id"]}
    fixed = track(visitor, project, [fix], 5, 6)
    document = {"prompts": [fix], "objects": [DOG, CAT]}
    save(visitor, project, revision=0, document=document, name="Two discs")
    with httpx.Client(base_url=page_url, timeout=60) as other:
        other.get("/")
        told = refusal(other.post("/api/shared/abc"), 404)
        assert told["sentence"] == "This link does not work: the project is not shared."
        token = visitor.post(f"/api/projects/{project['id']}/share").json()["share"]
        assert visitor.post(f"/api/projects/{project['id']}/share").json()["share"] == token
        assert read(visitor, project)["is_shared"]

        copy = other.post(f"/api/shared/{token}").json()
        assert copy["id"] != project["id"]
        assert (copy["name"], copy["is_shared"], copy["share"]) == ("Two discs", False, None)
        assert copy["video"]["id"] != project["video"]["id"]
        first, second = copy["tracks"]
        assert first["id"] not in (done["id"], fixed["id"])
        assert (first["objects"], first["frames"]) == (done["objects"], [[0, 9]])
        assert second["prompts"][0]["mask_of"] == first["id"]
        assert copy["document"]["prompts"][0]["mask_of"] == first["id"]
        path = f"/api/tracks/{first['id']}"
        theirs = other.get(f"{path}/frames/3").content
        assert theirs == visitor.get(f"/api/tracks/{done['id']}/frames/3").content
        assert other.get(f"{path}/lanes").json()["objects"]["o1"][0] > 0
        # Each goes on alone.
        assert visitor.post(f"/api/shared/{token}").json()["id"] == project["id"]
        assert visitor.delete(f"/api/projects/{project['id']}/share").status_code == 204
        refusal(other.post(f"/api/shared/{token}"), 404)
        assert visitor.delete(f"/api/projects/{project['id']}").status_code == 204
        assert values_of(other.get(f"{path}/frames/3").content).any()
        more = track(other, copy, [{**fix, "mask_of": first["id"]}], 5, 6)
        assert more["status"] == "done"


def test_a_project_that_is_removed_while_it_is_copied(visitor, page_url, few, monkeypatch) -> None:
    project = project_of(visitor, few)
    token = visitor.post(f"/api/projects/{project['id']}/share").json()["share"]
    original = Files.copy

    async def copy(*arguments: Any, **values: Any) -> Any:
        path = f"/api/projects/{project['id']}"
        assert (await asyncio.to_thread(visitor.delete, path)).status_code == 204
        return await original(*arguments, **values)

    monkeypatch.setattr(Files, "copy", copy)
    with httpx.Client(base_url=page_url, timeout=60) as other:
        other.get("/")
        told = refusal(other.post(f"/api/shared/{token}"), 404)
        assert told["sentence"] == "This link does not work: the project is not shared."


def test_a_visitor_keeps_so_many_projects_and_videos(serve, few) -> None:
    limits = ServiceLimits(max_visitor_projects=2, max_visitor_videos=1)
    with httpx.Client(base_url=serve(limits=limits), timeout=60) as client:
        client.get("/")
        projects = [project_of(client, few) for _ in range(2)]
        save(client, projects[0], revision=0, name="used")
        third = project_of(client, few)
        listed = [one["id"] for one in client.get("/api/start").json()["projects"]]
        assert listed == [third["id"], projects[0]["id"]]
        refusal(client.get(f"/api/videos/{projects[1]['video']['id']}/frames/0"), 404)
        # Videos without a project are few, and those of projects do not count.
        loose = [upload(client, few)["id"] for _ in range(2)]
        refusal(client.get(f"/api/videos/{loose[0]}/frames/0"), 404)
        assert client.get(f"/api/videos/{loose[1]}/frames/0").status_code == 200
        assert client.get(f"/api/videos/{third['video']['id']}/frames/0").status_code == 200


def test_a_server_holds_so_many_projects(serve, few) -> None:
    url = serve(limits=ServiceLimits(max_projects=1))
    with httpx.Client(base_url=url) as first, httpx.Client(base_url=url) as second:
        for client in (first, second):
            client.get("/")
        project = project_of(first, few)
        answer = second.post("/api/projects", json={"video": upload(second, few)["id"]})
        told = refusal(answer, 507)["sentence"]
        assert told == "The server has no room for more projects. Try again later."
        first.delete(f"/api/projects/{project['id']}")
        project_of(second, few)


def test_a_project_keeps_its_newest_tracks(serve, container, few) -> None:
    container.ready()
    limits = ServiceLimits(max_project_tracks=2)
    with httpx.Client(base_url=serve(limits=limits), timeout=60) as client:
        client.get("/")
        project = project_of(client, few)
        names = [track(client, project, [ON_DOG], 0, 0)["id"] for _ in range(3)]
        assert [one["id"] for one in read(client, project)["tracks"]] == names[1:]


def test_a_restart_loses_nothing(container, few, tmp_path: Path) -> None:
    workers = (f"http://127.0.0.1:{container.port}",)
    container.ready()
    with httpx.Client(timeout=60) as client:
        with serving(workers=workers, folder=tmp_path) as url:
            client.base_url = httpx.URL(url)
            client.get("/")
            project = project_of(client, few)
            save(client, project, revision=0, document=DOCUMENT)
            track(client, project, [ON_DOG, ON_CAT], 0, 2)
            before = read(client, project)
        with serving(workers=workers, folder=tmp_path) as url:
            client.base_url = httpx.URL(url)
            assert read(client, project) == before
            path = f"/api/tracks/{before['tracks'][0]['id']}"
            assert client.get(f"{path}/frames/2").status_code == 200
            assert client.get(f"/api/videos/{project['video']['id']}/file").content == few


def files_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


def test_work_goes_some_time_after_its_last_use(container, few, tmp_path) -> None:
    async def test() -> None:
        clock, kept = Clock(), timedelta(seconds=ServiceLimits().visitor_keep_seconds)
        workers = (f"http://127.0.0.1:{container.port}",)
        async with served(tmp_path, workers=workers, clock=clock) as (service, client):
            client.base_url = httpx.URL("http://localhost:8000")
            video = (await client.post("/api/videos", content=few)).json()["id"]
            project = (await client.post("/api/projects", json={"video": video})).json()["id"]
            body = {"objects": [DOG], "prompts": [ON_DOG], "start_frame": 0, "end_frame": 1}
            made = await client.post(f"/api/projects/{project}/tracks", json=body)
            await client.get(f"/api/tracks/{made.json()['id']}/events")  # to its end
            assert len(files_in(tmp_path)) == 4
            for _ in range(3):  # used again in time
                clock.passed += kept * 0.75
                assert (await client.get(f"/api/projects/{project}")).status_code == 200
                await service.sweep()
            assert len(files_in(tmp_path)) == 4
            clock.passed += kept * 1.25
            await service.sweep()
            assert files_in(tmp_path) == []
            refusal(await client.get(f"/api/projects/{project}"), 404)
            refusal(await client.get(f"/api/tracks/{made.json()['id']}/frames/0"), 404)
            told = refusal(await client.get(f"/api/videos/{video}/file"), 404)
            assert "no longer here" in told["sentence"]
            assert (await client.get("/api/start")).json()["projects"] == []

    container.ready()
    asyncio.run(test())
