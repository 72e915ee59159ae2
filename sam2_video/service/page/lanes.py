"""Where the objects of a track are in sight, frame by frame, and how sure the model is."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cachetools import LRUCache

from sam2_video.core.errors import InputError
from sam2_video.service.net.places import Places, decode
from sam2_video.service.page.prompts import read_values
from sam2_video.service.page.tracks import document_of, pictures_of
from sam2_video.service.page.videos import VideoInfo
from sam2_video.service.storage.database import Output, Prediction, Store
from sam2_video.service.storage.files import Files

_MOST_PICTURES = 1000  # read for one answer; the next one goes on
_MOST_FRAMES = 4_000_000  # of all tracks without masks.json together

Lane = list[float | None]


@dataclass(frozen=True)
class Lanes:
    """Reads lanes from `masks.json`, or from the pictures of a track without a usable one.

    Attributes:
        store: the records.
        files: the contents.
        reading: places for reading many masks at a time.
        seconds: that reading them may take.
    """

    store: Store
    files: Files
    reading: Places
    seconds: float
    # By track without masks.json: the values in sight on each frame so far.
    _in_sight: LRUCache[str, list[frozenset[int]]] = field(
        default_factory=lambda: LRUCache(_MOST_FRAMES, len)
    )

    async def of(self, track: Prediction, video: VideoInfo, client: str) -> dict[str, Any]:
        """The lanes of a track: by object, a score from 0 to 1 for each frame; None: not in sight.

        Args:
            track: which one.
            video: its video.
            client: whose place the reading takes.

        Raises:
            TimeoutError: the reading takes too long.
        """
        outputs = await self.store.outputs(track.id)
        pictures = pictures_of(outputs)
        objects, first = track.track["objects"], track.input["start_frame"]
        masks = document_of(outputs)
        async with self.reading.held(client):
            if masks is not None:
                found = await decode(
                    self.seconds, self._scores, masks, objects, first, len(pictures)
                )
            else:
                found = await decode(self.seconds, self._seen, track, pictures, video)
        return {"start_frame": first, "objects": found}

    def _scores(
        self, masks: Output, objects: Sequence[str], first: int, count: int
    ) -> dict[str, Lane]:
        document = json.loads(b"".join(self.files.chunks(masks.id)))
        lanes: list[Lane] = [[None] * count for _ in objects]
        for one in document["annotations"]:
            score = min(max(float(one.get("score", 1.0)), 0.0), 1.0)
            lanes[one["track_id"] - 1][one["image_id"] - first] = score
        return dict(zip(objects, lanes, strict=True))

    def _seen(
        self, track: Prediction, pictures: Sequence[Output], video: VideoInfo
    ) -> dict[str, Lane]:
        key = f"{track.id} {track.started_at}"  # another attempt begins anew
        seen = list(self._in_sight.get(key, ()))
        known = {values: values for values in seen}  # equal sets take their memory once
        for picture in pictures[len(seen) : len(seen) + _MOST_PICTURES]:
            values: frozenset[int] = frozenset()
            with suppress(FileNotFoundError, InputError):  # it has just been removed
                content = b"".join(self.files.chunks(picture.id))
                values = frozenset(np.unique(read_values(content, video)).tolist())
            seen.append(known.setdefault(values, values))
        self._in_sight[key] = seen
        return _present(seen, track.track["objects"])


def _present(seen: Sequence[frozenset[int]], objects: Sequence[str]) -> dict[str, Lane]:
    return {
        name: [1.0 if value in values else None for values in seen]
        for value, name in enumerate(objects, start=1)
    }
