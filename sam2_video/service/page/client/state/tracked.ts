// Which track the mask of an object on a frame comes from, and what is out of date.

import type { Lanes, Prompt, Range, Status, Track } from "../types";
import { type Doc, markOf, promptOf } from "./document";

// Whether a track or an export is under way.
export const isActive = ({ status }: { readonly status: Status }): boolean =>
  status === "waiting" || status === "running";

export const hasFrame = (ranges: readonly Range[], frame: number): boolean =>
  ranges.some(([first, last]) => first <= frame && frame <= last);

// The newest track that has a picture of the frame with the object in it.
export function trackOf(tracks: readonly Track[], object: string, frame: number): Track | null {
  return tracks.findLast((track) => track.objects.includes(object) && hasFrame(track.frames, frame)) ?? null;
}

// Joins ranges of frames, in order and without overlaps.
export function joined(ranges: readonly Range[]): Range[] {
  const found: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = found.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else found.push([first, last]);
  }
  return found;
}

// The frames on which an object has been tracked, whether it is in sight there or not.
export const trackedRanges = (tracks: readonly Track[], object: string): Range[] =>
  joined(tracks.filter(({ objects }) => objects.includes(object)).flatMap(({ frames }) => frames));

// Whether an object has been tracked from a frame to another without a gap.
export const reaches = (tracks: readonly Track[], object: string, frame: number, end: number): boolean =>
  trackedRanges(tracks, object).some(([first, last]) => first <= frame && end <= last);

// The first frame whose mask contradicts the marks of an object: null if none does. A mark changed
// what follows it, unless a newer track has had it.
export function staleFrom(doc: Doc, tracks: readonly Track[], object: string): number | null {
  const own = tracks.filter((track) => isMeantFor(track, object));
  const frames = new Set(own.flatMap(({ prompts }) => prompts.filter((p) => p.object === object).map((p) => p.frame)));
  for (const mark of doc.marks) if (mark.object === object) frames.add(mark.frame);
  const changed = [...frames].filter((frame) => {
    const track = newestFor(tracks, object, frame);
    if (!track) return false;
    const had = track.prompts.find((prompt) => prompt.object === object && prompt.frame === frame);
    const mark = markOf(doc, object, frame);
    return marksOf(had ?? null) !== marksOf(mark && promptOf(mark));
  });
  return changed.length ? Math.min(...changed) : null;
}

function marksOf(prompt: Prompt | null): string {
  return prompt && (prompt.points.length || prompt.box)
    ? JSON.stringify([prompt.points, prompt.labels, prompt.box])
    : "";
}

// Whether a track makes, or has made, masks of an object: not if it ended before its first frame.
export function isMeantFor(track: Track, object: string): boolean {
  return track.objects.includes(object) && (isActive(track) || track.frames.length > 0);
}

// Whether the mask of an object on a frame contradicts its marks, or is one that a newer track was
// to replace but has not reached.
export function isStale(doc: Doc, tracks: readonly Track[], object: string, frame: number): boolean {
  const track = trackOf(tracks, object, frame);
  if (!track) return false;
  const from = staleFrom(doc, tracks, object);
  return (from !== null && frame >= from) || newestFor(tracks, object, frame) !== track;
}

// The newest track that makes, or has made, masks of an object over a range with the frame.
const newestFor = (tracks: readonly Track[], object: string, frame: number): Track | undefined =>
  tracks.findLast((track) => isMeantFor(track, object) && track.start_frame <= frame && frame <= track.end_frame);

export interface Plan {
  readonly objects: readonly string[];
  readonly prompts: readonly Prompt[];
  readonly start: number;
  readonly end: number;
}

// Tracks every object that has marks over the whole range anew.
export function planAll(doc: Doc): Plan | null {
  const { start, end } = doc.range;
  const prompts = doc.marks.filter(({ frame }) => start <= frame && frame <= end).map(promptOf);
  const objects = doc.objects.map(({ id }) => id).filter((id) => prompts.some(({ object }) => object === id));
  return objects.length ? { objects, prompts, start, end } : null;
}

// Tracks from a frame on, from the masks that are there: the objects that are out of date or not
// tracked to the end, or else all. An object that is not in sight there and has no marks later on
// keeps the masks it has; if they do not reach the end, it stays out of sight. Null: no object can
// be tracked from there.
export function planFrom(
  doc: Doc,
  tracks: readonly Track[],
  frame: number,
  isInSight: (object: string) => boolean,
): Plan | null {
  const end = Math.max(doc.range.end, frame);
  const ids = doc.objects.map(({ id }) => id);
  const isWhole = (id: string) => reaches(tracks, id, frame, end) && !isStale(doc, tracks, id, end);
  const isChanged = (id: string) => staleFrom(doc, tracks, id) !== null || !isWhole(id);
  const changed = ids.filter(isChanged);
  const prompts = (changed.length ? changed : ids).flatMap((object) => {
    const marked = doc.marks.filter((mark) => mark.object === object && frame <= mark.frame && mark.frame <= end);
    const found = marked.map(promptOf);
    const track = trackOf(tracks, object, frame);
    const isBegun = track && (isInSight(object) || !reaches(tracks, object, frame, end));
    if (isBegun && !marked.some((mark) => mark.frame === frame)) {
      found.unshift({ object, frame, points: [], labels: [], box: null, mask_of: track.id });
    }
    return found;
  });
  const objects = ids.filter((id) => prompts.some(({ object }) => object === id));
  const isAny = prompts.some((one) => one.points.length || one.box || isInSight(one.object));
  return isAny ? { objects, prompts, start: frame, end } : null;
}

// The last frame before another on which an object was in sight in a track; null: none.
export function lastSeen({ start_frame, objects }: Lanes, object: string, frame: number): number | null {
  const before = (objects[object] ?? []).slice(0, Math.max(0, frame - start_frame));
  const index = before.findLastIndex((score) => score !== null);
  return index < 0 ? null : start_frame + index;
}

// Frames of the range on which an object that has marks has no mask yet.
export function untracked(doc: Doc, tracks: readonly Track[]): Range[] {
  const { start, end } = doc.range;
  const missing: Range[] = [];
  for (const { id } of doc.objects) {
    if (!doc.marks.some(({ object }) => object === id)) continue;
    let next = start;
    for (const [first, last] of trackedRanges(tracks, id)) {
      if (first > next) missing.push([next, Math.min(first - 1, end)]);
      next = Math.max(next, last + 1);
    }
    if (next <= end) missing.push([next, end]);
  }
  return joined(missing.filter(([first, last]) => first <= last));
}

// Whether the marks of an object on a frame are not those that its mask there was made from.
export function isMarkNew(doc: Doc, tracks: readonly Track[], object: string, frame: number): boolean {
  const mark = markOf(doc, object, frame);
  if (!mark) return false;
  const had = trackOf(tracks, object, frame)?.prompts.find((one) => one.object === object && one.frame === frame);
  return marksOf(had ?? null) !== marksOf(promptOf(mark));
}
