"""Raw pictures with a time stamp each, as a Matroska stream that goes through a pipe.

Raw video alone has a constant rate. The elements are those of RFC 9559; a cluster holds one
picture, and time stamps are in nanoseconds.
"""

from __future__ import annotations

_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


def stream_header(width: int, height: int, fourcc: bytes, duration: int) -> bytes:
    """What comes before the first picture.

    Args:
        width: pixels.
        height: pixels.
        fourcc: the pixel format, as FFmpeg's raw video decoder names it: `I420`...
        duration: nanoseconds that a picture is shown on average. Encoders state by it what a
            player has to be capable of.
    """
    document = _element("4286", b"\x01") + _element("42f7", b"\x01")  # EBML version
    document += _element("42f2", b"\x04") + _element("42f3", b"\x08")  # lengths of IDs and sizes
    document += (
        _element("4282", b"matroska") + _element("4287", b"\x04") + _element("4285", b"\x02")
    )
    scale = _element("2ad7b1", b"\x01")  # a tick is a nanosecond
    about = scale + _element("4d80", b"sam2-video") + _element("5741", b"sam2-video")
    picture = _element("b0", _number(width)) + _element("ba", _number(height))
    picture += _element("2eb524", fourcc)
    track = _element("d7", b"\x01") + _element("73c5", b"\x01") + _element("83", b"\x01")
    track += _element("23e383", _number(duration))
    track += _element("9c", b"\x00") + _element("86", b"V_UNCOMPRESSED") + _element("e0", picture)
    segment = _element("1549a966", about) + _element("1654ae6b", _element("ae", track))
    return _element("1a45dfa3", document) + bytes.fromhex("18538067") + _UNKNOWN_SIZE + segment


def picture_header(time: int, duration: int, size: int) -> bytes:
    """What comes before a picture of `size` bytes; time and duration are in nanoseconds."""
    block = bytes.fromhex("a1") + _size(size + 4) + b"\x81\x00\x00\x00"  # track 1, no lacing
    group = _element("9b", _number(duration)) + block
    group = bytes.fromhex("a0") + _size(len(group) + size) + group
    cluster = _element("e7", _number(time)) + group
    return bytes.fromhex("1f43b675") + _size(len(cluster) + size) + cluster


def _element(identifier: str, content: bytes) -> bytes:
    return bytes.fromhex(identifier) + _size(len(content)) + content


def _size(size: int) -> bytes:
    """An element's size in eight bytes, the first bit of which says so."""
    return (1 << 56 | size).to_bytes(8, "big")


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")
