// The lanes of the timeline: where each object was found, from the tracks that its masks come from.

import { type Doc, markOf } from "../state/document";
import { isActive, isMeantFor, staleFrom } from "../state/tracked";
import type { Lanes, Track } from "../types";

// "tracked": there is a picture, but not yet known whether the object is in it.
export type Presence = "untracked" | "tracked" | "seen" | "gone";

// Neighbouring frames that look the same on a lane.
export interface Segment {
  readonly first: number;
  readonly last: number; // included
  readonly presence: Presence;
  readonly score: number; // of the model, 0 to 1 in steps of 1/8; 1 where it is not known
  readonly isStale: boolean; // the marks say otherwise, or a newer track has not come this far
}

export interface Lane {
  readonly object: string;
  readonly segments: readonly Segment[];
  readonly marks: readonly number[]; // marked frames, in order
}

const SCORE_STEPS = 8;
const NONE = -1;

// By frame: the index of the newest track that has the object's mask; -1: none.
function ownersOf(tracks: readonly Track[], object: string, numFrames: number): Int32Array {
  const owners = new Int32Array(numFrames).fill(NONE);
  tracks.forEach((track, index) => {
    if (!track.objects.includes(object)) return;
    for (const [first, last] of track.frames) owners.fill(index, first, last + 1);
  });
  return owners;
}

// By frame: the index of the newest track that was to make the object's mask.
function plannedOf(tracks: readonly Track[], object: string, numFrames: number): Int32Array {
  const planned = new Int32Array(numFrames).fill(NONE);
  tracks.forEach((track, index) => {
    if (isMeantFor(track, object)) planned.fill(index, track.start_frame, track.end_frame + 1);
  });
  return planned;
}

// The ended tracks that some object's mask on some frame comes from; their lanes are needed.
export function tracksInUse(tracks: readonly Track[], objects: readonly string[], numFrames: number): Track[] {
  const used = new Set<number>();
  for (const object of objects) for (const owner of ownersOf(tracks, object, numFrames)) used.add(owner);
  return tracks.filter((track, index) => used.has(index) && !isActive(track));
}

// The segments of one object over all frames of the video. `lanes`: by the id of their track.
export function segmentsOf(
  tracks: readonly Track[],
  lanes: ReadonlyMap<string, Lanes>,
  object: string,
  numFrames: number,
  from: number | null, // the first frame that is out of date
): Segment[] {
  const owners = ownersOf(tracks, object, numFrames);
  const planned = plannedOf(tracks, object, numFrames);
  const known = tracks.map(({ id }) => lanes.get(id));
  const segments: Segment[] = [];
  for (let frame = 0; frame < numFrames; frame += 1) {
    const owner = owners[frame]!;
    const lane = owner === NONE ? undefined : known[owner];
    const found = lane?.objects[object]?.[frame - lane.start_frame];
    const presence = owner === NONE ? "untracked" : found === undefined ? "tracked" : found === null ? "gone" : "seen";
    const score =
      typeof found === "number" ? Math.round(Math.min(Math.max(found, 0), 1) * SCORE_STEPS) / SCORE_STEPS : 1;
    const isStale = owner !== NONE && ((from !== null && frame >= from) || planned[frame]! > owner);
    const before = segments.at(-1);
    if (before && before.presence === presence && before.score === score && before.isStale === isStale) {
      segments[segments.length - 1] = { ...before, last: frame };
    } else {
      segments.push({ first: frame, last: frame, presence, score, isStale });
    }
  }
  return segments;
}

export const markedFrames = (doc: Doc, object: string): number[] =>
  doc.marks
    .filter((mark) => mark.object === object)
    .map(({ frame }) => frame)
    .sort((a, b) => a - b);

export function lanesOf(
  doc: Doc,
  tracks: readonly Track[],
  lanes: ReadonlyMap<string, Lanes>,
  numFrames: number,
): Lane[] {
  return doc.objects.map(({ id }) => ({
    object: id,
    segments: segmentsOf(tracks, lanes, id, numFrames, staleFrom(doc, tracks, id)),
    marks: markedFrames(doc, id),
  }));
}

// The marked frame before (-1) or after (1) a frame, of any object; null: none.
export function nextMarked(doc: Doc, frame: number, direction: 1 | -1): number | null {
  const frames = doc.marks.map((mark) => mark.frame).filter((one) => (one - frame) * direction > 0);
  return frames.length ? Math.min(...frames.map((one) => one * direction)) * direction : null;
}

// What a lane shows, in words.
export function laneText({ segments }: Lane): string {
  if (segments.every(({ presence }) => presence === "untracked")) return "Not tracked yet.";
  const parts = [
    framesText("in sight", segments, ({ presence }) => presence === "seen"),
    framesText("gone", segments, ({ presence }) => presence === "gone"),
    framesText("tracked", segments, ({ presence }) => presence === "tracked"),
    framesText("not tracked yet", segments, ({ presence }) => presence === "untracked"),
    framesText("out of date", segments, ({ isStale }) => isStale),
  ].filter((part) => part !== "");
  const text = parts.join("; ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

const MOST_SPOKEN = 4;

function framesText(what: string, segments: readonly Segment[], fits: (segment: Segment) => boolean): string {
  const ranges: [number, number][] = [];
  for (const segment of segments) {
    if (!fits(segment)) continue;
    const before = ranges.at(-1);
    if (before && before[1] + 1 === segment.first) before[1] = segment.last;
    else ranges.push([segment.first, segment.last]);
  }
  if (!ranges.length) return "";
  const spoken = ranges
    .slice(0, MOST_SPOKEN)
    .map(([first, last]) => (first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`));
  const rest = ranges.length > MOST_SPOKEN ? " and later" : "";
  return `${what} on ${ranges.length === 1 && ranges[0]![0] === ranges[0]![1] ? "frame" : "frames"} ${spoken.join(", ")}${rest}`;
}

// What is marked on a frame, in words: "2 clicks and a box".
export function markText(doc: Doc, object: string, frame: number): string {
  const mark = markOf(doc, object, frame);
  const clicks = mark?.clicks.length ?? 0;
  const parts = [clicks ? `${clicks} click${clicks === 1 ? "" : "s"}` : "", mark?.box ? "a box" : ""];
  return parts.filter((part) => part !== "").join(" and ");
}

// Whether two lanes look the same, apart from their marks.
export const isSameLane = (a: readonly Segment[], b: readonly Segment[]): boolean =>
  a.length === b.length &&
  a.every((one, index) => {
    const other = b[index]!;
    return (
      one.first === other.first &&
      one.last === other.last &&
      one.presence === other.presence &&
      one.score === other.score &&
      one.isStale === other.isStale
    );
  });
