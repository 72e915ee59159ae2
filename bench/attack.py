"""Attack a server as a stranger would, and look whether anybody else notices.

python -m bench.attack

Starts `python -m sam2_video serve` on this machine, with a small disk and short limits, and attacks
it step by step. Meanwhile another client, with an address of its own, loads the page; it has to be
answered within a second. The memory of the server and its decoders, the disk, and what is left
after SIGTERM have bounds too. Prints a line a step; the exit status is 1 if one failed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.clip import write_clip
from bench.hostile import huge_canvas_gif, huge_index_mp4
from bench.memory import memory_of
from bench.processes import children, ffmpeg_children
from bench.serving import ROOT, Receiver, data_uri, free_port, until

ANSWER_SECONDS = 1.0  # for the other client, whatever happens
DISK_BYTES = 100_000_000
DECODER_BYTES = 1024**3
CHECKS = 2
CHECK_SECONDS = 15
# The server itself, and as many decoders as it allows: a check runs two for a while.
MEMORY_BYTES = 512 * 1024**2 + 2 * CHECKS * DECODER_BYTES
ATTACKER, OTHER = "attacker-0123456789abcdef", "other-0123456789abcdef"
MODEL = "/v1/models/meta/sam-2-video/predictions"


class Server:
    """The server under attack, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = folder / "data"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.log = folder / "server.log"
        command = [sys.executable, "-m", "sam2_video", "serve", "--port", str(self.port)]
        command += ["--data", str(self.data), "--allow-private", "127.0.0.0/8"]
        command += ["--max-disk-gb", str(DISK_BYTES / 1e9)]
        environment = {
            **os.environ,
            "SAM2_MODEL": "nano",
            "SAM2_IMAGE_SIZE": "128",
            "SAM2_API_TOKENS": f"{ATTACKER},{OTHER}",
            "SAM2_MAX_DECODER_BYTES": str(DECODER_BYTES),
            "SAM2_MAX_CHECKS": str(CHECKS),
            "SAM2_MAX_CHECK_SECONDS": str(CHECK_SECONDS),
            "TMPDIR": str(self.temporary),
            "OMP_WAIT_POLICY": "passive",
            "NO_PROXY": "127.0.0.1",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, 60, self.log.read_text)

    def decoders(self) -> set[int]:
        """Its running decoder processes."""
        return ffmpeg_children(self.process.pid)

    def memory(self) -> int:
        """Bytes of the server and its decoders, without the container it has started."""
        return memory_of((self.process.pid, *self.decoders()))

    def disk(self) -> int:
        """Bytes of the files that clients have sent."""
        total = 0
        for folder in (self.data / "files", self.temporary):
            for path in folder.rglob("*"):
                with suppress(OSError):
                    total += path.stat().st_size if path.is_file() else 0
        return total

    def end(self) -> None:
        """Kill it and whatever it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(self.url).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Watch:
    """What another client and the machine see while a step runs."""

    server: Server
    longest: float = 0.0
    memory: int = 0
    disk: int = 0
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch while the block runs."""
        is_over = threading.Event()
        measuring = threading.Thread(target=self._measure, args=(is_over,))
        measuring.start()
        # In a process of its own: the attacker's threads would hold this one's up.
        command = [sys.executable, "-c", ASKING, self.server.url, OTHER]
        asking = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert asking.stdout is not None
        asking.stdout.readline()
        try:
            yield
        finally:
            is_over.set()
            measuring.join()
            found = json.loads(asking.communicate(timeout=90)[0])
            self.longest = found["longest"]
            self.failures += found["failures"][:1]

    def _measure(self, is_over: threading.Event) -> None:
        while not is_over.wait(0.1):
            self.memory = max(self.memory, self.server.memory())
            self.disk = max(self.disk, self.server.disk())


ASKING = """
import json, select, sys
from bench.attack import ask
print("ready", flush=True)
is_over = lambda: bool(select.select([sys.stdin], [], [], 0.2)[0])
print(json.dumps(ask(sys.argv[1], is_over)))
"""


def ask(url: str, is_over: Callable[[], bool]) -> dict[str, Any]:
    """Load the page again and again; the longest time in seconds, and what failed."""
    longest, failures = 0.0, []
    with other_client(url) as client:
        while not is_over():
            started = time.monotonic()
            try:
                for path in ("/", "/static/app.js", "/api/start"):
                    client.get(path).raise_for_status()
            except httpx.HTTPError as error:
                failures.append(f"the other client got {error!r}")
            longest = max(longest, time.monotonic() - started)
    return {"longest": longest, "failures": failures}


def other_client(url: str) -> httpx.Client:
    """A client with another address than the attacker's."""
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    headers = {"Authorization": f"Bearer {OTHER}"}
    return httpx.Client(base_url=url, transport=transport, headers=headers, timeout=60)


def many(count: int, work: Callable[[int], object]) -> list[threading.Thread]:
    """Run `work(0)`, `work(1)`... in threads that nobody waits for."""
    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads


class Drip:
    """A server that sends a byte of its header now and then, and never more."""

    def __init__(self) -> None:
        self.open = 0
        self._is_over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/clip.mp4"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._send, args=(connection,), daemon=True).start()

    def _send(self, connection: socket.socket) -> None:
        self.open += 1
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not self._is_over.wait(0.5):
                connection.sendall(b"x")
        self.open -= 1

    def __enter__(self) -> Drip:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._listener.close()


def post_and_leave(server: Server, path: str, body: bytes, size: int, kind: str) -> socket.socket:
    """Begin a POST of `size` bytes of which only `body` comes; the connection."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {size}\r\n"
    head += f"Authorization: Bearer {ATTACKER}\r\nContent-Type: {kind}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def decoder_memory(server: Server, folder: Path) -> None:
    """Three files at once, of kilobytes to megabytes, that ask a decoder for gigabytes."""
    files = [huge_index_mp4(folder / "index.mp4"), huge_canvas_gif(folder / "canvas.gif")] * 2
    codes = []

    def upload(i: int) -> None:
        answer = httpx.post(f"{server.url}/api/videos", content=files[i].read_bytes(), timeout=120)
        codes.append(answer.status_code)

    for thread in many(4, upload):
        thread.join()
    assert codes == [422] * 4, codes


def checks_without_an_asker(server: Server, folder: Path) -> None:
    """Six uploads whose senders leave as soon as the check begins."""
    content = huge_canvas_gif(folder / "canvas.gif").read_bytes()
    left = [
        post_and_leave(server, "/api/videos", content, len(content), "image/gif") for _ in range(6)
    ]
    until(lambda: bool(server.decoders()), 20)
    assert len(server.decoders()) <= 2 * CHECKS
    for connection in left:
        connection.close()
    until(lambda: not server.decoders(), 5, lambda: "decoders run on")


def slow_urls(server: Server, folder: Path) -> None:
    """41 visitors who fetch from a server that drips its header."""
    clip = write_clip(folder / "clip.mp4", size=(96, 72), frames=6)
    with Drip() as drip, Receiver({"/clip.mp4": clip.read_bytes()}) as good, ExitStack() as stack:
        body = json.dumps({"url": drip.url}).encode()
        for _ in range(41):
            path, kind = "/api/videos/fetch", "application/json"
            stack.enter_context(post_and_leave(server, path, body, len(body), kind))
        until(lambda: drip.open > 0, 10)
        with other_client(server.url) as client:
            answer = client.post("/api/videos/fetch", json={"url": good.url("/clip.mp4")})
        assert answer.status_code == 201, answer.text
        stack.close()
        until(lambda: drip.open == 0, 10, lambda: "fetches run on")


def slow_bodies(server: Server, _: Path) -> None:
    """Ten large requests of which one byte comes: ended in time, and not in anybody's way."""
    with ExitStack() as stack:
        kind = "multipart/form-data; boundary=x"
        part = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a"\r\n\r\na'
        left = [
            stack.enter_context(post_and_leave(server, path, begun, 50_000_000, kind))
            for path, begun in ((MODEL, b"{"), ("/v1/files", part), ("/api/videos", b"a"))
            for _ in range(10)
        ]
        large = {"input_video": data_uri(bytes(3_000_000)), "click_coordinates": "[1,1]"}
        with other_client(server.url) as client:
            answer = client.post(MODEL, json={"input": large})
            assert answer.status_code == 201, answer.text
            client.post(f"/v1/predictions/{answer.json()['id']}/cancel")
        for connection in left[0], left[-11], left[-1]:
            connection.settimeout(40)
            answer_begins = connection.recv(1000)
            assert b" 408 " in answer_begins, answer_begins


def slow_webhooks(server: Server, _: Path) -> None:
    """30 predictions whose webhook drips its header; another client's webhook is called."""
    inputs = {"input_video": data_uri(b"no video"), "click_coordinates": "[1,1]"}
    with Drip() as drip, Receiver() as good:
        filters = {"webhook_events_filter": ["completed"], "input": inputs}
        with httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {ATTACKER}"}, timeout=60
        ) as client:
            for _i in range(30):
                made = client.post(MODEL, json={**filters, "webhook": drip.url})
                client.post(f"/v1/predictions/{made.json()['id']}/cancel")
        until(lambda: drip.open > 0, 20)
        with other_client(server.url) as client:
            made = client.post(MODEL, json={**filters, "webhook": good.url("/hook")})
            client.post(f"/v1/predictions/{made.json()['id']}/cancel")
        until(lambda: bool(good.received), 10, lambda: "the other client's webhook waits")


def disk(server: Server, _: Path) -> None:
    """Ten fetches and ten uploads of 60 MB each where 100 MB are allowed."""
    content = bytes(60_000_000)
    with Receiver({"/large": content}) as receiver:

        def send(i: int) -> None:
            with suppress(httpx.HTTPError):
                if i % 2:
                    where = {"url": receiver.url("/large")}
                    httpx.post(f"{server.url}/api/videos/fetch", json=where, timeout=120)
                else:
                    headers = {"Authorization": f"Bearer {ATTACKER}"}
                    files = {"content": ("large", content)}
                    url = f"{server.url}/v1/files"
                    answer = httpx.post(url, headers=headers, files=files, timeout=120)
                    if answer.status_code == 201:
                        httpx.delete(f"{url}/{answer.json()['id']}", headers=headers)

        for thread in many(20, send):
            thread.join()


def private_urls(server: Server, _: Path) -> None:
    """Private addresses in all spellings, and a redirect to one."""
    hosts = [
        "10.0.0.1",
        "167772161",
        "0x0a000001",
        "012.0.0.1",
        "[::ffff:10.0.0.1]",
        "[::10.0.0.1]",
    ]
    hosts += ["169.254.169.254", "[fec0::1]", "[64:ff9b:1::1]", "[64:ff9b::a00:1]", "192.88.99.1"]
    hosts += ["[::10.0.0.1]", "[5f00::1]", "[fd00::1]", "[2002:a00:1::]", "0.0.0.0"]  # noqa: S104

    def redirect(request: object) -> None:
        request.send_response(302)  # type: ignore[attr-defined]
        request.send_header("Location", "http://10.0.0.1/")  # type: ignore[attr-defined]
        request.end_headers()  # type: ignore[attr-defined]

    with Receiver({"/there": redirect}) as receiver:
        for url in [*(f"http://{host}/x" for host in hosts), receiver.url("/there")]:
            answer = httpx.post(f"{server.url}/api/videos/fetch", json={"url": url}, timeout=30)
            assert answer.status_code == 422, (url, answer.text)
            assert "private address" in answer.text or "not a URL" in answer.text, (
                url,
                answer.text,
            )


def odd_requests(server: Server, _: Path) -> None:
    """Malformed headers and bodies: each a 4xx, none a 500."""
    headers = {"Authorization": f"Bearer {ATTACKER}"}
    bodies = [b"[" * 900_000, b'{"video": {}}', b'{"labels": 5, "points": 5, "frame": 0}']
    bodies += [b'{"frame": ' + b"9" * 5000 + b"}", b'{"inputs": 5}', b'{"url": {}}', b"\xff"]
    bodies += [b'{"input": ' + b"9" * 5000 + b"}", b'{"input": {"input_video": {}}}', b"nul"]
    paths = ["/api/projects", "/api/videos/fetch", "/api/projects/x/mask", MODEL]
    paths += ["/api/projects/x/tracks", "/api/projects/x/exports", "/api/shared/x"]
    paths += ["/v1/predictions", "/v1/files", "/v1/predictions/x/cancel"]
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
        for path in paths:
            for body in bodies:
                code = client.post(path, content=body).status_code
                assert 400 <= code < 500, (path, body[:50])
        for origin in ("http://[::1", "null", "\xff", "http://" + "a" * 5000):
            odd = {"Origin": origin.encode("latin-1")}
            code = client.post("/api/projects", content=b"{}", headers=odd).status_code  # type: ignore[arg-type]
            assert 400 <= code < 500, (origin[:20], code)
        assert client.get("/api/videos/x/frames/" + "9" * 5000).status_code == 404


STEPS = (
    decoder_memory,
    checks_without_an_asker,
    slow_urls,
    slow_bodies,
    slow_webhooks,
    disk,
    private_urls,
    odd_requests,
)


def end_under_attack(server: Server, folder: Path) -> list[str]:
    """SIGTERM while checks, fetches and uploads are under way; what is left."""
    content = huge_canvas_gif(folder / "canvas.gif").read_bytes()
    with Drip() as drip, ExitStack() as stack:
        body = json.dumps({"url": drip.url}).encode()
        for path, sent, size in (
            ("/api/videos", content, len(content)),
            ("/api/videos/fetch", body, len(body)),
            ("/api/videos", content, len(content) + 1),
        ):
            stack.enter_context(post_and_leave(server, path, sent, size, "application/json"))
        until(lambda: bool(server.decoders()) and drip.open > 0, 20)
        started = descendants(server.process.pid)
        server.process.send_signal(signal.SIGTERM)
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            return ["the server itself"]
    until(lambda: not any(map(_is_running, started)), 20, lambda: "processes run on")
    files = [path for path in (server.data / "files").rglob("*") if path.is_file()]
    files += [path for path in server.temporary.rglob("*") if path.is_file()]
    kept = len([path for path in files if path.read_bytes()[:4] == b"GIF8"])
    return [f"{kept} files"] if kept else []


def descendants(pid: int) -> list[int]:
    """All processes that a process has started, and theirs."""
    found = [pid]
    for one in found:
        found += children(one)
    return found[1:]


def _is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def main() -> int:
    """Run all steps; 1 if one failed."""
    failed, errors, left = False, [], []
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        server = Server(folder)
        try:
            for step in STEPS:
                watch, started = Watch(server), time.monotonic()
                try:
                    with watch.running():
                        step(server, folder)
                        time.sleep(0.5)
                except AssertionError as error:
                    watch.failures.append(str(error)[:300] or "an assertion failed")
                for what, value, most in (
                    ("seconds for the other client", watch.longest, ANSWER_SECONDS),
                    ("bytes of memory", watch.memory, MEMORY_BYTES),
                    ("bytes on the disk", watch.disk, DISK_BYTES),
                ):
                    if value > most:
                        watch.failures.append(f"{value:g} {what}, more than {most:g}")
                print(
                    f"{step.__name__:24} {time.monotonic() - started:5.1f} s   other client "
                    f"{watch.longest * 1000:4.0f} ms   memory {watch.memory / 2**20:5.0f} MiB   "
                    f"disk {watch.disk / 1e6:5.1f} MB   {'; '.join(watch.failures) or 'ok'}",
                    flush=True,
                )
                failed = failed or bool(watch.failures)
            errors = [line for line in server.log.read_text().splitlines() if "Traceback" in line]
            left = end_under_attack(server, folder)
            print(f"{'end_under_attack':24} {'left: ' + ', '.join(left) if left else 'ok'}")
            print(f"{'tracebacks in the log':24} {len(errors)}")
        finally:
            server.end()
            if failed or errors:
                print(server.log.read_text(), file=sys.stderr)
    return int(failed or bool(left) or bool(errors))


if __name__ == "__main__":
    sys.exit(main())
