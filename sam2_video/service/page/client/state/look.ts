// How masks are shown on the stage and in an export. A change of it costs no tracking.

import type { Value, Video } from "../types";

export type View = "highlight" | "cutout" | "color" | "matte";
export type Form = "mp4" | "webm" | "mov" | "png" | "webp" | "jpg";

export interface Look {
  readonly view: View;
  readonly opacity: number; // of a highlight on the stage, 0 to 1
  readonly outline: boolean; // on the stage
  readonly marking: "mask" | "box" | "both"; // of an exported highlight
  readonly color: string; // behind the objects, "#rrggbb"
  readonly expand: number; // pixels of the frame
  readonly feather: number;
  readonly form: Form;
  readonly fps: number | null; // null: the source's frame times
  readonly quality: number;
  readonly interval: number;
  readonly separate: boolean;
  readonly sound: boolean;
  readonly masks: boolean; // also write masks.json
}

export const LOOK: Look = {
  view: "highlight",
  opacity: 0.5,
  outline: true,
  marking: "mask",
  color: "#00ff00",
  expand: 0,
  feather: 0,
  form: "mp4",
  fps: null,
  quality: 80,
  interval: 1,
  separate: false,
  sound: true,
  masks: false,
};

const MASK_TYPES: Readonly<Record<View, string>> = {
  highlight: "highlighted",
  cutout: "alpha",
  color: "greenscreen",
  matte: "binary",
};

export const isVideo = (form: Form): boolean => form === "mp4" || form === "webm" || form === "mov";

// What can hold a view: transparency needs more than H.264 and JPEG have.
export function formsOf(view: View, video: Video): readonly Form[] {
  const all: readonly Form[] =
    view === "cutout" ? ["mov", "webm", "png", "webp"] : ["mp4", "webm", "mov", "png", "webp", "jpg"];
  return video.num_frames === 1 ? all.filter((form) => !isVideo(form)) : all;
}

// Changes a look so that its form can hold its view.
export function withView(look: Look, view: View, video: Video): Look {
  const forms = formsOf(view, video);
  return { ...look, view, form: forms.includes(look.form) ? look.form : forms[0]! };
}

// The frame rate of the source as `video_fps` takes it.
export const sourceRate = ({ frame_rate }: Video): number => Math.min(Math.max(Math.round(frame_rate ?? 30), 1), 60);

// The look as inputs of the model.
export function inputsOf(look: Look, video: Video, range: { start: number; end: number }): Record<string, Value> {
  const makesVideo = isVideo(look.form);
  return {
    mask_type: MASK_TYPES[look.view],
    annotation_type: look.marking,
    output_video: makesVideo,
    video_format: makesVideo ? look.form : "mp4",
    video_fps: look.fps ?? sourceRate(video),
    output_format: makesVideo ? "webp" : look.form,
    output_quality: look.quality,
    output_frame_interval: look.interval,
    separate_objects: look.separate,
    keep_audio: makesVideo && look.fps === null && look.sound,
    output_masks: look.masks,
    mask_expand: look.expand,
    mask_feather: look.feather,
    background_color: look.color,
    start_frame: range.start,
    end_frame: range.end,
  };
}
