import assert from "node:assert/strict";
import { test } from "node:test";
import { promptOf } from "../state/document";
import { type Lane, lanesOf, laneText, markText, nextMarked, type Segment, tracksInUse } from "../timeline/lanes";
import type { Lanes, Track } from "../types";
import { clicked, trackOver } from "./page";

const DOC = clicked({ a: [[0, 1, 1]], b: [[0, 9, 9]] });
const PROMPTS = DOC.marks.map(promptOf);
const scores = (...parts: (readonly [number, number | null])[]) =>
  parts.flatMap(([count, score]) => Array.from({ length: count }, () => score));
const laneOf = (tracks: readonly Track[], lanes: ReadonlyMap<string, Lanes>, doc = DOC): Lane =>
  lanesOf(doc, tracks, lanes, 90)[0]!;
const brief = ({ first, last, presence, score, isStale }: Segment) => [
  first,
  last,
  presence,
  score,
  ...(isStale ? ["stale"] : []),
];

test("nothing is tracked before the first track", () => {
  assert.deepEqual(laneOf([], new Map()).segments.map(brief), [[0, 89, "untracked", 1]]);
  assert.equal(laneText(laneOf([], new Map())), "Not tracked yet.");
});

test("a track under way shows the frames that are here", () => {
  const track = trackOver("t1", ["a", "b"], { prompts: PROMPTS, frames: [[0, 30]], status: "running" });
  assert.deepEqual(laneOf([track], new Map()).segments.map(brief), [
    [0, 30, "tracked", 1],
    [31, 89, "untracked", 1],
  ]);
});

test("lanes tell where an object is in sight, with its score in eighths", () => {
  const track = trackOver("t1", ["a"], { prompts: PROMPTS });
  const lanes = new Map([["t1", { start_frame: 0, objects: { a: scores([40, 0.98], [10, null], [40, 0.52]) } }]]);
  const lane = laneOf([track], lanes);
  assert.deepEqual(lane.segments.map(brief), [
    [0, 39, "seen", 1],
    [40, 49, "gone", 1],
    [50, 89, "seen", 0.5],
  ]);
  assert.equal(laneText(lane), "In sight on frames 1 to 40, 51 to 90; gone on frames 41 to 50.");
});

test("newer tracks replace older ones by object and frame", () => {
  const tracks = [
    trackOver("t1", ["a", "b"], { prompts: PROMPTS }),
    trackOver("t2", ["a"], { start_frame: 30, frames: [[30, 59]], status: "running" }),
  ];
  const lanes = new Map([["t1", { start_frame: 0, objects: { a: scores([90, 1]), b: scores([90, null]) } }]]);
  const [a, b] = lanesOf(DOC, tracks, lanes, 90);
  assert.deepEqual(a?.segments.map(brief), [
    [0, 29, "seen", 1],
    [30, 59, "tracked", 1],
    [60, 89, "seen", 1, "stale"], // the newer track has not come so far
  ]);
  assert.deepEqual(b?.segments.map(brief), [[0, 89, "gone", 1]]);
});

test("a changed mark makes what follows out of date", () => {
  const track = trackOver("t1", ["a"], { prompts: PROMPTS });
  const doc = clicked({ a: [[0, 1, 1], [20, 3, 3]] }); // biome-ignore format: short
  const lane = laneOf([track], new Map(), doc);
  assert.deepEqual(lane.segments.map(brief), [
    [0, 19, "tracked", 1],
    [20, 89, "tracked", 1, "stale"],
  ]);
  assert.deepEqual(lane.marks, [0, 20]);
  assert.match(laneText(lane), /out of date on frames 21 to 90\.$/);
});

test("lanes that are shorter than their track leave the rest open", () => {
  const track = trackOver("t1", ["a"], { prompts: PROMPTS, status: "cancelled" });
  const lanes = new Map([["t1", { start_frame: 10, objects: { a: [1, null] } }]]);
  assert.deepEqual(laneOf([track], lanes).segments.map(brief), [
    [0, 9, "tracked", 1],
    [10, 10, "seen", 1],
    [11, 11, "gone", 1],
    [12, 89, "tracked", 1],
  ]);
});

test("lanes are needed of ended tracks whose masks are shown", () => {
  const tracks = [
    trackOver("covered", ["a"]),
    trackOver("whole", ["a", "b"]),
    trackOver("none", ["a"], { frames: [], status: "failed" }),
    trackOver("running", ["b"], { frames: [[0, 3]], status: "running" }),
  ];
  assert.deepEqual(
    tracksInUse(tracks, ["a", "b"], 90).map(({ id }) => id),
    ["whole"],
  );
});

test("marked frames of every object are jumped to", () => {
  const doc = clicked({ a: [[0, 1, 1], [40, 1, 1]], b: [[20, 1, 1], [20, 2, 2]] }); // biome-ignore format: short
  assert.deepEqual([nextMarked(doc, 0, 1), nextMarked(doc, 20, 1), nextMarked(doc, 40, 1)], [20, 40, null]);
  assert.deepEqual([nextMarked(doc, 40, -1), nextMarked(doc, 0, -1)], [20, null]);
  assert.equal(markText(doc, "b", 20), "2 clicks");
  const boxed = { ...doc, marks: doc.marks.map((mark) => ({ ...mark, box: [1, 2, 3, 4] as const })) };
  assert.equal(markText(boxed, "a", 0), "1 click and a box");
});

test("20 objects over 10,000 frames take no longer than a picture", () => {
  const doc = clicked(
    Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`o${index}`, [[0, 1, 1]] as const])),
  );
  const objects = doc.objects.map(({ id }) => id);
  const track = trackOver("t1", objects, { end_frame: 9999, frames: [[0, 9999]], prompts: doc.marks.map(promptOf) });
  const noise = Array.from({ length: 10_000 }, (_, index) => (index % 7 ? (index % 13) / 13 : null));
  const lanes = { start_frame: 0, objects: Object.fromEntries(objects.map((id) => [id, noise])) };
  const found = lanesOf(doc, [track], new Map([["t1", lanes]]), 10_000);
  assert.equal(found.length, 20);
  assert.equal(found[19]?.segments.at(-1)?.last, 9999);
});
