import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf, projectHash, shareUrl } from "../panels/place";
import { bytesText, offerOf, rangesText, resumeFrom, whenText } from "../panels/words";
import { addClick, type Doc, promptOf } from "../state/document";
import type { Track } from "../types";
import { clicked, PROJECT, trackOver } from "./page";

const offer = (doc: Doc, tracks: readonly Track[] = [], frame = 0) =>
  offerOf({ doc, project: { ...PROJECT, tracks }, frame });

const dog = () => clicked({ Dog: [[0, 10, 20]] });
const tracked = (doc: Doc, rest: Partial<Track> = {}) =>
  trackOver("t1", ["Dog"], { prompts: doc.marks.map(promptOf), ...rest });

test("without a point of an object nothing can be tracked, and it says why", () => {
  assert.match(offer(clicked({})).why!, /Click on what you want/);
  const outside = addClick(clicked({ Dog: [] }), 0, { x: 1, y: 1, foreground: false }, null);
  assert.match(offer(outside).why!, /Click on Dog itself/);
});

test("the first time all is tracked", () => {
  assert.deepEqual(offer(dog()), {
    sentence: "1 object, 90 frames.",
    from: null,
    isTracked: false,
    isComplete: false,
    hasPoints: true,
    why: null,
  });
});

test("what changed is named, with the frame to track on from", () => {
  const before = dog();
  const doc = addClick(before, 47, { x: 5, y: 5, foreground: false }, "t1");
  const { sentence, from } = offer(doc, [tracked(before)]);
  assert.equal(sentence, "Dog changed on frame 48.");
  assert.equal(from, 47);
});

test("after a stop it says how far it came, and goes on from the last mask", () => {
  const doc = dog();
  const stopped = tracked(doc, { frames: [[0, 33]], frames_done: 34, frames_total: 90, status: "cancelled" });
  const { sentence, from, isComplete } = offer(doc, [stopped]);
  assert.equal(sentence, "Stopped after 34 of 90 frames.");
  assert.equal(from, 33);
  assert.equal(isComplete, false);
});

test("an object that was never tracked begins at the start of the range", () => {
  const doc = clicked({ Dog: [[0, 10, 20]], Cat: [[5, 1, 1]] });
  assert.equal(resumeFrom(doc, [tracked(dog())]), 0);
});

test("when all is tracked it can be exported, and tracked again from the shown frame", () => {
  const doc = dog();
  const { isComplete, from } = offer(doc, [tracked(doc)], 12);
  assert.equal(isComplete, true);
  assert.equal(from, 12);
});

test("figures in words", () => {
  assert.equal(rangesText([[34, 95]]), "Frames 35 to 96");
  assert.equal(rangesText([[3, 3]]), "Frame 4");
  assert.equal(bytesText(4_400_000), "4.4 MB");
  assert.equal(whenText("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:00:20Z")), "just now");
  assert.equal(whenText("2026-01-01T00:00:00Z", Date.parse("2026-01-01T03:00:00Z")), "3 hours ago");
});

test("the page's URL names a project, a shared copy, or the start", () => {
  assert.deepEqual(placeOf(projectHash("a&b")), { kind: "project", id: "a&b" });
  const url = shareUrl("http://localhost/#p=1", "t+1");
  assert.deepEqual(placeOf(new URL(url).hash), { kind: "share", token: "t+1" });
  assert.deepEqual(placeOf(""), { kind: "start" });
});
