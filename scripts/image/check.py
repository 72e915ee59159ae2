"""Builds the image, runs it without a network and prints what was found: `make image-check`."""

import argparse
import base64
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scripts.image.build import add_options, build_image, reachable_base
from scripts.image.engines import Container, Engine, EngineError, find_engine

READY_SECONDS = 300
BUSY_SECONDS = 120
STOP_SECONDS = 30
FRAMES = 6
LONG_FRAMES = 600
# `nano` is in every image, and a small picture is enough to see that it works.
ENVIRONMENT = {"SAM2_MODEL": "nano", "SAM2_IMAGE_SIZE": "128", "OMP_WAIT_POLICY": "passive"}
# What the container's user may write to, its home and what it needs while it runs.
WRITABLE = ("/tmp", "/var/tmp", "/home/sam2", "/src/checkpoints", "/run/cog", "/run/lock", "/dev")  # noqa: S108
WRITTEN = ("/tmp/", "/home/sam2/.cache/", "/run/cog/", "/dev/")  # noqa: S108
IN_SOURCE = {
    ".cog",
    "LICENSE",
    "checkpoints",
    "cog.yaml",
    "predict.py",
    "requirements-sam2.txt",
    "requirements.txt",
    "sam2_video",
}
_CALL = """
import json, sys, urllib.error, urllib.request
call = json.load(sys.stdin)
data = None if call["body"] is None else json.dumps(call["body"]).encode()
headers = {"Content-Type": "application/json", **call["headers"]}
request = urllib.request.Request(
    "http://127.0.0.1:5000" + call["path"], data, headers, method=call["method"])
try:
    answer = urllib.request.urlopen(request, timeout=300)
except urllib.error.HTTPError as error:
    answer = error
except OSError as error:
    print(json.dumps([0, {"status": f"UNREACHABLE: {error}"}]))
    raise SystemExit
print(json.dumps([answer.status, json.load(answer)]))
"""
_CLIP = """
import base64, subprocess, sys, imageio_ffmpeg
source = f"testsrc=size=64x48:rate=24,trim=end_frame={sys.argv[1]}"
form = ["-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-"]
command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, *form]
sys.stdout.write(base64.b64encode(subprocess.check_output(command)).decode())
"""


class CheckError(Exception):
    """The image is not as it should be; the message says what was found."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was checked, whether it is so, and what was found."""

    what: str
    is_right: bool
    found: str


@dataclass(frozen=True)
class Subject:
    """What is checked: an image, and a container of it that was started at `started`."""

    engine: Engine
    tag: str
    container: Container
    started: float


def main() -> int:
    """Build, check and print; 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(prog="make image-check", description=__doc__)
    add_options(parser)
    parser.add_argument("--keep-image", action="store_true", help="check the image that is there")
    options = parser.parse_args()
    try:
        engine = find_engine(options.engine)
        if not options.keep_image:
            build_image(engine, options, options.base or reachable_base(engine))
        rows = list(checked(engine, options.tag))
        print_layers(engine, options.tag)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    print_rows(rows)
    return 0 if all(row.is_right for row in rows) else 1


def checked(engine: Engine, tag: str) -> Iterator[Row]:
    """Start the image and check it; the last checks stop it and start it again."""
    with started(engine, tag) as container:
        subject = Subject(engine, tag, container, time.time())
        for what, check in CHECKS.items():
            try:
                yield Row(what, True, check(subject))
            except (CheckError, EngineError) as error:
                yield Row(what, False, str(error))


@contextmanager
def started(engine: Engine, tag: str) -> Iterator[Container]:
    """A container that is removed in the end."""
    container = engine.start(tag, ENVIRONMENT)
    try:
        yield container
    finally:
        container.remove()


def becomes_ready(subject: Subject) -> str:
    seconds = wait_for_status(subject.container, "READY", READY_SECONDS)
    return f"READY after {seconds:.0f} s"


def has_no_network(subject: Subject) -> str:
    lines = subject.container.execute("cat", "/proc/net/dev").splitlines()[2:]
    names = [line.partition(":")[0].strip() for line in lines]
    expect(names == ["lo"], f"network interfaces: {', '.join(names)}")
    return "loopback is the only interface"


def user_is_not_root(subject: Subject) -> str:
    number = subject.container.execute("stat", "-c", "%u", "/proc/1").strip()
    expect(number not in ("", "0"), f"process 1 runs as user {number}")
    return f"process 1 runs as user {number}"


def health_check_agrees(subject: Subject) -> str:
    subject.container.execute(*subject.engine.health_check(subject.tag))
    return "exit code 0"


def predicts(subject: Subject) -> str:
    started_at = time.monotonic()
    status, answer = predict(subject.container, FRAMES)
    seconds = time.monotonic() - started_at
    expect(status == 200 and answer["status"] == "succeeded", f"{status}: {shown(answer)}")
    kinds = {output.partition(",")[0] for output in answer["output"]}
    expect(kinds == {"data:image/webp;base64"}, f"outputs: {kinds}")
    expect(len(answer["output"]) == FRAMES, f"{len(answer['output'])} outputs")
    return f"{FRAMES} frames in {seconds:.1f} s"


def tells_of_a_bad_click(subject: Subject) -> str:
    status, answer = predict(subject.container, FRAMES, click_frames="500")
    sentence = f"click_frames[0] is 500, but the video has {FRAMES} frames (0-{FRAMES - 1})"
    expect(status == 200 and answer["status"] == "failed", f"{status}: {shown(answer)}")
    expect(answer["error"].endswith(f"InputError: {sentence}"), answer["error"])
    return sentence


def holds_what_runs(subject: Subject) -> str:
    names = set(subject.container.execute("ls", "-A", "/src").split())
    expect(names == IN_SOURCE, f"/src differs in {', '.join(sorted(names ^ IN_SOURCE))}")
    caches = subject.container.execute(
        "sh", "-c", "find /src -name __pycache__; ls -A /root/.cache 2>/dev/null || :", root=True
    )
    expect(not caches, f"caches: {caches.split()}")
    return "no tests, training, docs or caches"


def code_belongs_to_root(subject: Subject) -> str:
    """Whether the container's user could change code."""
    found = find(subject.container, "-writable -not -type l")
    others = [path for path in found if not is_below(path, WRITABLE)]
    expect(not others, f"the user may write to {', '.join(others[:5])}")
    owner = subject.container.execute("stat", "-c", "%U", "/src/checkpoints").strip()
    return f"of /src, {owner} may write to checkpoints/ alone"


def writes_in_its_folders(subject: Subject) -> str:
    """Whether everything written since the start is the user's, and where files may be."""
    written = f"-type f -newermt @{subject.started}"
    found = find(subject.container, written, root=True)
    strange = set(find(subject.container, f"{written} -not -user sam2", root=True))
    expect(strange <= MADE_BY_ENGINES, f"another user's: {', '.join(sorted(strange))}")
    others = [
        path for path in found if not path.startswith(WRITTEN) and path not in MADE_BY_ENGINES
    ]
    expect(not others, f"written: {', '.join(others[:5])}")
    places = sorted({"/".join(path.split("/")[:3]) for path in found} - MADE_BY_ENGINES)
    return f"{len(found)} files, all of sam2 and below {', '.join(places) or 'no folder'}"


def ends_on_sigterm(subject: Subject) -> str:
    """Whether SIGTERM ends it in the middle of a prediction."""
    container = subject.container
    wait_for_status(container, "READY", BUSY_SECONDS)
    status, answer = predict(container, LONG_FRAMES, headers={"Prefer": "respond-async"})
    expect(status == 202, f"{status}: {shown(answer)}")
    wait_for_status(container, "BUSY", BUSY_SECONDS)
    time.sleep(2)
    expect(health(container) == "BUSY", "the prediction ended before SIGTERM was sent")
    started_at = time.monotonic()
    code = container.stop(STOP_SECONDS)
    seconds = time.monotonic() - started_at
    expect(seconds < STOP_SECONDS, f"it had to be killed after {STOP_SECONDS} s")
    return f"ended in {seconds:.1f} s with exit code {code}"


def clears_up_when_started_again(subject: Subject) -> str:
    """Whether the files of the prediction that SIGTERM ended are gone after the next start.

    The worker ends together with process 1, before it can remove them itself.
    """
    subject.container.start_again()
    wait_for_status(subject.container, "READY", READY_SECONDS)
    left = find(subject.container, "-path '*/sam2-video-*/*'")
    expect(not left, f"left: {', '.join(left[:5])}")
    return "the files of that prediction are gone"


# Files that an engine puts into every container.
MADE_BY_ENGINES = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv"}
CHECKS: dict[str, Callable[[Subject], str]] = {
    "the server starts": becomes_ready,
    "network": has_no_network,
    "user": user_is_not_root,
    "health check of the image": health_check_agrees,
    "prediction, data URI over HTTP": predicts,
    "a click on a missing frame": tells_of_a_bad_click,
    "content of /src": holds_what_runs,
    "owner of the files": code_belongs_to_root,
    "files written": writes_in_its_folders,
    "SIGTERM during a prediction": ends_on_sigterm,
    "the next start": clears_up_when_started_again,
}


def expect(is_so: bool, found: str) -> None:
    """Say what was found if it is not as it should be.

    Raises:
        CheckError: it is not.
    """
    if not is_so:
        raise CheckError(found)


def wait_for_status(container: Container, status: str, seconds: float) -> float:
    """The seconds until the health check has a status.

    Raises:
        CheckError: it does not get there in time, or the start has failed.
    """
    started_at = time.monotonic()
    found = ""
    while (waited := time.monotonic() - started_at) < seconds:
        found = health(container)
        if found == status:
            return waited
        if found == "SETUP_FAILED":
            break
        time.sleep(0.5)
    raise CheckError(f"{found} after {waited:.0f} s; its log ends with: {container.log()[-500:]}")


def health(container: Container) -> str:
    return call(container, "GET", "/health-check")[1]["status"]


def predict(
    container: Container, frames: int, headers: dict[str, str] | None = None, **inputs: str
) -> tuple[int, Any]:
    """Predict for a clip of 64x48 pixels that the container's own ffmpeg draws."""
    clip = container.execute("python", "-c", _CLIP, str(frames))
    base64.b64decode(clip, validate=True)
    body = {
        "input_video": f"data:video/mp4;base64,{clip}",
        "click_coordinates": "[32,24]",
        **inputs,
    }
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        answer = call(container, "POST", "/predictions", {"input": body}, headers)
        # The worker is released a moment after the answer to the prediction before.
        if answer[0] != 409 or time.monotonic() > deadline:
            return answer
        time.sleep(0.2)


def call(
    container: Container,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    """The HTTP code and the JSON of an answer; code 0 while nothing listens.

    The call is made from inside, because nothing outside reaches a container without a network.
    """
    request = {"method": method, "path": path, "body": body, "headers": headers or {}}
    status, answer = json.loads(container.execute("python", "-c", _CALL, text=json.dumps(request)))
    return status, answer


def find(container: Container, tests: str, root: bool = False) -> list[str]:
    """The paths for which tests of `find` hold; folders that may not be read are passed over."""
    command = f"find / /dev -xdev {tests} 2> /dev/null || :"
    return container.execute("sh", "-c", command, root=root).split()


def is_below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def shown(answer: Any) -> str:
    return json.dumps(answer)[:300]


def print_layers(engine: Engine, tag: str) -> None:
    layers = engine.layers(tag)
    print(f"\n{'MB':>8}  layer")
    for layer in layers:
        print(f"{layer.size / 1e6:8.1f}  {instruction(layer.made_by)[:86]}")
    print(f"{sum(layer.size for layer in layers) / 1e6:8.1f}  in all")


def instruction(made_by: str) -> str:
    """An instruction of the Dockerfile without what engines put before it."""
    words = " ".join(word for word in made_by.split() if not word.startswith("--mount="))
    return (words.partition("/bin/sh -c ")[2] or words).removeprefix("#(nop) ")


def print_rows(rows: list[Row]) -> None:
    width = max(len(row.what) for row in rows)
    print(f"\n{'check':{width}}  result")
    for row in rows:
        print(f"{row.what:{width}}  {'ok' if row.is_right else 'FAILED'}: {row.found}")


if __name__ == "__main__":
    sys.exit(main())
