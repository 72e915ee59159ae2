"""The programs that build and run images, behind one interface: docker, podman and buildah."""

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CALL_SECONDS = 600
# Makes what docker makes too: a loopback network, /proc, /dev and /etc/hosts.
_START = r"""
set -e
ip link set lo up
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
for node in null:3 zero:5 random:8 urandom:9; do
    mknod -m 666 "$1/dev/${node%:*}" c 1 "${node#*:}"
done
mkdir -m 1777 "$1/dev/shm"
printf '127.0.0.1 localhost\n::1 localhost\n' > "$1/etc/hosts"
root=$1 user=$2 folder=$3
shift 3
exec chroot --userspec="$user" "$root" env -i -C "$folder" "$@"
"""


class EngineError(RuntimeError):
    """A program that builds or runs images is missing, or has failed."""


@dataclass(frozen=True)
class Layer:
    """One layer of an image: its size in bytes, and the instruction that made it."""

    size: int
    made_by: str


class Container(ABC):
    """A running container whose only network is its own loopback."""

    @abstractmethod
    def execute(self, *command: str, text: str = "", root: bool = False) -> str:
        """Run a command in the container, as its user or as root; what it prints.

        Raises:
            EngineError: the command has failed.
        """

    @abstractmethod
    def stop(self, seconds: int) -> int:
        """Send SIGTERM to process 1, and SIGKILL after `seconds`; the exit code."""

    @abstractmethod
    def start_again(self) -> None:
        """Start the stopped container with the files that it left."""

    @abstractmethod
    def log(self) -> str:
        """What the container has printed."""

    @abstractmethod
    def remove(self) -> None:
        """Stop it at once, and remove its files."""


class Engine(ABC):
    """A program that builds and runs images."""

    name: str

    @abstractmethod
    def build(self, tag: str, context: Path, options: Sequence[str]) -> None:
        """Build the Dockerfile of a folder."""

    @abstractmethod
    def has_image(self, tag: str) -> bool:
        """Whether an image is here, or can be fetched."""

    @abstractmethod
    def import_image(self, archive: Path, tag: str) -> None:
        """Make an image of a tar archive of its files."""

    @abstractmethod
    def layers(self, tag: str) -> list[Layer]:
        """An image's layers, the base's first."""

    @abstractmethod
    def health_check(self, tag: str) -> list[str]:
        """The command of an image's HEALTHCHECK."""

    @abstractmethod
    def start(self, tag: str, environment: dict[str, str]) -> Container:
        """Start an image's own command as its own user, without a network."""


def find_engine(name: str = "") -> Engine:
    """The named engine, or the first one that works here.

    Raises:
        EngineError: there is none.
    """
    engines = {
        "docker": lambda: DockerLike("docker"),
        "podman": lambda: DockerLike("podman"),
        "buildah": Buildah,
    }
    if name and name not in engines:
        raise EngineError(f"ENGINE is {name!r}, but it should be one of {', '.join(engines)}")
    for candidate in [name] if name else engines:
        if shutil.which(candidate) and _succeeds(candidate, "info"):
            return engines[candidate]()
    raise EngineError(f"{name or 'docker, podman or buildah'} is needed, and does not work here")


class DockerLike(Engine):
    """docker, or podman, whose commands are docker's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, tag: str, context: Path, options: Sequence[str]) -> None:
        form = ["--format", "docker"] if self.name == "podman" else []  # OCI has no HEALTHCHECK
        _show(self.name, "build", *form, "--tag", tag, *options, str(context))

    def has_image(self, tag: str) -> bool:
        return _succeeds(self.name, "image", "inspect", tag) or _succeeds(self.name, "pull", tag)

    def import_image(self, archive: Path, tag: str) -> None:
        _call(self.name, "import", str(archive), tag)

    def layers(self, tag: str) -> list[Layer]:
        form = ["--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}"]
        lines = _call(self.name, "history", *form, tag).splitlines()
        pairs = [line.partition("\t") for line in reversed(lines)]
        return [Layer(int(size), made_by) for size, _, made_by in pairs if int(size)]

    def health_check(self, tag: str) -> list[str]:
        form = ["--format", "{{json .Config.Healthcheck.Test}}"]
        return _command(json.loads(_call(self.name, "image", "inspect", *form, tag)))

    def start(self, tag: str, environment: dict[str, str]) -> Container:
        name = f"sam2-video-check-{uuid.uuid4().hex[:8]}"
        variables = [part for pair in environment.items() for part in ("--env", "=".join(pair))]
        options = ["--detach", "--network", "none", "--name", name, *variables]
        _call(self.name, "run", *options, tag)
        return _DockerContainer(self.name, name)


class _DockerContainer(Container):
    def __init__(self, engine: str, name: str) -> None:
        self._engine, self._name = engine, name

    def execute(self, *command: str, text: str = "", root: bool = False) -> str:
        user = ["--user", "root"] if root else []
        return _call(self._engine, "exec", "--interactive", *user, self._name, *command, text=text)

    def stop(self, seconds: int) -> int:
        _call(self._engine, "stop", "--time", str(seconds), self._name)
        return int(_call(self._engine, "inspect", "--format", "{{.State.ExitCode}}", self._name))

    def start_again(self) -> None:
        _call(self._engine, "start", self._name)

    def log(self) -> str:
        done = subprocess.run(
            [self._engine, "logs", self._name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    def remove(self) -> None:
        _call(self._engine, "rm", "--force", self._name)


class Buildah(Engine):
    """buildah as root. It builds images; `unshare` runs them, without a daemon or a runtime."""

    name = "buildah"

    def build(self, tag: str, context: Path, options: Sequence[str]) -> None:
        # Without `--isolation chroot` a runtime and cgroups would be needed.
        form = ["--isolation", "chroot", "--format", "docker", "--layers", "--force-rm"]
        _show("buildah", "build", *form, "--tag", tag, *options, str(context))

    def has_image(self, tag: str) -> bool:
        if _succeeds("buildah", "inspect", "--type", "image", tag):
            return True
        return _succeeds("buildah", "pull", tag)

    def import_image(self, archive: Path, tag: str) -> None:
        container = _call("buildah", "from", "scratch").strip()
        _call("buildah", "add", container, str(archive), "/")
        _call("buildah", "commit", "--rm", container, tag)

    def layers(self, tag: str) -> list[Layer]:
        image = self._inspect(tag)["OCIv1"]
        store = json.loads(_call("buildah", "info"))["store"]
        index = Path(store["GraphRoot"]) / f"{store['GraphDriverName']}-layers" / "layers.json"
        sizes = {
            layer["diff-digest"]: layer["diff-size"]
            for layer in json.loads(index.read_text())
            if "diff-digest" in layer
        }
        made_by = [
            step.get("created_by", "") for step in image["history"] if not step.get("empty_layer")
        ]
        digests = image["rootfs"]["diff_ids"]
        return [Layer(sizes[digest], text) for digest, text in zip(digests, made_by, strict=True)]

    def health_check(self, tag: str) -> list[str]:
        return _command(self._inspect(tag)["Docker"]["config"]["Healthcheck"]["Test"])

    def start(self, tag: str, environment: dict[str, str]) -> Container:
        config = self._inspect(tag)["Docker"]["config"]
        name = _call("buildah", "from", "--pull-never", tag).strip()
        return _UnsharedContainer(name, config, environment)

    @staticmethod
    def _inspect(tag: str) -> dict:
        return json.loads(_call("buildah", "inspect", "--type", "image", tag))


class _UnsharedContainer(Container):
    """The files of a buildah container, run in namespaces of its own."""

    def __init__(self, name: str, config: dict, environment: dict[str, str]) -> None:
        self._name = name
        self._root = Path(_call("buildah", "mount", name).strip())
        self._user, home = self._find_user(config["User"])
        own = dict(text.partition("=")[::2] for text in config["Env"])
        self._environment = [
            f"{key}={value}" for key, value in {"HOME": home, **own, **environment}.items()
        ]
        self._log = Path(f"{self._root}.log")
        self._folder, self._command = config["WorkingDir"], config["Cmd"]
        self.start_again()

    def execute(self, *command: str, text: str = "", root: bool = False) -> str:
        user = 0 if root else self._user
        enter = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        who = ["--setgid", str(user), "--setuid", str(user)]
        inside = ["env", "-i", *self._environment, *command]
        target = ["--target", str(self._first)]
        return _call("nsenter", *target, *enter, *who, *inside, text=text)

    def stop(self, seconds: int) -> int:
        os.kill(self._first, signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill()
            return 128 + signal.SIGKILL

    def start_again(self) -> None:
        self._process, self._first = self._start()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def remove(self) -> None:
        self._kill()
        self._log.unlink(missing_ok=True)
        _call("buildah", "rm", self._name)

    def _kill(self) -> None:
        """End process 1, and with it all others of the container.

        SIGKILL for `unshare` would leave it: the kernel drops `--kill-child` once the user changes.
        """
        if self._process.poll() is None:
            os.kill(self._first, signal.SIGKILL)
            self._process.wait()

    def _start(self) -> tuple[subprocess.Popen, int]:
        """Start `unshare`; it, and its child, which is the container's process 1.

        Raises:
            EngineError: it has ended before process 1 was inside the container.
        """
        command = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork"]
        start = ["sh", "-c", _START, "sh", str(self._root), f"{self._user}:{self._user}"]
        inside = [self._folder, *self._environment, *self._command]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*command, *start, *inside],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None:
            for child in children.read_text().split():
                if Path(f"/proc/{child}/root").readlink() == self._root:
                    return process, int(child)
            time.sleep(0.05)
        raise EngineError(f"the container cannot be started: {self.log()}")

    def _find_user(self, name: str) -> tuple[int, str]:
        """A user's number and home, by the image's own list of users."""
        for line in (self._root / "etc/passwd").read_text().splitlines():
            user, _, number, _, _, home, _ = line.split(":")
            if user == name:
                return int(number), home
        raise EngineError(f"the image's user is {name!r}, but its /etc/passwd has no such user")


def _command(test: list[str]) -> list[str]:
    """The command of a HEALTHCHECK in exec form."""
    if test[0] != "CMD":
        raise EngineError(f"HEALTHCHECK is {test}, but it should be in exec form")
    return test[1:]


def _succeeds(*command: str) -> bool:
    done = subprocess.run(command, capture_output=True, timeout=_CALL_SECONDS, check=False)
    return done.returncode == 0


def _show(*command: str) -> None:
    """Run a command that prints its own progress.

    Raises:
        EngineError: it has failed.
    """
    if code := subprocess.run(command, check=False).returncode:
        raise EngineError(f"{command[0]} {command[1]} has failed with exit code {code}")


def _call(*command: str, text: str = "") -> str:
    """What a command prints to stdout.

    Raises:
        EngineError: it has failed; the message has what it printed to stderr.
    """
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=_CALL_SECONDS, check=False
    )
    if done.returncode:
        words = " ".join(command[:2])
        raise EngineError(f"{words} has failed ({done.returncode}): {done.stderr.strip()[-2000:]}")
    return done.stdout
