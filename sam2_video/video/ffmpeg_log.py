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

# Messages of `-debug_ts`: a packet was read, a picture was decoded.
_PLACE = re.compile(rb"(?:^|\W)(demuxer|decoder) -> ")
# Lines of the `showinfo` filter.
_TIME_BASE = re.compile(rb"config in time_base: (\d+)/(\d+)")
_PICTURE = re.compile(
    rb" n: *\d+ pts: *(-?\d+|NOPTS) +pts_time:\S+ +duration: *(-?\d+) .* fmt:(\S+) cl:(\S+) .* "
    rb"s:(\d+)x(\d+) i:(\S) "
)
_CHECKSUM = re.compile(rb" checksum:([0-9A-F]{8}) ")
_COLOUR = re.compile(rb"color_range:(\S+) color_space:(\S+) color_primaries:\S+ color_trc:(\S+)")
# Lines of ffmpeg itself.
_STREAM = re.compile(rb"Stream #0:(\d+)\S*: Video: (\w+)(.*)")
_SOUND = re.compile(rb"Stream #0:(\d+)\S*: Audio: (\w+)(.*)")
_MAPPING = b"Stream mapping:"
_TILES = re.compile(rb"Stream group #0:\d+.*Tile Grid")
_DECODER = re.compile(rb"Stream #0:\d+ -> #0:0 \((\S+) \((\S+)\)")
_COMPLAINT = re.compile(rb"(?:\[([^\]\s]+)[^\]]*\] )?\[(?:error|fatal|panic)\] (.*)")

# Damage that ffmpeg does not log as an error, or logs in the middle of another line without a
# prefix: its threads write into each other's lines.
_LOSS = re.compile(
    rb"File ended prematurely|partial file|Skipping invalid undecodable NALU|slice CRC mismatch"
    rb"|corrupt decoded frame|EOI missing|Packet corrupt|corrupt input packet"
)

# `showinfo` writes a line in pieces, `name:value` each, and another thread's message may follow any
# of them. It has no prefix there, so that only its words tell an error from a warning.
_PIECES = re.compile(rb"\[Parsed_showinfo_[^\]]*\] \[info\](?:\s+\w+: *\S+)+ *(.*)")
_ERROR = re.compile(
    rb"error|fail|invalid|corrupt|damaged|illegal|incomplete|missing|overread|truncated",
    re.IGNORECASE,
)

_IN_CONTAINER = re.compile("File ended|partial file|Packet corrupt|corrupt input packet")

# Complaints about files that every player plays without a flaw: references to frames before the
# first key frame, as in every clip that was cut without re-encoding, and side data.
_HARMLESS = re.compile(
    r"mmco|referenc|ref with POC|co located|short term|reorder|frame num gap|SEI|caption|A53|RPU"
    r"|DOVI|Dolby|side data|metadata|chapter|edit list|header parsing|seek back|APP fields|EXIF"
    r"|ICC|timecode|Found EOI|unsupported tag",
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
        "filter|Impossible to convert|no path between colorspaces|colorspace definition",
        "its size or colours change there in a way that cannot be shown",
    ),
    (
        "File ended prematurely|partial file|corrupt input packet|overread|chunk too big",
        "it is cut short or damaged",
    ),
    ("no decoder found|Decoder .*not found", "its codec is not known"),
    ("not on whitelist|Error opening input", "its format is not known"),
    (
        "no frame$|PPS id out of range|no keyframe|Not all references|Invalid frame dimensions 0x0"
        "|Error parsing OBU|Error constructing the frame RPS",
        "pictures lack the key frame that they build on",
    ),
    ("corrupt decoded frame|undecodable NALU|error while decoding", "a picture is damaged"),
)
_PICTURE_CODECS = {"mjpeg", "png", "bmp", "tiff", "webp", "gif", "jpegls", "jpeg2000"}
_NEAR = 12  # frames: complaints that are closer to each other tell of the same place


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


@dataclass(frozen=True)
class VideoStream:
    """A stream of moving pictures, or of one that is no cover picture.

    Attributes:
        index: among all streams of the file.
        default: the file flags it as the one to play.
        thumbnail: it shows what a film beside it shows, smaller or at few moments, or it is the
            still picture of an animated AVIF.
    """

    index: int
    default: bool
    thumbnail: bool


@dataclass(frozen=True)
class SoundStream:
    """A stream of sound.

    Attributes:
        index: among all streams of the file.
        codec: its name: `aac`, `pcm_s16le`...
        default: the file flags it as the one to play.
    """

    index: int
    codec: str
    default: bool


@dataclass
class DecoderLog:
    """What ffmpeg said while it decoded.

    Attributes:
        streams: the streams that may be decoded.
        sounds: the streams of sound.
        time_base: seconds of one unit of `pts`.
        pts: the time stamp of each picture that passed `showinfo`, `NO_PTS` where it has none.
        duration: of the last such picture, in the same unit; 0 where it has none.
        checksums: the Adler-32 of its planes as decoded, 0 where `showinfo` does not tell it.
        format: of the first picture; None before it.
        has_colours: `format` is complete: the line that tells range, matrix and transfer was there.
        tiled: the file is a HEIF picture cut into tiles, each a stream of its own.
        complaints: the first errors, as (who said it, what).
    """

    streams: list[VideoStream] = field(default_factory=list)
    sounds: list[SoundStream] = field(default_factory=list)
    time_base: Fraction = Fraction(0)
    pts: array[int] = field(default_factory=lambda: array("q"))
    duration: int = 0
    checksums: array[int] = field(default_factory=lambda: array("I"))
    format: PictureFormat | None = None
    has_colours: bool = False
    tiled: bool = False
    complaints: list[tuple[str, str]] = field(default_factory=list)
    _decoders: set[str] = field(default_factory=set)
    _is_open: bool = False
    _room: int = _MESSAGES
    _demuxed: int = 0
    _decoded: int = 0
    _spoke_at_opening: set[str] = field(default_factory=set)
    _places: set[int] = field(default_factory=set)
    # A codec's parser speaks under the decoder's name, and runs ahead with the demuxer.
    _rough_places: set[int] = field(default_factory=set)

    def add(self, line: bytes) -> None:
        """Read one line of the log."""
        # ffmpeg's threads write into each other's lines: one may hold several messages.
        for stage in _PLACE.findall(line):
            if stage == b"demuxer":
                self._demuxed += 1
            else:
                self._decoded += 1
        if found := _PICTURE.search(line):
            self._add_picture(found, line)
        elif self.format and not self.has_colours and (found := _COLOUR.search(line)):
            levels, matrix, transfer = map(_text, found.groups())
            self.format = replace(self.format, range=levels, matrix=matrix, transfer=transfer)
            self.has_colours = True
        elif not self.time_base and (found := _TIME_BASE.search(line)):
            self.time_base = Fraction(int(found[1]), max(1, int(found[2])))
        elif not self._decoders and (found := _DECODER.search(line)):
            self._decoders = {_text(name) for name in found.groups()}
        elif not self._is_open:
            self._add_header(line)
        self._note_complaint(line)

    def _add_picture(self, found: re.Match[bytes], line: bytes) -> None:
        pts, duration, pixel_format, location, width, height, fields = found.groups()
        self.duration = int(duration)
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

    def _add_header(self, line: bytes) -> None:
        """Read a line about the file as a whole."""
        if _MAPPING in line:
            self._is_open, self._room = True, _MESSAGES
        elif _TILES.search(line):
            self.tiled = True
        elif (found := _STREAM.search(line)) and b"(attached pic)" not in line:
            index, codec, rest = found.groups()
            # A picture item of a HEIF file has no clock: its unit is a second.
            thumbnail = _text(codec) in _PICTURE_CODECS or b", 1 tbn" in rest
            thumbnail = thumbnail or b"(timed thumbnails)" in rest or b"(still image)" in rest
            self.streams.append(VideoStream(int(index), b"(default)" in rest, thumbnail))
        elif found := _SOUND.search(line):
            index, codec, rest = found.groups()
            self.sounds.append(SoundStream(int(index), _text(codec), b"(default)" in rest))

    def _note_complaint(self, line: bytes) -> None:
        if found := _LOSS.search(line):
            text = _clean(found[0])
            speaker = "in#0" if _IN_CONTAINER.search(text) else "dec:"
        elif found := _COMPLAINT.search(line):
            speaker, text = _clean(found[1] or b""), _clean(found[2])
        elif (found := _PIECES.search(line)) and _ERROR.search(line):
            speaker, text = "dec:", _clean(found[1])
        else:
            return
        if _HARMLESS.search(text):
            return
        if self._room and (speaker, text) not in self.complaints:
            self._room -= 1
            self.complaints.append((speaker, text))
        if not self._is_open:
            self._spoke_at_opening.add(speaker)
        elif speaker.startswith("in#0"):
            if not _ECHO.search(text):  # so ends a multipart stream without its last boundary
                self._places.add(self._demuxed)
        elif speaker.startswith("dec:"):
            self._places.add(self._decoded)
        elif speaker in self._decoders:
            self._rough_places.add(self._decoded)

    def _tells_of_damage(self, speaker: str) -> bool:
        return speaker.startswith(("in#0", "dec:")) or speaker in self._decoders

    @property
    def damaged_at(self) -> list[int]:
        """Where the demuxer or the decoder complained of damage, as numbers of pictures.

        ffmpeg may exit with 0 all the same: it conceals some damage and drops other pictures.
        Each number stands for its neighbourhood. A decoder that complained only while the file
        was opened lacked what comes before the first picture.
        """
        found = self._places or self._rough_places
        if not found:
            return [0] if any(map(self._tells_of_damage, self._spoke_at_opening)) else []
        places: list[int] = []
        last = -_NEAR
        for place in sorted(found):
            if place - last >= _NEAR:
                places.append(place)
            last = place
        return places

    @property
    def is_out_of_memory(self) -> bool:
        """Whether ffmpeg was refused memory: frames are then missing."""
        return any("Cannot allocate memory" in text for _, text in self.complaints)

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

    @property
    def best_stream(self) -> int | None:
        """The index of the stream to show: a film before a thumbnail, a default one, the first.

        None if there is no stream of pictures.
        """
        ranked = sorted(self.streams, key=lambda s: (s.thumbnail, not s.default, s.index))
        return ranked[0].index if ranked else None

    @property
    def best_sound(self) -> SoundStream | None:
        """The stream of sound to play: a default one, or the first; None if there is none."""
        return min(self.sounds, key=lambda s: (not s.default, s.index), default=None)


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
