"""The lock files hold what the requirements files pin, by hash, and name no place to fetch from."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCKS = {
    "build.lock": ["requirements-build.txt"],
    "all.lock": [
        "requirements.txt",
        "requirements-page.txt",
        "requirements-dev.txt",
        "requirements-batch.txt",  # by requirements-dev.txt
    ],
    "image.lock": ["requirements.txt"],
    "page.lock": ["requirements-page.txt"],
    "sam2.lock": ["requirements-sam2.txt"],
    "node.lock": ["requirements-node.txt"],
    "client.lock": ["requirements-client.txt"],
}
_PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.+!]+)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    """The packages that a requirements file pins, as (name, version)."""
    found = _PIN.findall((ROOT / name).read_text())
    return {(re.sub(r"[-_.]+", "-", package).lower(), version) for package, version in found}


def locked(name: str) -> list[tuple[str, str, str]]:
    """The entries of a lock file, as (name, version, what follows up to the next entry)."""
    text = (ROOT / "locks" / name).read_text()
    starts = [*_PIN.finditer(text)]
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return [
        (match[1], match[2], text[match.end() : end])
        for match, end in zip(starts, ends, strict=True)
    ]


def test_every_requirements_file_is_locked() -> None:
    assert {path.name for path in (ROOT / "locks").glob("*.lock")} == set(LOCKS)
    named = {name for names in LOCKS.values() for name in names}
    assert {path.name for path in ROOT.glob("requirements*.txt")} == named


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_of_todays_pins(lock: str) -> None:
    pinned = set().union(*(pins(name) for name in LOCKS[lock]))
    entries = {(name, version): rest for name, version, rest in locked(lock)}
    assert pinned <= set(entries), "run make lock"
    direct = {entry for entry, rest in entries.items() if re.search(r"-r requirements", rest)}
    assert direct == pinned, "run make lock"


@pytest.mark.parametrize("lock", ["image.lock", "page.lock"])
def test_the_images_get_what_is_tested(lock: str) -> None:
    tested = {(name, version) for name, version, _ in locked("all.lock")}
    assert {(name, version) for name, version, _ in locked(lock)} <= tested


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash_and_no_address(lock: str) -> None:
    for name, _, rest in locked(lock):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest), name
    assert "://" not in (ROOT / "locks" / lock).read_text()
    assert "index-url" not in (ROOT / "locks" / lock).read_text()


def test_every_pin_is_exact() -> None:
    for path in ROOT.glob("requirements*.txt"):
        lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
        for line in filter(None, lines):
            assert line.startswith("-r ") or _PIN.match(line), f"{path.name}: {line}"


def test_the_image_is_built_by_what_is_locked() -> None:
    steps = yaml.safe_load((ROOT / "cog.yaml").read_text())["build"]["run"]
    named = {word for step in steps for word in step.split() if "==" in word}
    expected = pins("requirements-build.txt") | pins("requirements-sam2.txt")
    assert named == {f"{name}=={version}" for name, version in expected}
