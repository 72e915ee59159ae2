// Sentences and figures of the panel and the start.

import { countOf } from "../dom";
import type { Doc } from "../state/document";
import type { Opened } from "../state/store";
import { staleFrom, trackedRanges, trackOf, untracked } from "../state/tracked";
import type { Model, Range, Track, Video } from "../types";

// Frames are counted from 1 where people read them.
export const frameNumber = (index: number): number => index + 1;

export function rangesText(ranges: readonly Range[]): string {
  const shown = ranges
    .slice(0, 3)
    .map(([first, last]) => (first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`));
  const more = ranges.length > 3 ? ` and ${ranges.length - 3} more gaps` : "";
  const isOne = ranges.length === 1 && ranges[0]![0] === ranges[0]![1];
  return `${isOne ? "Frame" : "Frames"} ${shown.join(", ")}${more}`;
}

export function secondsText(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export function videoText({ width, height, num_frames, frame_rate }: Video): string {
  const size = `${width} × ${height}`;
  if (num_frames === 1) return `${size} · picture`;
  const length = frame_rate ? ` · ${secondsText(num_frames / frame_rate)}` : "";
  return `${size} · ${countOf(num_frames, "frame")}${length}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

export function whenText(date: string, now: number): string {
  const minutes = Math.round((now - Date.parse(date)) / 60_000);
  if (!(minutes >= 1)) return "just now";
  if (minutes < 60) return `${countOf(minutes, "minute")} ago`;
  if (minutes < 24 * 60) return `${countOf(Math.round(minutes / 60), "hour")} ago`;
  return `${countOf(Math.round(minutes / 60 / 24), "day")} ago`;
}

const USES: Readonly<Record<string, string>> = {
  tiny: "fast, with good masks",
  small: "fast, with good masks",
  base_plus: "a balance of speed and detail",
  large: "the finest masks",
};

export function modelText({ name, is_small }: Model): string {
  if (is_small) return "Rough masks, good for a try. For Meta's far better ones, run scripts/download_weights.sh.";
  return `Meta's SAM 2: ${USES[name] ?? "masks of any object"}.`;
}

// What the tracking bar offers.
export interface Offer {
  readonly sentence: string;
  readonly from: number | null; // the frame to track on from; null: all of it
  readonly isTracked: boolean; // whether there are masks
  readonly isComplete: boolean; // whether all masks are there and up to date
  readonly hasPoints: boolean; // whether a point lies in the range, so that all can be tracked anew
  readonly why: string | null; // nothing can be tracked, and why
}

export function offerOf({ doc, project, frame }: Pick<Opened, "doc" | "project" | "frame">): Offer {
  const { tracks } = project;
  const marked = doc.objects.filter(({ id }) => doc.marks.some(({ object }) => object === id));
  const isTracked = marked.some(({ id }) => trackedRanges(tracks, id).length > 0);
  const { start, end } = doc.range;
  const hasPoints = doc.marks.some((mark) => start <= mark.frame && mark.frame <= end);
  const nothing = { from: null, isTracked, isComplete: false, hasPoints };
  if (!marked.length) {
    const why = doc.objects.length ? "Click in the picture on what you want." : "Click on what you want to cut out.";
    return { ...nothing, sentence: why, why };
  }
  const unusable = marked.find(({ id }) => !isMarked(doc, id));
  if (unusable) {
    const why = `Click on ${unusable.name} itself: so far it is only marked where it is not.`;
    return { ...nothing, sentence: why, why };
  }
  const hasMasks = marked.some(({ id }) =>
    trackedRanges(tracks, id).some(([first, last]) => first <= end && start <= last),
  );
  if (!hasPoints && !hasMasks) {
    const why = "No point lies in the range. Widen it, or click on one of its frames.";
    return { ...nothing, sentence: why, why };
  }
  const isPicture = project.video.num_frames === 1;
  const size = isPicture ? "" : `, ${countOf(end - start + 1, "frame")}`;
  if (!isTracked) {
    return { ...nothing, sentence: `${countOf(marked.length, "object")}${size}.`, why: null };
  }
  const changed = marked
    .map(({ id, name }) => ({ name, from: staleFrom(doc, tracks, id) }))
    .filter((one): one is { name: string; from: number } => one.from !== null);
  const missing = untracked(doc, tracks);
  const stopped = stoppedText(tracks.at(-1) ?? null);
  if (changed.length) {
    const first = changed.reduce((a, b) => (b.from < a.from ? b : a));
    const others = changed.length > 1 ? ` and ${countOf(changed.length - 1, "other")}` : "";
    const where = isPicture ? "" : ` on frame ${frameNumber(first.from)}`;
    const sentence = `${stopped}${first.name}${others} changed${where}.`;
    return { sentence, from: first.from, isTracked, isComplete: false, hasPoints, why: null };
  }
  if (missing.length) {
    const only =
      stopped ||
      `${rangesText(missing)} ${missing.length === 1 && missing[0]![0] === missing[0]![1] ? "is" : "are"} not tracked yet.`;
    return { sentence: only.trim(), from: resumeFrom(doc, tracks), isTracked, isComplete: false, hasPoints, why: null };
  }
  const sentence = isPicture ? "Cut out." : "All frames are tracked.";
  return { sentence, from: frame, isTracked, isComplete: true, hasPoints, why: null };
}

// A track can begin with a point of the object, a box, or the mask it has.
function isMarked(doc: Doc, id: string): boolean {
  const own = doc.marks.filter(({ object }) => object === id);
  return own.some(({ clicks, box, mask_of }) => box || mask_of || clicks.some(({ foreground }) => foreground));
}

function stoppedText(track: Track | null): string {
  return track?.status === "cancelled"
    ? `Stopped after ${track.frames_done} of ${countOf(track.frames_total, "frame")}. `
    : "";
}

// Where the missing masks go on from: the last frame that has one, or the start of the range.
export function resumeFrom(doc: Doc, tracks: readonly Track[]): number {
  const { start, end } = doc.range;
  let from = end;
  for (const { id } of doc.objects) {
    if (!doc.marks.some(({ object }) => object === id)) continue;
    let frame = start;
    for (const [first, last] of trackedRanges(tracks, id)) {
      if (first <= frame && frame <= last) frame = last + 1;
    }
    if (frame <= end) from = Math.min(from, frame > start && trackOf(tracks, id, frame - 1) ? frame - 1 : start);
  }
  return from;
}
