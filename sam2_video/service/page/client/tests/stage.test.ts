import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteCache } from "../stage/byte_cache";
import type { Layer } from "../stage/mask_files";
import type { PreviewStatus } from "../stage/preview";
import { statusOf } from "../stage/status";
import { Viewport } from "../stage/viewport";
import type { Doc } from "../state/document";
import { isMarkNew } from "../state/tracked";
import { clicked, trackOver } from "./page";

test("a cache drops what was used longest ago, and never its newest value", () => {
  const dropped: string[] = [];
  const cache = new ByteCache<string>(10, (value) => dropped.push(value));
  cache.set("a", "A", 4);
  cache.set("b", "B", 4);
  cache.get("a");
  cache.set("c", "C", 4);
  assert.deepEqual(dropped, ["B"]);
  cache.set("d", "D", 100);
  assert.deepEqual([dropped, cache.get("d"), cache.get("a")], [["B", "A", "C"], "D", undefined]);
});

test("a picture is fitted into the middle, and zoomed about a point", () => {
  const viewport = new Viewport();
  viewport.resize({ width: 1024, height: 824 }, { width: 500, height: 200 });
  assert.deepEqual([viewport.scale, viewport.left, viewport.top], [2, 12, 212]);
  const about = { x: 300, y: 400 };
  const before = viewport.pictureAt(about);
  viewport.zoomTo(3, about);
  assert.ok(Math.abs(viewport.pictureAt(about).x - before.x) < 1e-9);
  assert.equal(viewport.zoom, 3);
  viewport.zoomTo(0.2);
  assert.deepEqual([viewport.zoom, viewport.left, viewport.top], [1, 12, 212]);
});

test("a zoomed picture leaves no gap when it is moved, and keeps its middle when the area changes", () => {
  const viewport = new Viewport();
  viewport.resize({ width: 424, height: 224 }, { width: 400, height: 200 });
  viewport.zoomTo(4);
  viewport.move(1e4, 1e4);
  assert.deepEqual([viewport.left, viewport.top], [12, 12]);
  viewport.zoomTo(4, { x: 12, y: 12 });
  viewport.move(-600, -300);
  const middle = viewport.pictureAt({ x: 212, y: 112 });
  viewport.resize({ width: 824, height: 424 }, { width: 400, height: 200 });
  const after = viewport.pictureAt({ x: 412, y: 212 });
  assert.ok(Math.hypot(after.x - middle.x, after.y - middle.y) < 1e-6);
});

test("a mark is new until the mask of its frame was made with it", () => {
  const doc = clicked({ a: [[3, 10, 20]] });
  const prompt = { object: "a", frame: 3, points: [[10, 20]] as const, labels: [1] as const, box: null, mask_of: null };
  assert.equal(isMarkNew(doc, [], "a", 3), true);
  assert.equal(isMarkNew(doc, [], "a", 4), false);
  const track = trackOver("t1", ["a"], { prompts: [prompt] });
  assert.equal(isMarkNew(doc, [track], "a", 3), false);
  assert.equal(isMarkNew(clicked({ a: [[3, 10, 20], [3, 11, 20]] }), [track], "a", 3), true); // biome-ignore format: as it is
  const running = { ...track, id: "t2", frames: [] as const };
  assert.equal(isMarkNew(doc, [running], "a", 3), true); // its mask is not here yet
});

test("the stage says what to do next", () => {
  const seen: Layer = { indices: new Uint8Array(1), value: 1, box: [0, 0, 1, 1] };
  const says = (doc: Doc, rest: Partial<Parameters<typeof statusOf>[0]> = {}) =>
    statusOf({
      doc,
      tracks: [],
      frame: 0,
      masks: new Map(),
      isStale: () => false,
      preview: { kind: "idle" },
      tool: "add",
      isTouch: false,
      ...rest,
    }).text;
  const doc = clicked({ a: [[0, 1, 1]] });
  const preview = (status: PreviewStatus) => says(doc, { preview: status });
  assert.equal(says(clicked({})), "Click on what you want to cut out.");
  assert.equal(says(clicked({}), { isTouch: true }), "Tap on what you want to cut out.");
  assert.equal(says(clicked({}), { tool: "box" }), "Drag a box around what you want to cut out.");
  assert.equal(preview({ kind: "working" }), "Finding the object…");
  assert.equal(preview({ kind: "starting" }), "The model is starting…");
  assert.equal(preview({ kind: "waiting" }), "Waiting for the model…");
  assert.equal(preview({ kind: "failed", sentence: "No." }), "No.");
  const masks = new Map([["a", seen]]);
  assert.equal(says(doc, { masks }), "Selected. Click to add, right-click to remove.");
  assert.equal(says(doc, { masks, isTouch: true }), "Selected. Tap to add, press and hold to remove.");
  assert.equal(says(doc, { masks, tool: "remove" }), "Selected. Click to remove.");
  assert.match(says(doc, { masks, isStale: () => true }), /^This mask is out of date/);
  const two = clicked({ b: [[0, 9, 9]], a: [[0, 1, 1]] });
  assert.equal(says(two, { masks }), "a: click to add, right-click to remove.");
  assert.equal(says(two, { masks, tool: "remove" }), "a: click to remove.");
  assert.match(says(two, { masks, isStale: () => true }), /^a is out of date/);
  assert.match(says(doc), /Nothing was found/);
  assert.match(says(doc, { frame: 5 }), /Not tracked here yet/);
  assert.match(says(doc, { frame: 5, tracks: [trackOver("t", ["a"])] }), /a is not in sight here/);
});
