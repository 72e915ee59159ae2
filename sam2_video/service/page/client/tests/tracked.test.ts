import assert from "node:assert/strict";
import { test } from "node:test";
import type { Doc } from "../state/document";
import { addClick, promptOf, removeClick } from "../state/document";
import { isStale, joined, lastSeen, planAll, planFrom, staleFrom, trackOf, untracked } from "../state/tracked";
import { clicked, trackOver } from "./page";

const promptsOf = (doc: Doc) => doc.marks.map(promptOf);

test("ranges are joined where they touch or overlap", () => {
  assert.deepEqual(
    joined([
      [5, 9],
      [0, 2],
      [3, 4],
      [20, 30],
      [8, 12],
    ]),
    [
      [0, 12],
      [20, 30],
    ],
  );
});

test("a mask comes from the newest track that has the object and the frame", () => {
  const whole = trackOver("t1", ["a", "b"]);
  const later = trackOver("t2", ["b"], { start_frame: 40, frames: [[40, 60]], status: "cancelled" });
  const tracks = [whole, later];
  assert.equal(trackOf(tracks, "b", 39)?.id, "t1");
  assert.equal(trackOf(tracks, "b", 40)?.id, "t2");
  assert.equal(trackOf(tracks, "b", 61)?.id, "t1");
  assert.equal(trackOf(tracks, "a", 50)?.id, "t1");
  assert.equal(trackOf(tracks, "c", 50), null);
});

test("masks are out of date from a changed mark on, until a track has had it", () => {
  const before = clicked({ a: [[0, 1, 1]], b: [[0, 9, 9]] });
  const tracks = [trackOver("t1", ["a", "b"], { prompts: promptsOf(before) })];
  assert.equal(staleFrom(before, tracks, "a"), null);
  const fixed = addClick({ ...before, active: "a" }, 30, { x: 5, y: 5, foreground: false }, "t1");
  assert.equal(staleFrom(fixed, tracks, "a"), 30);
  assert.equal(staleFrom(fixed, tracks, "b"), null);
  assert.equal(isStale(fixed, tracks, "a", 29), false);
  assert.equal(isStale(fixed, tracks, "a", 30), true);
  const plan = planFrom(fixed, tracks, 30, () => true)!;
  const again = trackOver("t2", plan.objects, { start_frame: 30, prompts: plan.prompts, frames: [[30, 89]] });
  assert.equal(staleFrom(fixed, [...tracks, again], "a"), null);
  assert.equal(staleFrom(removeClick(fixed, "a", 30, 0), [...tracks, again], "a"), 30);
});

test("tracking from a frame on takes the objects that have changed, or else all in sight", () => {
  const before = clicked({ a: [[0, 1, 1]], b: [[0, 9, 9]] });
  const tracks = [trackOver("t1", ["a", "b"], { prompts: promptsOf(before) })];
  const same = planFrom(before, tracks, 10, (object) => object === "b")!;
  assert.deepEqual(same.objects, ["b"]);
  assert.deepEqual(same.prompts, [{ object: "b", frame: 10, points: [], labels: [], box: null, mask_of: "t1" }]);
  const fixed = addClick({ ...before, active: "a" }, 30, { x: 5, y: 5, foreground: true }, "t1");
  const plan = planFrom(fixed, tracks, 30, () => true)!;
  assert.deepEqual([plan.objects, plan.start, plan.end], [["a"], 30, 89]);
  assert.deepEqual(
    plan.prompts.map(({ frame, mask_of }) => [frame, mask_of]),
    [[30, "t1"]],
  );
});

test("tracking all takes the marks within the range", () => {
  const doc = clicked({
    a: [
      [0, 1, 1],
      [50, 2, 2],
    ],
    b: [[80, 9, 9]],
  });
  const plan = planAll({ ...doc, range: { start: 40, end: 60 } })!;
  assert.deepEqual([plan.objects, plan.prompts.length, plan.start, plan.end], [["a"], 1, 40, 60]);
  assert.equal(planAll({ ...doc, range: { start: 1, end: 2 } }), null);
});

test("frames without masks are named", () => {
  const doc = clicked({ a: [[0, 1, 1]], b: [[0, 9, 9]] });
  assert.deepEqual(untracked(doc, []), [[0, 89]]);
  const part = [trackOver("t1", ["a", "b"], { frames: [[0, 34]] }), trackOver("t2", ["a"])];
  assert.deepEqual(untracked(doc, part), [[35, 89]]);
  assert.deepEqual(untracked({ ...doc, range: { start: 5, end: 20 } }, part), []);
});

test("masks that a stopped track has not reached are out of date; a track that failed changes nothing", () => {
  const before = clicked({ a: [[0, 1, 1]] });
  const whole = trackOver("t1", ["a"], { prompts: promptsOf(before) });
  const part = trackOver("t2", ["a"], {
    start_frame: 30,
    prompts: [],
    frames: [[30, 40]],
    status: "cancelled",
  });
  assert.deepEqual(
    [29, 40, 41].map((frame) => isStale(before, [whole, part], "a", frame)),
    [false, false, true],
  );
  const failed = { ...part, frames: [], status: "failed" } as const;
  assert.equal(isStale(before, [whole, failed], "a", 41), false);
});

test("after a stop, tracking from the fixed frame takes the other object along", () => {
  const before = clicked({ a: [[0, 1, 1]], b: [[0, 9, 9]] });
  const part = trackOver("t1", ["a", "b"], { prompts: promptsOf(before), frames: [[0, 13]], status: "cancelled" });
  const fixed = addClick({ ...before, active: "a" }, 13, { x: 5, y: 5, foreground: true }, "t1");
  const plan = planFrom(fixed, [part], 13, () => true)!;
  assert.deepEqual(
    plan.prompts.map(({ object, mask_of, points }) => [object, mask_of, points.length]),
    [
      ["a", "t1", 1],
      ["b", "t1", 0],
    ],
  );
});

test("an object out of sight where a stopped track goes on stays out of sight; one tracked to the end keeps its masks", () => {
  const doc = clicked({ a: [[0, 1, 1]], b: [[0, 9, 9]] });
  const prompts = promptsOf(doc);
  const stopped = trackOver("t1", ["a", "b"], { prompts, frames: [[0, 80]], status: "cancelled" });
  const plan = planFrom(doc, [stopped], 80, (object) => object === "b")!;
  assert.deepEqual(plan.objects, ["a", "b"]);
  assert.deepEqual(
    plan.prompts.map(({ object, frame, mask_of }) => [object, frame, mask_of]),
    [
      ["a", 80, "t1"],
      ["b", 80, "t1"],
    ],
  );
  const onward = trackOver("t2", plan.objects, { start_frame: 80, prompts: plan.prompts, frames: [[80, 89]] });
  assert.deepEqual(untracked(doc, [stopped, onward]), []);
  assert.equal(staleFrom(doc, [stopped, onward], "a"), null);
  const found = addClick({ ...doc, active: "a" }, 85, { x: 5, y: 5, foreground: true }, null);
  assert.equal(staleFrom(found, [stopped, onward], "a"), 85);

  const whole = trackOver("t1", ["a", "b"], { prompts });
  assert.deepEqual(planFrom(doc, [whole], 80, (object) => object === "b")!.objects, ["b"]);
});

test("nothing is planned from a frame with nothing in sight, unless a later click shows an object", () => {
  const doc = clicked({ a: [[0, 1, 1]] });
  const stopped = trackOver("t1", ["a"], { prompts: promptsOf(doc), frames: [[0, 80]], status: "cancelled" });
  assert.equal(
    planFrom(doc, [stopped], 80, () => false),
    null,
  );
  const later = addClick(doc, 85, { x: 5, y: 5, foreground: true }, null);
  assert.deepEqual(
    planFrom(later, [stopped], 80, () => false)!.prompts.map(({ frame }) => frame),
    [80, 85],
  );
});

test("the last frame with an object in sight is found before another frame", () => {
  const lanes = { start_frame: 10, objects: { a: [0.9, 0.5, null, null, 0.8], b: [null, null] } };
  assert.equal(lastSeen(lanes, "a", 14), 11);
  assert.equal(lastSeen(lanes, "a", 90), 14);
  assert.equal(lastSeen(lanes, "a", 10), null);
  assert.equal(lastSeen(lanes, "a", 3), null);
  assert.equal(lastSeen(lanes, "b", 90), null);
  assert.equal(lastSeen(lanes, "c", 90), null);
});
