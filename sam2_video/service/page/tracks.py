"""Tracks of projects: predictions whose outputs are the masks of objects, frame by frame."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sam2_video.core.errors import InputError
from sam2_video.core.file_names import MASKS_NAME
from sam2_video.core.limits import Limits
from sam2_video.service.api.validation import InputSchema
from sam2_video.service.errors import RequestError
from sam2_video.service.jobs.notifier import Notifier
from sam2_video.service.jobs.outputs import unbroken
from sam2_video.service.jobs.progress import last_progress
from sam2_video.service.jobs.queue import JobQueue
from sam2_video.service.net.inputs import INPUT, Sources
from sam2_video.service.net.places import Places
from sam2_video.service.net.server_sent import KEEP_ALIVE, server_sent
from sam2_video.service.page.prompts import (
    Mask,
    check_prompts,
    mask_archive,
    mask_picture,
    mask_values,
    objects_in_order,
    read_values,
    strings_of,
    with_inner_points,
)
from sam2_video.service.page.requests import PromptRequest, TrackRequest
from sam2_video.service.page.videos import VideoInfo, Videos
from sam2_video.service.page.words import in_words
from sam2_video.service.storage.database import Output, Prediction, Project, Store, StoredFile
from sam2_video.service.storage.files import Files
from sam2_video.service.storage.secrets import new_id

_SECONDS_BETWEEN_REPORTS = 0.15
_KEEP_ALIVE_SECONDS = 10.0
_MOST_DOCUMENT_BYTES = 64 * 1024**2
_STATUSES = {
    "starting": "waiting",
    "processing": "running",
    "succeeded": "done",
    "failed": "failed",
    "canceled": "cancelled",
    "aborted": "cancelled",
}


@dataclass(frozen=True)
class Tracks:
    """Starts and follows tracks for visitors.

    Attributes:
        store: the records.
        files: the pictures.
        videos: finds videos.
        sources: takes the files that inputs name.
        queue: runs the predictions.
        notifier: tells of changes.
        schema: validates inputs.
        version: the version id of the model.
        limits: what one track may cost.
        reading: places for reading many masks at a time.
        most: tracks that a project keeps.
    """

    store: Store
    files: Files
    videos: Videos
    sources: Sources
    queue: JobQueue
    notifier: Notifier[Prediction]
    schema: InputSchema
    version: str
    limits: Limits
    reading: Places
    most: int
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, owner: str, name: str) -> Prediction:
        """The track of that id, if the visitor owns it.

        Raises:
            RequestError: 404; whether somebody else has it is not told.
        """
        track = await self.store.prediction(name)
        if track is None or track.owner != owner or track.project_id is None or track.data_removed:
            raise RequestError(404, "That track is no longer here.")
        await self.videos.use(owner)
        return track

    async def start(
        self, project: Project, asked: TrackRequest, own_urls: tuple[str, ...], client: str
    ) -> Prediction:
        """Put a track into the queue.

        Args:
            project: whose video and masks it works on.
            asked: objects, prompts and range.
            own_urls: URLs by which the visitor may know this server.
            client: whose places it takes.

        Raises:
            RequestError: something of it is wrong, or a track of the visitor is under way.
        """
        video = await self.videos.get(project.owner, project.video_id)
        info = VideoInfo.of(video)
        frames = range(asked.start_frame, asked.end_frame + 1)
        if not frames or frames[-1] >= info.num_frames:
            raise RequestError(
                422,
                f"The frames {asked.start_frame + 1} to {asked.end_frame + 1} are no range of the "
                f"video, which has the frames 1 to {info.num_frames}.",
            )
        names = {one.id: one.name for one in asked.objects}
        check_prompts(asked.prompts, names, info, frames, self.limits)
        prompts: Sequence[PromptRequest] = asked.prompts
        pictures: dict[int, bytes] = {}
        if any(prompt.mask_of for prompt in prompts):
            async with self.reading.held(client):
                prompts = await self._of_seen(project, prompts, info)
                prompts, pictures = await self._begun(project, prompts, info, names)
        masked = [(one.object, one.frame) for one in prompts if one.mask_of]
        strings = strings_of(prompts)
        try:
            objects = objects_in_order(strings, masked, self.limits)
        except InputError as error:
            raise RequestError(422, in_words(str(error), video.name)) from error
        await self._check_idle(project.owner)
        inputs = {
            **strings,
            INPUT: f"{own_urls[0]}/api/videos/{video.id}/file",
            "mask_type": "indexed",
            "output_masks": True,
            "start_frame": frames[0],
            "end_frame": frames[-1],
        }
        if pictures:
            inputs["input_masks"] = await asyncio.to_thread(mask_archive, pictures)
        run = Prediction(
            id=new_id(),
            owner=project.owner,
            version=self.version,
            input=self.schema.check(inputs),
            base_url=own_urls[0],
            project_id=project.id,
            track={
                # The model gets nothing of the last ones: no pixel has their values.
                "objects": objects + [name for name in names if name not in objects],
                "prompts": [prompt.model_dump(mode="json") for prompt in asked.prompts],
            },
        )
        async with self._starting:
            await self._check_idle(project.owner)
            if await self.store.project(project.owner, project.id) is None:
                raise RequestError(404, "That project is no longer here.")
            await self.queue.check_room()
            try:
                async with self.sources.accepted(run, own_urls):
                    await self.queue.submit(run, client)
            except RequestError as error:  # as where the disk is full
                raise RequestError(error.status, in_words(error.sentence, video.name)) from error
            earlier = [one for one in await self.store.tracks(project.id) if one.id != run.id]
            for old in earlier[: max(0, len(earlier) + 1 - self.most)]:
                await self.queue.discard(old.id)
        await self.store.change_project(project.id, changed_at=self.store.now())
        return run

    async def _check_idle(self, owner: str) -> None:
        if any(not one.is_finished for one in await self.store.kept(owner)):
            raise RequestError(409, "A track of yours is under way. Stop it, or wait for it.")

    async def cancel(self, track: Prediction) -> Prediction:
        """Stop a track; when this returns it has ended. Finished frames stay."""
        await self.queue.cancel(track.id)
        return await self.get(track.owner, track.id)

    async def pictures(self, track: Prediction) -> list[Output]:
        """The pictures of a track so far, in the order of the frames, without a gap."""
        return pictures_of(await self.store.outputs(track.id))

    async def picture(self, track: Prediction, frame: int | str) -> StoredFile:
        """The indexed picture of a frame.

        Raises:
            RequestError: it is not here.
        """
        first, last = track.input["start_frame"], track.input["end_frame"]
        if isinstance(frame, int) and first <= frame <= last:
            found = await self.store.output_at(track.id, frame - first)
            if found is not None:
                return found
        raise RequestError(404, f"Frame {str(frame)[:20]} is not tracked here.")

    async def mask(
        self, project: Project, prompt: PromptRequest, video: VideoInfo, name: str = "The object"
    ) -> Mask:
        """The (H, W) bool mask that a prompt begins from.

        Args:
            project: whose tracks it may begin from.
            prompt: which has `mask_of`.
            video: its size is that of the mask.
            name: what the visitor calls the object.

        Raises:
            RequestError: there is none.
        """
        mask = await self._stored_mask(project, prompt, video)
        if mask is None or not mask.any():
            raise RequestError(
                422,
                f"{name} is not in sight on frame {prompt.frame + 1}: mark it there, or leave it "
                "out.",
            )
        return mask

    async def _stored_mask(
        self, project: Project, prompt: PromptRequest, video: VideoInfo
    ) -> Mask | None:
        """The same, which may be empty; None if the track has no masks of the object."""
        track = await self.get(project.owner, prompt.mask_of or "")
        if track.project_id != project.id:
            raise RequestError(404, "That track is no longer here.")
        objects = track.track["objects"]
        if prompt.object not in objects:
            return None
        file = await self.picture(track, prompt.frame)
        content = b"".join([chunk async for chunk in self.files.read(file)])
        values = await asyncio.to_thread(read_values, content, video)
        mask: Mask = values == objects.index(prompt.object) + 1
        return mask

    async def _of_seen(
        self, project: Project, prompts: Sequence[PromptRequest], video: VideoInfo
    ) -> list[PromptRequest]:
        """The prompts of objects that can be tracked.

        An object that begins with an empty mask, and that no later prompt shows, cannot: it stays
        out of sight.

        Raises:
            RequestError: no object can be tracked.
        """
        found = []
        for prompt in prompts:
            if prompt.mask_of and not prompt.points and prompt.box is None:
                mask = await self._stored_mask(project, prompt, video)
                if mask is not None and not mask.any():
                    continue
            found.append(prompt)
        seen = {prompt.object for prompt in found if prompt.is_start}
        if not seen:
            frame = min(prompt.frame for prompt in prompts) + 1
            raise RequestError(
                422, f"Nothing is in sight on frame {frame}: mark an object there, or track again."
            )
        return [prompt for prompt in found if prompt.object in seen]

    async def _begun(
        self,
        project: Project,
        prompts: Sequence[PromptRequest],
        video: VideoInfo,
        names: Mapping[str, str],
    ) -> tuple[list[PromptRequest], dict[int, bytes]]:
        """Prompts with what they need to refine the masks they begin from, and those masks.

        Returns:
            The prompts in their order, and indexed pictures of the masks by frame.
        """
        values = mask_values(strings_of(prompts))  # inner points change no order of the objects
        begun = list(prompts)
        by_frame: dict[int, list[int]] = defaultdict(list)
        for position, prompt in enumerate(prompts):
            if prompt.mask_of:
                by_frame[prompt.frame].append(position)
        pictures = {}
        for frame, positions in by_frame.items():
            masks: dict[int, Mask] = {}
            for position in positions:
                prompt = prompts[position]
                mask = await self.mask(project, prompt, video, names[prompt.object])
                begun[position] = await asyncio.to_thread(with_inner_points, prompt, mask)
                masks[values[prompt.object]] = mask
            pictures[frame] = await asyncio.to_thread(mask_picture, masks)
        return begun, pictures

    async def about(self, track: Prediction) -> dict[str, Any]:
        """A track as the page gets it."""
        video = await self.store.file(track.source_id or "")
        name = video.name if video else "The video"
        return track_summary(track, await self.pictures(track), name)

    async def events(self, track: Prediction) -> AsyncIterator[str]:
        """Server-sent events with what is new of a track, from all of it to its end."""
        video = await self.store.file(track.source_id or "")
        name = video.name if video else "The video"
        begun, num_frames, num_letters = None, 0, 0
        is_first = True
        async for run in self.notifier.follow(track.id, _KEEP_ALIVE_SECONDS):
            if run is None:
                yield KEEP_ALIVE
                continue
            # Another attempt begins anew, and so does what the page shows.
            if begun not in (None, run.started_at) or len(run.logs) < num_letters:
                num_frames = num_letters = 0
                is_first = True
            begun = run.started_at
            pictures = pictures_of(await self.store.outputs(run.id, num_frames), num_frames)
            log = run.logs[num_letters:]
            if not run.is_finished:
                log = log[: log.rfind("\n") + 1]
            report = {
                **track_summary(run, pictures, name),
                "first": is_first,
                "new_log": [line.rstrip() for line in log.split("\n") if line.strip()],
            }
            yield server_sent(json.dumps(report))
            num_frames += len(pictures)
            num_letters += len(log)
            is_first = False
            await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)  # several changes make one report


def pictures_of(outputs: Sequence[Output], first: int = 0) -> list[Output]:
    """The pictures among a track's outputs from a position on, up to the first gap."""
    return [one for one in unbroken(outputs, first) if one.name.endswith(".png")]


def document_of(outputs: Sequence[Output]) -> Output | None:
    """The `masks.json` among a track's outputs; None where its pictures have to do instead.

    Read as JSON it takes many times its size in memory, and nothing else runs meanwhile.
    """
    found = (one for one in outputs if one.name == MASKS_NAME)
    return next((one for one in found if one.size <= _MOST_DOCUMENT_BYTES), None)


def track_summary(track: Prediction, pictures: Sequence[Output], video_name: str) -> dict[str, Any]:
    """A track as the page gets it.

    Args:
        track: which one.
        pictures: those whose frames are told, in order and without a gap.
        video_name: what the visitor calls the video.
    """
    first, last = track.input["start_frame"], track.input["end_frame"]
    frames = []
    if pictures:
        frames = [[first + pictures[0].position, first + pictures[-1].position]]
    progress = last_progress(track.logs)
    return {
        "id": track.id,
        "objects": track.track["objects"],
        "start_frame": first,
        "end_frame": last,
        "prompts": track.track["prompts"],
        "frames": frames,
        "status": _STATUSES[track.status],
        "frames_done": progress.done if progress else 0,
        "frames_total": last - first + 1,
        "seconds_left": progress.seconds_left if progress else None,
        "error": _problem(track.error, video_name),
    }


def _problem(error: str | None, video_name: str) -> dict[str, str | None] | None:
    if error is None:
        return None
    return {"sentence": in_words(error, video_name), "field": None}
