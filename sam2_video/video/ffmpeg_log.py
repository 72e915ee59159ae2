"""What ffmpeg says while it decodes: facts about the pictures, and complaints."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from fractions import Fraction

NO_PTS = -(2**63)  # a picture without a time stamp

_MESSAGES = 32  # complaints kept of a run
_LENGTH = 120  # characters kept of one

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

# Lost pictures, though not told as an error; or told in the middle of a line, without a prefix,
# since ffmpeg's threads write into each other's lines.
_LOSS = re.compile(
    rb"File ended prematurely|partial file|Skipping invalid undecodable NALU|slice CRC mismatch"
)

# Complaints about files that every player plays without a flaw: pictures that refer to others
# before the first key frame, as in every clip cut without coding it again, and side information.
_HARMLESS = re.compile(
    r"mmco|referenc|ref with POC|co located|short term|reorder|frame num gap|SEI|caption|A53|RPU"
    r"|DOVI|Dolby|side data|metadata|chapter|edit list|header parsing|seek back|APP fields|EXIF"
    r"|ICC|timecode|Found EOI",
    re.IGNORECASE,
)
# Complaints that only repeat that something failed before.
_ECHO = re.compile(
    "^(Task finished|Terminating thread|Error processing packet|Error submitting packet"
    "|Decoding error|Error opening|Could not open encoder|Nothing was written|Decode error rate"
    "|Error while filtering|Error sending frames|Error during demuxing|Conversion failed)"
)
# What complaints mean, the most telling first.
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


@dataclass
class Report:
    """What ffmpeg said in one run.

    Attributes:
        time_base: seconds of one unit of `pts`.
        pts: the time stamp of each picture that passed `showinfo`, `NO_PTS` where it has none.
        checksums: the Adler-32 of its planes as decoded, 0 where it was not told.
        size: width and height of the first picture, after rotation.
        pixel_format: of the first picture, as ffmpeg names it.
        chroma_location: where its chroma samples lie, as ffmpeg names it: `left`, `unspecified`...
        progressive: whether it is not made of two fields.
        range: its colour range: `tv`, `pc` or `unknown`.
        matrix: its YCbCr matrix as ffmpeg names it: `bt709`, `smpte170m`, `gbr`, `unknown`...
        transfer: its transfer function as ffmpeg names it: `smpte2084` is PQ.
        tiled: whether the file is a HEIF picture cut into tiles, each a stream of its own.
        complaints: the first messages of errors, each with who said it.
    """

    time_base: Fraction = Fraction(0)
    pts: array[int] = field(default_factory=lambda: array("q"))
    checksums: array[int] = field(default_factory=lambda: array("I"))
    size: tuple[int, int] | None = None
    pixel_format: str = ""
    chroma_location: str = ""
    progressive: bool = False
    range: str = ""
    matrix: str = ""
    transfer: str = ""
    tiled: bool = False
    complaints: list[tuple[str, str]] = field(default_factory=list)
    _decoders: set[str] = field(default_factory=set)

    def add(self, line: bytes) -> None:
        """Take in one line of the log."""
        if found := _PICTURE.search(line):
            pts, pixel_format, location, width, height, fields = found.groups()
            self.pts.append(NO_PTS if pts == b"NOPTS" else int(pts))
            checksum = _CHECKSUM.search(line, found.end() - 1)
            self.checksums.append(int(checksum[1], 16) if checksum else 0)
            if self.size is None:
                self.size = int(width), int(height)
                self.pixel_format = pixel_format.decode(errors="replace")
                self.chroma_location = location.decode(errors="replace")
                self.progressive = fields == b"P"
        elif not self.range and (found := _COLOUR.search(line)):
            names = (text.decode(errors="replace") for text in found.groups())
            self.range, self.matrix, self.transfer = names
        elif not self.time_base and (found := _TIME_BASE.search(line)):
            self.time_base = Fraction(int(found[1]), max(1, int(found[2])))
        elif not self._decoders and (found := _DECODER.search(line)):
            self._decoders = {text.decode(errors="replace") for text in found.groups()}
        elif _TILES.search(line):
            self.tiled = True
        self._hear(line)

    def _hear(self, line: bytes) -> None:
        """Note the complaint in a line, if there is one."""
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
        """Whether the file's reader or the video's decoder complained of damage.

        ffmpeg may end well all the same: it hides what it can, and what it cannot is left out.
        """
        return any(
            speaker.startswith(("in#0", "dec:")) or speaker in self._decoders
            for speaker, _ in self.complaints
        )

    @property
    def reason(self) -> str:
        """What the complaints mean for the user; empty if that is not known."""
        for pattern, reason in _REASONS:
            if any(re.search(pattern, text) for _, text in self.complaints):
                return reason
        return ""

    @property
    def quote(self) -> str:
        """The first complaint that tells something, as it was said; empty if there is none."""
        return next((text for _, text in self.complaints if not _ECHO.search(text)), "")


def _clean(text: bytes) -> str:
    """One message without addresses, quotes, control characters and excess length."""
    plain = re.sub(r"\[[^\]]*@ 0x[0-9a-f]+\]|\b0x[0-9a-fA-F]+", "", text.decode(errors="replace"))
    plain = re.sub(r"[^!-&(-~]+", " ", plain)
    return plain.strip(" .!:")[:_LENGTH].rstrip()
