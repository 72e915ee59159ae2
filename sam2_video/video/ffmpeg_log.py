"""What ffmpeg logs: facts about the pictures it decodes, and complaints."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field, replace
from fractions import Fraction

NO_PTS = -(2**63)  # a picture without a time stamp

_MESSAGES = 32  # complaints kept of a run
_LENGTH = 120  # characters kept of one
_LOG_BYTES = 4096  # kept of an encoder's log

# Lines of the `showinfo` filter.
_TIME_BASE = re.compile(rb"config in time_base: (\d+)/(\d+)")
_PICTURE = re.compile(
    rb" n: *\d+ pts: *(-?\d+|NOPTS) .* fmt:(\S+) cl:(\S+) .* s:(\d+)x(\d+) i:(\S) "
)
_CHECKSUM = re.compile(rb" checksum:([0-9A-F]{8}) ")
_COLOUR = re.compile(rb"color_range:(\S+) color_space:(\S+) color_primaries:\S+ color_trc:(\S+)")
# Lines of ffmpeg itself.
_TILES = re.compile(rb"Stream group #0:\d+.*Tile Grid")
_DECODER = re.compile(rb"Stream #0:\d+ -> #0:0 \((\S+) \((\S+)\)")
_COMPLAINT = re.compile(rb"(?:\[([^\]\s]+)[^\]]*\] )?\[(?:error|fatal|panic)\] (.*)")

# Lost pictures that ffmpeg does not log as an error, or logs in the middle of another line without
# a prefix: its threads write into each other's lines.
_LOSS = re.compile(
    rb"File ended prematurely|partial file|Skipping invalid undecodable NALU|slice CRC mismatch"
)

# Complaints about files that every player plays without a flaw: references to frames before the
# first key frame, as in every clip that was cut without re-encoding, and side data.
_HARMLESS = re.compile(
    r"mmco|referenc|ref with POC|co located|short term|reorder|frame num gap|SEI|caption|A53|RPU"
    r"|DOVI|Dolby|side data|metadata|chapter|edit list|header parsing|seek back|APP fields|EXIF"
    r"|ICC|timecode|Found EOI",
    re.IGNORECASE,
)
# Complaints that only repeat an earlier one.
_ECHO = re.compile(
    "^(Task finished|Terminating thread|Error processing packet|Error submitting packet"
    "|Decoding error|Error opening|Could not open encoder|Nothing was written|Decode error rate"
    "|Error while filtering|Error sending frames|Error during demuxing|Conversion failed)"
)
# What complaints mean, the most specific first.
_REASONS = (
    ("moov atom not found", "its index is missing, as when a recording was cut off"),
    (
        "File ended prematurely|partial file|corrupt input packet|overread|chunk too big",
        "it is cut short or damaged",
    ),
    ("no decoder found|Decoder .*not found", "its codec is not known"),
    ("not on whitelist|Error opening input", "its format is not known"),
    (
        "corrupt decoded frame|undecodable NALU|frame RPS|error while decoding",
        "a picture is damaged",
    ),
)


@dataclass(frozen=True)
class PictureFormat:
    """How a stream stores its pictures, read from the first one; names are ffmpeg's.

    Attributes:
        width: pixels, after rotation.
        height: likewise.
        pixel_format: `yuv420p`, `rgb24`...
        chroma_location: of the chroma samples: `left`, `unspecified`...
        progressive: the picture is not made of two fields.
        range: `tv`, `pc` or `unknown`.
        matrix: of YCbCr: `bt709`, `smpte170m`, `gbr`, `unknown`...
        transfer: the transfer function; `smpte2084` is PQ.
    """

    width: int
    height: int
    pixel_format: str
    chroma_location: str
    progressive: bool
    range: str = "unknown"
    matrix: str = "unknown"
    transfer: str = "unknown"


@dataclass
class DecoderLog:
    """What ffmpeg said while it decoded.

    Attributes:
        time_base: seconds of one unit of `pts`.
        pts: the time stamp of each picture that passed `showinfo`, `NO_PTS` where it has none.
        checksums: the Adler-32 of its planes as decoded, 0 where `showinfo` does not tell it.
        format: of the first picture; None before it.
        has_colours: `format` is complete: the line that tells range, matrix and transfer was there.
        tiled: the file is a HEIF picture cut into tiles, each a stream of its own.
        complaints: the first errors, as (who said it, what).
    """

    time_base: Fraction = Fraction(0)
    pts: array[int] = field(default_factory=lambda: array("q"))
    checksums: array[int] = field(default_factory=lambda: array("I"))
    format: PictureFormat | None = None
    has_colours: bool = False
    tiled: bool = False
    complaints: list[tuple[str, str]] = field(default_factory=list)
    _decoders: set[str] = field(default_factory=set)

    def add(self, line: bytes) -> None:
        """Read one line of the log."""
        if found := _PICTURE.search(line):
            pts, pixel_format, location, width, height, fields = found.groups()
            self.pts.append(NO_PTS if pts == b"NOPTS" else int(pts))
            checksum = _CHECKSUM.search(line, found.end() - 1)
            self.checksums.append(int(checksum[1], 16) if checksum else 0)
            if self.format is None:
                self.format = PictureFormat(
                    width=int(width),
                    height=int(height),
                    pixel_format=_text(pixel_format),
                    chroma_location=_text(location),
                    progressive=fields == b"P",
                )
        elif self.format and not self.has_colours and (found := _COLOUR.search(line)):
            levels, matrix, transfer = map(_text, found.groups())
            self.format = replace(self.format, range=levels, matrix=matrix, transfer=transfer)
            self.has_colours = True
        elif not self.time_base and (found := _TIME_BASE.search(line)):
            self.time_base = Fraction(int(found[1]), max(1, int(found[2])))
        elif not self._decoders and (found := _DECODER.search(line)):
            self._decoders = {_text(name) for name in found.groups()}
        elif _TILES.search(line):
            self.tiled = True
        self._note_complaint(line)

    def _note_complaint(self, line: bytes) -> None:
        if found := _LOSS.search(line):
            complaint = ("in#0", _clean(found[0]))
        elif found := _COMPLAINT.search(line):
            complaint = (_clean(found[1] or b""), _clean(found[2]))
        else:
            return
        if len(self.complaints) < _MESSAGES and not _HARMLESS.search(complaint[1]):
            self.complaints.append(complaint)

    @property
    def damaged(self) -> bool:
        """Whether the demuxer or the decoder complained of damage.

        ffmpeg may exit with 0 all the same: it conceals some damage and drops other pictures.
        """
        return any(
            speaker.startswith(("in#0", "dec:")) or speaker in self._decoders
            for speaker, _ in self.complaints
        )

    @property
    def reason(self) -> str:
        """What the complaints mean for the user; empty if none has a known meaning."""
        for pattern, reason in _REASONS:
            if any(re.search(pattern, text) for _, text in self.complaints):
                return reason
        return ""

    @property
    def quote(self) -> str:
        """The first complaint that is no echo of another, in ffmpeg's words; empty if none."""
        return next((text for _, text in self.complaints if not _ECHO.search(text)), "")


class EncoderLog:
    """The first lines of an encoder's log; with `-loglevel error` all are errors."""

    def __init__(self) -> None:
        self._text = bytearray()

    def add(self, line: bytes) -> None:
        """Read one line of the log."""
        if len(self._text) < _LOG_BYTES:
            self._text += line

    @property
    def disk_is_full(self) -> bool:
        """Whether the output found no space."""
        return b"No space left on device" in self._text or b"Disk quota exceeded" in self._text

    def reason(self, path: str) -> str:
        """The first error as one line without pointers, or the name of `path`; empty if none."""
        text = self._text.decode(errors="replace").replace(path, "it")
        text = re.sub(r"\[[^]]*@ 0x[0-9a-f]+\] *", "", text)
        lines = (re.sub(r"[^ -~]+", " ", line).strip(" .") for line in text.splitlines())
        return next((line[:160] for line in lines if line), "")


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _clean(text: bytes) -> str:
    """One message without pointers, quotes, control characters and excess length."""
    plain = re.sub(r"\[[^\]]*@ 0x[0-9a-f]+\]|\b0x[0-9a-fA-F]+", "", text.decode(errors="replace"))
    plain = re.sub(r"[^!-&(-~]+", " ", plain)
    return plain.strip(" .!:")[:_LENGTH].rstrip()
