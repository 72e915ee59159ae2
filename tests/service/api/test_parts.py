"""The parts that read what others write: any text goes in, a value or one clear error comes out."""

import asyncio
import base64
import errno
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.prediction.data_uri import read_data_uri
from sam2_video.service.api import event_stream
from sam2_video.service.api.event_stream import Position, events
from sam2_video.service.api.routes import read_cursor
from sam2_video.service.api.validation import (
    Hook,
    check_hook,
    lifetime_of,
    read_time,
    wait_seconds,
)
from sam2_video.service.api.views import Views
from sam2_video.service.errors import RequestError
from sam2_video.service.jobs.containers import PriorityLock
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.jobs.outputs import OutputList, OutputName, OutputNameError, unbroken
from sam2_video.service.jobs.progress import Progress, last_progress
from sam2_video.service.net.tls import tls_names
from sam2_video.service.storage.database import Output, Prediction, Store, StoredFile
from sam2_video.service.storage.files import is_full, shown_name
from sam2_video.service.storage.secrets import Secret


@given(st.binary(min_size=1), st.sampled_from(["video/mp4", "image/png", "x/y+z"]))
def test_data_uris_come_back(content: bytes, kind: str) -> None:
    text = base64.b64encode(content).decode()
    assert read_data_uri(f"data:{kind};base64,{text}") == (kind, content)
    escaped = "".join(f"%{byte:02x}" for byte in content)
    assert read_data_uri(f"data:{kind},{escaped}") == (kind, content)


@given(st.text(max_size=60))
def test_any_data_uri_is_read_or_refused(text: str) -> None:
    try:
        kind, content = read_data_uri(f"data:{text}")
    except ValueError as error:
        assert str(error)
    else:
        assert kind.count("/") == 1
        assert content


@given(st.sets(st.integers(0, 40)), st.integers(0, 5))
def test_outputs_before_the_first_gap(positions: set[int], first: int) -> None:
    outputs = [Output("id", "name", first + position, 1) for position in sorted(positions)]
    count = len(unbroken(outputs, first))
    assert [output.position - first for output in outputs[:count]] == list(range(count))
    assert count == len(outputs) or outputs[count].position != first + count


@given(
    st.integers(0, 9_999),
    st.sampled_from(["webp", "jpg", "png"]),
    st.integers(0, 500),
    st.integers(1, 9),
)
def test_names_of_frames(position: int, suffix: str, start: int, interval: int) -> None:
    outputs = OutputList(start=start, interval=interval)
    name = f"frame_{start + position * interval:05d}.{suffix}"
    assert outputs.parse(name) == OutputName(name, position)
    assert outputs.nth(outputs.parse(name).content_type, position) == OutputName(name, position)


@pytest.mark.parametrize("name", ["frame_00003.png", "frame_00006.png", "frame_00002.png"])
def test_a_frame_that_is_not_asked_for_is_no_output(name: str) -> None:
    with pytest.raises(OutputNameError, match="of this prediction"):
        OutputList(start=5, interval=2).parse(name)


@pytest.mark.parametrize(
    ("uploaded", "shown", "position"),
    [
        ("000000_dog_frame_00006.png", "dog_frame_00006.png", 0),
        ("1234567_a_b frame_1_frame_00006.webp", "a_b frame_1_frame_00006.webp", 1234567),
        ("000003_output_video_Hündchen.mov", "output_video_Hündchen.mov", 3),
        ("000004_masks.json", "masks.json", 4),
    ],
)
def test_names_of_separate_objects(uploaded: str, shown: str, position: int) -> None:
    assert OutputList(is_separate=True).parse(uploaded) == OutputName(shown, position)
    with pytest.raises(OutputNameError):
        OutputList().parse(uploaded)


@pytest.mark.parametrize(
    ("kind", "name", "separate"),
    [
        ("image/png", "frame_00014.png", "output_000002.png"),
        ("image/jpeg", "frame_00014.jpg", "output_000002.jpg"),
        ("video/webm", "output_video.webm", "output_000002.webm"),
        ("video/quicktime", "output_video.mov", "output_000002.mov"),
        ("application/json", "masks.json", "masks.json"),
    ],
)
def test_names_of_outputs_that_come_without_one(kind: str, name: str, separate: str) -> None:
    together = OutputList(start=10, interval=2)
    assert together.nth(kind, 2) == OutputName(name, 2)
    assert OutputList(is_separate=True).nth(kind, 2) == OutputName(separate, 2)
    assert together.nth(kind, 2).content_type == kind
    with pytest.raises(OutputNameError, match="of the type 'text/html'"):
        together.nth("text/html", 0)


@given(st.text(), st.booleans())
def test_no_other_name_is_an_output(text: str, is_separate: bool) -> None:
    try:
        name = OutputList(is_separate=is_separate).parse(text)
    except OutputNameError:
        return
    assert "/" not in name.name
    assert name.content_type


@pytest.mark.parametrize(
    "name",
    [
        "000000_.._frame_00000.png/x",
        "000000_a/b_frame_00000.png",
        "000000_a\\b_frame_00000.png",
        "000000_a\nb_frame_00000.png",
        f"000000_{'a' * 300}_frame_00000.png",
        "00_dog_frame_00000.png",
        "000000_frame_00000.png",
        "000000_dog.png",
        "output_video_dog.mp4",
    ],
)
def test_what_is_no_name_of_a_separate_object(name: str) -> None:
    with pytest.raises(OutputNameError):
        OutputList(is_separate=True).parse(name)


@pytest.mark.parametrize(
    ("frames", "interval", "expected"), [(6, 1, 6), (6, 5, 2), (5, 5, 1), (1, 9, 1), (290, 7, 42)]
)
def test_how_many_outputs_there_have_to_be(frames: int, interval: int, expected: int) -> None:
    logs = f" 17%|#6 | 1/{frames} [00:00<00:00]\n100%|##| {frames}/{frames} [00:00<00:00]\n"
    pictures = OutputList(interval=interval)
    assert pictures.expected(logs, 1) == expected
    assert len(range(0, frames, interval)) == expected
    assert replace(pictures, has_masks=True).expected(logs, 1) == expected + 1
    assert pictures.expected("model: nano", 7) == 7
    assert OutputList(is_video=True).expected(logs, 7) == 1
    assert OutputList(is_video=True, has_masks=True).expected("model: nano", 7) == 2

    separate = replace(pictures, is_separate=True, has_masks=True)
    assert separate.expected(logs, 3 * expected + 1) == 3 * expected + 1
    if expected > 1:  # one of them did not arrive
        assert separate.expected(logs, 3 * expected) == 3 * expected + 1
    assert OutputList(is_video=True, is_separate=True).expected(logs, 4) == 4


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait", 60),
        ("wait=5", 5),
        ("respond-async, wait=10", 10),
        ("wait=0", 1),
        ("wait=999", 60),
        ("Wait=7", 7),
        ("respond-async", None),
        ("waiting", None),
        ("wait=x", None),
        ("", None),
    ],
)
def test_prefer(header: str, seconds: int | None) -> None:
    assert wait_seconds(header) == seconds


@pytest.mark.parametrize(
    ("body", "hook"),
    [
        ({}, Hook(None, [])),
        ({"webhook": "http://a/b"}, Hook("http://a/b", ["start", "output", "logs", "completed"])),
        (
            {"webhook": "https://a/b", "webhook_events_filter": ["output"]},
            Hook("https://a/b", ["output"]),
        ),
        ({"webhook_completed": "https://a/b"}, Hook("https://a/b", ["completed"])),
    ],
)
def test_which_events_a_webhook_is_told(body: dict, hook: Hook) -> None:
    assert check_hook(body) == hook


@given(st.text())
def test_any_header_is_read(text: str) -> None:
    seconds = wait_seconds(text)
    assert seconds is None or 1 <= seconds <= 60
    assert Position.parse(text).logs >= 0
    try:
        before, after = read_cursor(text)
    except RequestError:
        return
    assert (before is None) != (after is None) or not text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30", 30), ("5m", 300), ("1h30m", 5400), ("1h30m45s", 5445), (" 2h ", 7200)],
)
def test_lifetimes(text: str, seconds: int) -> None:
    assert lifetime_of(text) == timedelta(seconds=seconds)
    assert lifetime_of(None) is None


@given(st.text(alphabet="0123456789hms- ") | st.text())
def test_any_lifetime_is_read_or_refused(text: str) -> None:
    try:
        lifetime = lifetime_of(text)
    except RequestError as error:
        assert error.fields[0].field == "Cancel-After"
    else:
        assert lifetime >= timedelta(seconds=5)


@given(st.datetimes(timezones=st.timezones()))
def test_times_come_back_in_utc(time: datetime) -> None:
    try:
        expected = time.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return
    assert read_time({"created_after": time.isoformat()}, "created_after") == expected


@given(st.text())
def test_any_time_is_read_or_refused(text: str) -> None:
    try:
        time = read_time({"created_after": text}, "created_after")
    except RequestError as error:
        assert error.status == 422
    else:
        assert (time is None) == (not text)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Quota exceeded"), True),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (ValueError("full"), False),
    ],
)
def test_what_says_that_a_disk_is_full(error: Exception, full: bool) -> None:
    assert is_full(error) == full


@given(st.text())
def test_shown_names_are_short_and_no_paths(text: str) -> None:
    name = shown_name(text)
    assert 1 <= len(name) <= 200
    assert "/" not in name
    assert name.isprintable()


@pytest.mark.parametrize(
    ("logs", "progress"),
    [
        ("", None),
        ("model: nano\n", None),
        (" 45%|####5     | 131/290 [00:13<00:16, 9.8frames/s]\n", Progress(131, 290, 16)),
        ("  0%|          | 1/290 [00:00<?, ?frames/s]\n", Progress(1, 290, None)),
        (" 9%|#| 9/99 [1:00:13<2:00:16, 9.8frames/s]\nsaved 50%|\n", Progress(9, 99, 7216)),
        (" 9%|#| 9/99 [00:13<00:16, 9.8frames/s]\n 10%|#", Progress(9, 99, 16)),
    ],
)
def test_progress_is_the_last_whole_bar(logs: str, progress: Progress | None) -> None:
    assert last_progress(logs) == progress


@given(st.text(alphabet="0123456789%|/[<:?] #\n\r"))
def test_any_log_is_read(logs: str) -> None:
    progress = last_progress(logs)
    assert progress is None or progress.done >= 0


@pytest.mark.parametrize(
    ("host", "public_url", "others"),
    [
        ("127.0.0.1", None, []),
        ("192.168.1.5", None, ["192.168.1.5"]),
        ("localhost", "https://sam.example.com/x", ["sam.example.com"]),
        ("0.0.0.0", None, [socket.gethostname()]),  # noqa: S104
    ],
)
def test_names_of_a_certificate(host: str, public_url: str | None, others: list[str]) -> None:
    assert tls_names(host, public_url) == ["localhost", "127.0.0.1", "::1", *others]


def test_the_lock_goes_to_the_smallest_number() -> None:
    async def test() -> None:
        lock, served = PriorityLock(), []

        async def wait(number: int, gate: asyncio.Event) -> None:
            async with lock.held(number):
                await gate.wait()
                served.append(number)

        gate = asyncio.Event()
        numbers = list(range(1, 20))
        random.Random(3).shuffle(numbers)  # noqa: S311
        first = asyncio.create_task(wait(0, gate))
        await asyncio.sleep(0)
        tasks = {number: asyncio.create_task(wait(number, gate)) for number in numbers}
        await asyncio.sleep(0)
        for number in (4, 9):
            tasks[number].cancel()
        gate.set()
        await asyncio.gather(first, *tasks.values(), return_exceptions=True)
        assert served == [number for number in range(20) if number not in (4, 9)]

    asyncio.run(test())


class GoReader:
    """Reads a stream as replicate-go does for `StreamPredictionText` and `StreamPredictionFiles`.

    It keeps the id of the last block, an empty one too, ignores a block without a type, and takes
    a type that it does not know for an error.
    """

    def __init__(self) -> None:
        self.last_id = ""
        self.outputs: list[str] = []
        self.is_done = False

    def read(self, block: str) -> None:
        fields = {"event": "", "id": "", "data": ""}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if colon and name in fields:
                fields[name] = value.removeprefix(" ")
        self.last_id = fields["id"]
        if fields["event"] == "output":
            self.outputs.append(fields["data"])
        elif fields["event"] == "done":
            self.is_done = True
        elif fields["event"]:
            raise ValueError(f"unexpected type {fields['event']}")


def test_a_reader_that_forgets_and_reconnects_gets_every_output_once(tmp_path, monkeypatch) -> None:
    """The connection breaks after every block, one that only keeps it alive among them."""
    monkeypatch.setattr(event_stream, "_KEEP_ALIVE_SECONDS", 0.01)

    async def test() -> None:
        async with Store(Store.url_in(tmp_path)).opened() as store:
            notifier, views = Notifier(store.prediction), Views(store, Secret(b"secret"))
            await store.add(
                Prediction(id="one", owner="o", version="v", input={}, base_url="http://h"), most=1
            )
            for frame in range(3):
                await store.add_file(_output(f"file{frame}", frame))
            reader = GoReader()

            def connected() -> AsyncIterator[str]:
                position = Position.parse(reader.last_id)
                return events("one", views, notifier, position, has_logs=False)

            for _ in range(3):
                reader.read(await anext(connected()))
            reader.read(await anext(connected()))  # nothing is new
            assert reader.last_id == "0-3"
            await store.log("one", "a line\n")
            await store.finish("one", "succeeded")
            reader.read(await anext(connected()))
            assert reader.outputs == [
                f"http://h/v1/outputs/file{frame}/frame_{frame:05d}.webp" for frame in range(3)
            ]
            assert reader.is_done

    asyncio.run(test())


def _output(name: str, frame: int) -> StoredFile:
    return StoredFile(
        id=name,
        owner="o",
        kind="output",
        name=f"frame_{frame:05d}.webp",
        content_type="image/webp",
        size=1,
        sha256="",
        expires_at=datetime(2100, 1, 1),
        position=frame,
        prediction_id="one",
    )
