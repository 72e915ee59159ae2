"""Sentences about inputs as a visitor of the page reads them: no names of inputs or settings.

The page counts frames from 1, as players do, and so do its sentences; its routes count from 0.
"""

import re

_WORDS = {
    "click_coordinates": "the list of points",
    "click_labels": "the list of points",
    "click_frames": "the list of frames",
    "click_object_ids": "the list of objects",
    "box_coordinates": "the list of boxes",
    "box_frames": "the list of frames",
    "box_object_ids": "the list of objects",
    "input_masks": "the mask to begin from",
    "mask_type": "the look",
    "annotation_type": "what is drawn",
    "output_video": "the choice of a video",
    "video_format": "the video format",
    "video_fps": "the frame rate",
    "output_format": "the picture format",
    "output_quality": "the quality",
    "output_frame_interval": "the frame interval",
    "separate_objects": "each object apart",
    "keep_audio": "the sound",
    "output_masks": "masks.json",
    "mask_expand": "the growth of the edges",
    "mask_feather": "the softness of the edges",
    "background_color": "the background",
    "start_frame": "the first frame",
    "end_frame": "the last frame",
    "--masks": "the tracked data",
}
_NAMES = re.compile(rf"(?<![\w-])(?:input_video|{'|'.join(_WORDS)})(?:\[\d+\])?(?!\w)")
_CANNOT = re.compile(
    r"input_video (?:is not a video or picture that can be read: (.*)|has (no video stream))\.?"
)
_SETTING = re.compile(r" \(SAM2_[A-Z_]+\)")


def in_words(sentence: str, video_name: str) -> str:
    """A sentence of the model's or the renderer's, with words for the names of inputs.

    Args:
        sentence: one that may name inputs, and settings in brackets.
        video_name: what the visitor calls the video.
    """

    def words(found: re.Match[str]) -> str:
        return _WORDS.get(found[0].partition("[")[0], video_name)

    text = _SETTING.sub("", _NAMES.sub(words, sentence))
    if sentence.startswith("input_video"):
        return f"{text.rstrip('.')}."  # a file's name stays as it is
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def cannot_open(sentence: str, video_name: str) -> str:
    """Why a file was not taken as a video, and what to try.

    Args:
        sentence: of the check.
        video_name: what the visitor calls the file.
    """
    if _SETTING.search(sentence) or "; send " in sentence:
        return in_words(sentence, video_name)
    reason = _CANNOT.fullmatch(sentence)
    told = f": {reason[1] or reason[2]}" if reason else ""
    return f"We can't open {video_name}{told}. Try MP4, MOV or WebM."
