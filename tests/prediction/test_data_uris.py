"""Data URIs as browsers, shells and clients write them."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from sam2_video.batch.jobs import job_of
from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.prediction.data_uri import read_data_uri
from sam2_video.prediction.fetch import fetch_url, is_url

CONTENT = b"\x1aE\xdf\xa3 not a video, \xff\x00 but bytes of every kind + / % \xfb\xef"
ENCODED = base64.b64encode(CONTENT).decode()
LINES = "\n".join(ENCODED[at : at + 20] for at in range(0, len(ENCODED), 20))

SPELLINGS = {
    "plain": f"data:video/mp4;base64,{ENCODED}",
    "no type": f"data:;base64,{ENCODED}",
    "any type": f"data:application/octet-stream;base64,{ENCODED}",
    "one codec": f"data:video/webm;codecs=vp8;base64,{ENCODED}",
    "two codecs": f"data:video/webm;codecs=vp8,opus;base64,{ENCODED}",
    "quoted codecs": f'data:video/mp4;codecs="avc1.42E01E,mp4a.40.2";base64,{ENCODED}',
    "encoded quotes": f"data:video/webm;codecs=%22vp8,opus%22;base64,{ENCODED}",
    "capital base64": f"data:video/webm;BASE64,{ENCODED}",
    "capital scheme": f"DATA:video/webm;base64,{ENCODED}",
    "space before base64": f"data:video/webm; base64,{ENCODED}",
    "spaces in the type": f"data:video/webm; codecs=vp8 ;base64,{ENCODED}",
    "space around": f"  data:video/webm;base64,{ENCODED}\n",
    "space after the comma": f"data:video/webm;base64, {ENCODED}",
    "lines": f"data:video/webm;base64,{LINES}\n",
    "without padding": f"data:video/webm;base64,{ENCODED.rstrip('=')}",
    "percent in base64": f"data:video/webm;base64,{quote(ENCODED, safe='')}",
    "URL-safe base64": f"data:video/webm;base64,{ENCODED.translate(str.maketrans('+/', '-_'))}",
    "a name": f"data:video/webm;name=a%20b.webm;base64,{ENCODED}",
    "without base64": f"data:video/webm,{quote(CONTENT)}",
    "type alone": f"data:,{quote(CONTENT)}",
    "not marked as base64": f"data:video/webm,{ENCODED}",
}
"""The last is what `"data:video/mp4,$(base64 -w0 clip.mp4)"` in a shell makes."""


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_gives_the_bytes(name: str, tmp_path: Path) -> None:
    uri = SPELLINGS[name]
    assert read_data_uri(uri)[1] == CONTENT
    assert is_url(uri), "the command line and batches fetch it"
    assert job_of(1, {"input_video": uri}).inputs["input_video"] == uri
    path = fetch_url("input_video", uri, tmp_path, DEFAULT_LIMITS)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["input_video"]


REFUSED = {
    "nothing": "data:",
    "no comma": "data:video/mp4;base64",
    "no data": "data:video/mp4;base64,",
    "no data, no type": "data:,",
    "not base64": "data:video/mp4;base64,!!!!",
    "half of a byte": f"data:video/mp4;base64,{'A' * 5}",
    "another scheme": "blob:https://example.com/1b9d6bcd",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_data_uri_that_says_nothing_is_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        fetch_url("input_video", REFUSED[name], tmp_path, DEFAULT_LIMITS)
    sentence = str(caught.value)
    assert re.fullmatch(r"input_video [ -~]+[^.]", sentence), sentence
    assert "data" in sentence
    for leak in ("unpack", "Error", "Incorrect padding", "None", "not enough values"):
        assert leak not in sentence, sentence


def test_the_limit_counts_the_bytes_of_the_file(tmp_path: Path) -> None:
    limits = Limits(max_video_bytes=len(CONTENT))
    path = fetch_url("input_video", SPELLINGS["plain"], tmp_path, limits)
    assert path.read_bytes() == CONTENT
    small = Limits(max_video_bytes=len(CONTENT) - 1)
    with pytest.raises(InputError, match=f"the {len(CONTENT) - 1} bytes allowed"):
        fetch_url("input_video", SPELLINGS["plain"], tmp_path, small)


def test_percent_encoding_is_undone_across_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1024
    text = "".join(f"%{byte:02x}" for byte in content)
    for ahead in ("", "a", "ab"):
        uri = f"data:video/mp4,{ahead}{text}"
        assert read_data_uri(uri) == ("video/mp4", ahead.encode() + content)


@pytest.mark.parametrize(
    "text", ["data:" + ";" * 10**6, "data:," + " " * 10**6 + "!", "data:" + "a" * 10**6]
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    try:
        read_data_uri(text)
    except ValueError as error:
        assert "comma" in str(error)
