"""Files damaged in every way: pictures, or one sentence, and nothing left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.video.corpus import OddFile, make_corpus, table
from tests.video.odd_files import decoded_by_ffmpeg
from tests.video.read_corpus import LIMITS, Reading, read_beside

PEAK_KILOBYTES = 300 * 1024
OUTCOMES = ("pictures", "pictures and a warning", "one sentence")
NOT_COUNTED = (".rm", ".mjpeg")
"""A container that is not read, and one whose files may be taken for a still with a tail."""
CONTAINERS = (
    "mov,mp4,3gp,matroska,webm,avi,gif,apng,webp_anim,mpegts,mpeg,mpegvideo,m4v,"
    "h264,hevc,obu,ivf,flv,asf,ogg,nut,mxf,dv,yuv4mpegpipe"
)
"""What plain ffmpeg may take a file for: damaged headers make it guess at odder ones."""


@dataclass(frozen=True)
class Result:
    """A file of the corpus, what became of it, and how many pictures plain ffmpeg decodes."""

    file: OddFile
    reading: Reading
    decoded: int

    @property
    def outcome(self) -> str:
        if not self.reading.count:
            return OUTCOMES[2]
        return OUTCOMES[bool(self.reading.log)]

    def __str__(self) -> str:
        read = self.reading
        said = read.fault or read.sentence or read.log
        return f"{self.file.path.name}: {read.count} of {self.decoded} pictures, {said!r}"


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the readers' temporary files go."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, temporary: Path) -> Iterator[list[Result]]:
    """The corpus, read once in two processes."""
    files = make_corpus(tmp_path_factory.mktemp("corpus"))
    paths = [file.path for file in files]
    readings = read_beside(paths, temporary)
    with ThreadPoolExecutor(2) as pool:
        decoded = list(pool.map(plain_count, paths))
    found = [Result(*parts) for parts in zip(files, readings, decoded, strict=True)]
    yield found
    print()
    print(table([(result.file.kind, result.outcome) for result in found], OUTCOMES))


def plain_count(path: Path, threads: int = 1) -> int:
    options = ("-threads", str(threads), "-format_whitelist", CONTAINERS)
    return decoded_by_ffmpeg(path, *options)


def listed(results: list[Result]) -> str:
    return "\n".join(map(str, results))


def test_there_are_files_of_every_kind(results: list[Result]) -> None:
    damaged = [result for result in results if result.file.kind != "whole"]
    assert len(damaged) >= 150
    assert len({result.file.kind for result in damaged}) >= 15
    assert len({result.file.source for result in damaged}) >= 40


def test_whole_files_are_read_whole(results: list[Result]) -> None:
    whole = [r for r in results if r.file.kind == "whole" and r.file.path.suffix not in NOT_COUNTED]
    wrong = [r for r in whole if r.reading.count != 12 or r.reading.log]
    assert not wrong, listed(wrong)


def test_each_ends_in_pictures_or_in_one_sentence(results: list[Result]) -> None:
    """Twice the same number of pictures, or a sentence that names the input."""
    faults = [result for result in results if result.reading.fault]
    assert not faults, listed(faults)
    refused = [result for result in results if not result.reading.count]
    odd = [r for r in refused if not re.fullmatch(r"input_video [ -~]{10,240}", r.reading.sentence)]
    assert not odd, listed(odd)


def test_a_warning_is_one_line_that_tells_the_number_of_pictures(results: list[Result]) -> None:
    warned = [result for result in results if result.reading.count and result.reading.log]
    odd = [
        result
        for result in warned
        if "\n" in result.reading.log
        or not result.reading.log.startswith("input_video ")
        or not re.search(rf"\b{result.reading.count}\b", result.reading.log)
    ]
    assert not odd, listed(odd)


def test_what_ffmpeg_decodes_is_what_comes(results: list[Result]) -> None:
    counted = [result for result in results if result.file.path.suffix not in NOT_COUNTED]
    wrong = [result for result in counted if result.reading.count != result.decoded]
    # A decoder may give up for good in one of its threads and go on in the others.
    wrong = [
        result
        for result in wrong
        if result.reading.count not in [plain_count(result.file.path, n) for n in (2, 4)]
    ]
    assert not wrong, listed(wrong)


def test_bounded_time_and_memory(results: list[Result]) -> None:
    """Each file in a fraction of what the slowest may take; nothing needs more than it is worth."""
    assert max(result.reading.seconds for result in results) < 2 * LIMITS.max_decode_seconds
    assert max(result.reading.peak_kilobytes for result in results) < PEAK_KILOBYTES


def test_nothing_is_left_behind(results: list[Result], temporary: Path) -> None:
    assert not [result for result in results if result.reading.children]
    assert not list(temporary.iterdir())
