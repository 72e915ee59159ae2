"""What untrusted clients may not do: addresses, tokens, sizes, counts, and how long things stay."""

import errno
import ipaddress
import socket
from datetime import timedelta
from io import BytesIO

import httpx
import pytest

from sam2_video.cli import main
from sam2_video.core.addresses import AddressRules
from sam2_video.service.net.guard import Guard, UrlError
from sam2_video.service.storage.blobs import BlobStore
from tests.service.inprocess import Clock, ended, run, served
from tests.service.scripted import ScriptedWorker, sends
from tests.service.serving import MODEL

VIDEO = {"input_video": "data:video/mp4;base64,AAAA", "click_coordinates": "[1,1]"}
CREATE = f"/models/{MODEL}/predictions"
ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "::93.184.216.34",
        "fec0::1",
        "64:ff9b:1::1",
        "192.88.99.1",
        "::ffff:192.88.99.1",
        "5f00::1",
    ],
)
def test_private_addresses_are_not_connected_to(address) -> None:
    assert not AddressRules().permits(address)


def test_public_and_allowed_addresses_are() -> None:
    assert AddressRules().permits("93.184.216.34")
    assert AddressRules().permits("2606:2800:220:1:248:1893:25c8:1946")
    guard = AddressRules([ipaddress.ip_network("10.1.0.0/16")])
    assert guard.permits("10.1.2.3")
    assert guard.permits("::ffff:10.1.2.3")
    assert not guard.permits("10.2.0.1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/x", "the private address 127.0.0.1"),
        ("http://localhost/x", "the private address"),
        ("http://2130706433/x", "the private address 127.0.0.1"),
        ("http://0x7f.1/x", "the private address 127.0.0.1"),
        ("http://[::ffff:127.0.0.1]/x", "the private address ::ffff:"),
        ("http://user:word@example.com/x", "it carries a user or password"),
        ("http://a.name.that.does.not.exist.invalid/x", "cannot be resolved"),
    ],
)
def test_inputs_and_webhooks_to_private_addresses_are_refused(tmp_path, url, reason) -> None:
    async def test() -> None:
        async with served(tmp_path) as (_, client):
            body = {"input": {**VIDEO, "input_video": url}}
            answer = await client.post(CREATE, json=body)
            assert answer.status_code == 422
            assert reason in answer.json()["detail"]
            answer = await client.post(CREATE, json={"input": VIDEO, "webhook": url})
            assert answer.status_code == 422
            assert answer.json()["invalid_fields"][0]["field"] == "webhook"

    run(test)


def test_a_redirect_to_a_private_address_is_not_followed(receiver) -> None:
    def redirect(request) -> None:
        request.send_response(302)
        request.send_header("Location", "http://127.0.0.2:9/secret")
        request.send_header("Content-Length", "0")
        request.end_headers()

    receiver.files["/here"] = redirect
    guard = Guard([ipaddress.ip_network("127.0.0.1")])

    async def test() -> None:
        with pytest.raises(UrlError, match=r"the private address 127\.0\.0\.2"):
            async with guard.get(receiver.url("/here")):
                pass

    run(test)


def test_a_name_that_changes_between_look_and_connection_gains_nothing(monkeypatch) -> None:
    answers = [[(0, 0, 0, "", ("93.184.216.34", 80))], [(0, 0, 0, "", ("127.0.0.1", 80))]]

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop(0))

    async def test() -> None:
        await Guard().check("http://rebound.test/")
        with pytest.raises(UrlError, match="private address"):
            async with Guard().get("http://rebound.test/"):
                pass

    run(test)


def test_redirects_end(receiver) -> None:
    def around(request) -> None:
        request.send_response(302)
        request.send_header("Location", "/around")
        request.send_header("Content-Length", "0")
        request.end_headers()

    receiver.files["/around"] = around
    guard = Guard([ipaddress.ip_network("127.0.0.0/8")])

    async def test() -> None:
        with pytest.raises(UrlError, match="redirects more than"):
            async with guard.get(receiver.url("/around")):
                pass

    run(test)


def test_tokens_are_asked_for_and_own_what_they_make(tmp_path) -> None:
    async def test() -> None:
        with ScriptedWorker([sends("frame_00000.webp")]) as worker:
            settings = {"tokens": (ALICE, BOB), "workers": (worker.url,)}
            async with served(tmp_path, **settings) as (hosted, client):
                worker.endpoint = hosted.endpoint.upload_url
                alice = {"Authorization": f"Bearer {ALICE}"}
                bob = {"Authorization": f"Token {BOB}"}
                for headers in ({}, {"Authorization": f"Bearer {ALICE}x"}, {"Authorization": "x"}):
                    answer = await client.get("/predictions", headers=headers)
                    assert answer.status_code == 401
                    assert answer.json()["title"] == "Unauthenticated"
                    assert (await client.post(CREATE, json={}, headers=headers)).status_code == 401
                    assert (await client.post("/files", headers=headers)).status_code == 401
                created = await client.post(CREATE, json={"input": VIDEO}, headers=alice)
                prediction = created.json()
                path = f"/predictions/{prediction['id']}"
                done = prediction
                while done["status"] != "succeeded":
                    done = (await client.get(path, headers=alice)).json()
                assert (await client.get(path, headers=bob)).status_code == 404
                assert (await client.post(f"{path}/cancel", headers=bob)).status_code == 404
                assert (await client.get("/predictions", headers=bob)).json()["results"] == []
                source = done["input"]["input_video"]
                for way in (client.get, client.delete):
                    assert (await way(source, headers=bob)).status_code == 404
                answer = await client.post(
                    CREATE, json={"input": {**VIDEO, "input_video": source}}, headers=bob
                )
                assert "there is no such file here" in answer.json()["detail"]
                keys = [
                    (await client.get("/webhooks/default/secret", headers=who)).json()["key"]
                    for who in (alice, alice, bob)
                ]
                assert keys[0] == keys[1] != keys[2]
                # Clients read outputs and streams without a token: their addresses are the secret.
                assert (await client.get(done["output"][0])).content == b"picture"
                assert "event: done" in (await client.get(done["urls"]["stream"])).text

    run(test)


def test_without_tokens_other_sites_and_hosts_are_refused(tmp_path) -> None:
    async def test() -> None:
        async with served(tmp_path) as (_, client):
            for headers in (
                {"Host": "rebound.example.com"},
                {"Host": "[::1"},
                {"Origin": "http://[x"},
                {"Origin": "https://example.com"},
                {"Origin": "null"},
            ):
                assert (await client.get("/predictions", headers=headers)).status_code == 403
            own = {"Origin": "http://localhost:8000"}
            assert (await client.get("/predictions", headers=own)).status_code == 200

    run(test)


def test_a_full_queue_says_when_to_come_again(tmp_path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits={"max_queue": 2}) as (_, client):
            for _ in range(2):
                assert (await client.post(CREATE, json={"input": VIDEO})).status_code == 201
            answer = await client.post(CREATE, json={"input": VIDEO})
            assert answer.status_code == 429
            assert answer.json()["retry_after"] == int(answer.headers["Retry-After"]) > 0

    run(test)


def test_sizes_and_counts_are_bounded(tmp_path) -> None:
    limits = {
        "max_body_bytes": 5000,
        "max_file_bytes": 1000,
        "max_files": 3,
        "max_stored_bytes": 2500,
    }

    async def test() -> None:
        async with served(tmp_path, limits=limits) as (_, client):
            large = {**VIDEO, "input_video": "data:," + "x" * 6000}
            assert (await client.post(CREATE, json={"input": large})).status_code == 413
            large["input_video"] = "data:," + "x" * 1001
            answer = await client.post(CREATE, json={"input": large})
            assert answer.json()["detail"] == "input_video has more than the 1000 bytes allowed"

            async def upload(size: int) -> httpx.Response:
                return await client.post("/files", files={"content": BytesIO(b"x" * size)})

            assert (await upload(1001)).status_code == 422
            first = (await upload(1000)).json()
            assert (await upload(1000)).status_code == 201
            answer = await upload(1000)
            assert answer.status_code == 507
            assert answer.json()["detail"] == "content does not fit into this server's storage"
            await client.delete(f"/files/{first['id']}")
            assert (await upload(700)).status_code == 201
            assert (await upload(700)).status_code == 201
            answer = await upload(1)
            assert "There are 3 files already" in answer.json()["detail"]
        files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) == 2400

    run(test)


def test_a_full_disk_is_507(tmp_path, monkeypatch) -> None:
    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def test() -> None:
        async with served(tmp_path) as (_, client):
            monkeypatch.setattr(BlobStore, "put", full)
            for answer in (
                await client.post("/files", files={"content": b"x"}),
                await client.post(CREATE, json={"input": VIDEO}),
            ):
                assert answer.status_code == 507
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert "does not fit onto this server's disk" in answer.json()["detail"]

    run(test)


@pytest.mark.parametrize("public_url", [None, "https://sam.example.com/segment"])
def test_a_file_is_known_by_every_name_of_the_server(tmp_path, public_url) -> None:
    async def test() -> None:
        settings = {"tokens": (ALICE, BOB), "public_url": public_url}
        async with served(tmp_path, **settings) as (_, client):
            alice = {"Authorization": f"Bearer {ALICE}"}

            async def create(video: str, token: str = ALICE) -> httpx.Response:
                headers = {"Authorization": f"Bearer {token}"}
                body = {"input": {**VIDEO, "input_video": video}}
                return await client.post(CREATE, json=body, headers=headers)

            file = await client.post("/files", files={"content": b"x"}, headers=alice)
            name = file.json()["id"]
            servers = [f"http://{host}:8000" for host in ("localhost", "127.0.0.1", "[::1]")]
            for server in [*servers, *([public_url] if public_url else [])]:
                for path in (f"/v1/files/{name}", f"/files/{name}", f"/v1/files/{name}/download"):
                    assert (await create(server + path)).status_code == 201, server + path
                    assert "no such file here" in (await create(server + path, BOB)).text
                assert "no such file here" in (await create(f"{server}/v1/files/none")).text
            # Another port is another server, and other paths may be anybody's.
            for url in (f"http://localhost:8001/v1/files/{name}", f"{servers[0]}/clip.mp4"):
                assert "private address" in (await create(url)).text

    run(test)


def test_data_expires(tmp_path) -> None:
    async def test() -> None:
        with ScriptedWorker([sends("frame_00000.webp")]) as worker:
            clock = Clock()
            async with served(tmp_path, workers=(worker.url,), clock=clock) as (hosted, client):
                worker.endpoint = hosted.endpoint.upload_url
                name = (await client.post(CREATE, json={"input": VIDEO})).json()["id"]
                done = await ended(client, name)
                assert (await client.get(done["output"][0])).status_code == 200
                clock.passed += timedelta(hours=23)
                await hosted.sweep()
                assert (await client.get(done["output"][0])).status_code == 200
                clock.passed += timedelta(hours=2)
                await hosted.sweep()
                assert (await client.get(done["output"][0])).status_code == 404
                left = (await client.get(f"/predictions/{name}")).json()
                assert left["data_removed"] is True
                assert (left["status"], left["input"]) == ("succeeded", {})
                assert (left["output"], left["logs"]) == (None, "")
                assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
                clock.passed += timedelta(days=30)
                await hosted.sweep()
                assert (await client.get(f"/predictions/{name}")).status_code == 404

    run(test)


def test_records_are_bounded(tmp_path) -> None:
    async def test() -> None:
        async with served(tmp_path, limits={"max_records": 3}) as (hosted, client):
            names = []
            for _ in range(6):
                names.append((await client.post(CREATE, json={"input": VIDEO})).json()["id"])
                await client.post(f"/predictions/{names[-1]}/cancel")
            await hosted.sweep()
            listed = (await client.get("/predictions")).json()["results"]
            assert [one["id"] for one in listed] == names[:2:-1]

    run(test)


def test_files_may_lie_in_another_storage(tmp_path) -> None:
    """Any that fsspec knows; this one is its own, in memory."""

    async def test() -> None:
        with ScriptedWorker([sends("frame_00000.webp")]) as worker:
            settings = {"workers": (worker.url,), "files": f"memory://{tmp_path.name}"}
            async with served(tmp_path, **settings) as (hosted, client):
                worker.endpoint = hosted.endpoint.upload_url
                name = (await client.post(CREATE, json={"input": VIDEO})).json()["id"]
                (output,) = (await ended(client, name))["output"]
                part = await client.get(output, headers={"Range": "bytes=2-4"})
                assert (part.status_code, part.content) == (206, b"ctu")
                assert not (tmp_path / "files").exists()

    run(test)


def test_contents_that_a_crash_has_left_are_removed(tmp_path) -> None:
    left = tmp_path / "files" / "aa" / "aaaaaaaaaaaaaaaaaaaaaaaaaa"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    async def test() -> None:
        async with served(tmp_path):
            assert not left.exists()

    run(test)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--no-page", "--host", "0.0.0.0"], "--host 0.0.0.0 lets other machines"),  # noqa: S104
        (
            ["--no-page", "--public-url", "https://a.example"],
            "--public-url a.example lets other",
        ),
        (
            ["--worker-endpoint", "0.0.0.0:1"],
            "--worker-endpoint 0.0.0.0:1 is every address of this machine: give",
        ),
        (["--api", "localhost:5000"], "--api is 'localhost:5000', but it should be an http(s) URL"),
        (["--allow-private", "home"], "--allow-private is 'home', but it should be a network as"),
        (["--worker-endpoint", "8001"], "--worker-endpoint is '8001', but it should be HOST:PORT"),
        (["--tokens", "/nothing/here"], "--tokens '/nothing/here' cannot be read"),
        (["--max-queue", "0"], "--max-queue is 0, but it should be above zero"),
    ],
)
def test_options_that_are_wrong_are_said_in_a_sentence(tmp_path, capfd, options, sentence) -> None:
    assert main(["serve", "--data", str(tmp_path / "data"), *options]) == 1
    error = capfd.readouterr().err
    assert error.startswith(sentence)
    assert error.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_port_that_is_taken_is_said(tmp_path, receiver, capfd) -> None:
    taken = receiver.url("").rpartition(":")[2]
    assert main(["serve", "--data", str(tmp_path), "--worker-endpoint", f"127.0.0.1:{taken}"]) == 1
    sentence = f"listening on 127.0.0.1:{taken} fails, address already in use"
    assert f"--worker-endpoint cannot be used: {sentence}\n" == capfd.readouterr().err
