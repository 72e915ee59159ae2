import assert from "node:assert/strict";
import { test } from "node:test";
import { type Scene, targetOfBox, targetOfClick } from "../stage/click_target";
import type { Layer } from "../stage/mask_files";
import type { Doc } from "../state/document";
import type { Box } from "../types";
import { clicked, trackOver, VIDEO } from "./page";

const { width, height } = VIDEO; // the diagonal has 734 pixels, 6 % of it are 44

function filled(box: Box | null): Layer {
  const indices = new Uint8Array(width * height);
  const [x1, y1, x2, y2] = box ?? [0, 0, 0, 0];
  for (let y = y1; y < y2; y += 1) indices.fill(1, y * width + x1, y * width + x2);
  return { indices, value: 1, box };
}

const scene = (doc: Doc, boxes: Readonly<Record<string, Box | null>>, rest: Partial<Scene> = {}): Scene => ({
  doc,
  tracks: [],
  frame: 0,
  width,
  height,
  masks: new Map(Object.entries(boxes).map(([id, box]) => [id, filled(box)])),
  ...rest,
});

const LEFT: Box = [100, 100, 200, 200];
const RIGHT: Box = [400, 100, 500, 200];
const one = clicked({ a: [[0, 150, 150]] });
const two = clicked({ b: [[0, 450, 150]], a: [[0, 150, 150]] }); // a is active
const add = { kind: "add", maskOf: null };

test("the first click makes the first object", () => {
  assert.deepEqual(targetOfClick(scene(clicked({}), {}), { x: 5, y: 5 }, true), add);
});

test("a click on the object's mask, or near it, adds to it", () => {
  const found = scene(one, { a: LEFT });
  assert.deepEqual(targetOfClick(found, { x: 120, y: 190 }, true), add);
  assert.deepEqual(targetOfClick(found, { x: 240, y: 150 }, true), add);
});

test("a click well outside of the object's mask asks", () => {
  assert.deepEqual(targetOfClick(scene(one, { a: LEFT }), { x: 250, y: 150 }, true), { kind: "ask", objects: ["a"] });
  assert.deepEqual(targetOfClick(scene(one, { a: null }), { x: 250, y: 150 }, true), { kind: "ask", objects: ["a"] });
});

test("a click near another object's mask offers the active object and that one", () => {
  const target = targetOfClick(scene(two, { a: LEFT, b: RIGHT }), { x: 520, y: 150 }, true);
  assert.deepEqual(target, { kind: "ask", objects: ["a", "b"] });
});

test("a click on another object's mask chooses that object", () => {
  const target = targetOfClick(scene(two, { a: LEFT, b: RIGHT }), { x: 450, y: 150 }, true);
  assert.deepEqual(target, { kind: "choose", object: "b" });
});

test("a click on another object's point chooses that object, unless the active one is looked for", () => {
  const found = scene(two, { a: LEFT, b: RIGHT });
  const onOwnMask = { x: 150, y: 150 };
  for (const foreground of [true, false]) {
    assert.deepEqual(targetOfClick(found, onOwnMask, foreground, "b"), { kind: "choose", object: "b" });
  }
  const doc: Doc = { ...two, objects: [...two.objects, { id: "c", name: "c", hidden: false }], active: "c" };
  assert.deepEqual(targetOfClick(scene(doc, { a: LEFT, b: RIGHT }), onOwnMask, true, "b"), add);
});

test("where masks overlap the active object is meant", () => {
  assert.deepEqual(targetOfClick(scene(two, { a: LEFT, b: LEFT }), { x: 150, y: 150 }, true), add);
});

test("an object without marks takes over any place", () => {
  const doc: Doc = { ...one, objects: [...one.objects, { id: "b", name: "b", hidden: false }], active: "b" };
  assert.deepEqual(targetOfClick(scene(doc, { a: LEFT }), { x: 150, y: 150 }, true), add);
});

test("an object that tracking has lost takes over what another has taken", () => {
  const found = scene(two, { a: null, b: LEFT }, { frame: 7 });
  assert.deepEqual(targetOfClick(found, { x: 150, y: 150 }, true), add);
  assert.deepEqual(targetOfClick(found, { x: 150, y: 150 }, false), { kind: "choose", object: "b" });
  const inSight = scene(two, { a: RIGHT, b: LEFT }, { frame: 7 });
  assert.deepEqual(targetOfClick(inSight, { x: 150, y: 150 }, true), { kind: "choose", object: "b" });
});

test("while its preview is not here a click adds to the marked object", () => {
  assert.deepEqual(targetOfClick(scene(one, {}), { x: 600, y: 300 }, true), add);
});

test("a click adds to an object that is not in sight on a frame without marks", () => {
  const found = scene(one, { a: null }, { frame: 7, tracks: [trackOver("t1", ["a"])] });
  assert.deepEqual(targetOfClick(found, { x: 600, y: 300 }, true), add);
});

test("the first click on a tracked frame refines the tracked mask", () => {
  const tracks = [trackOver("t1", ["a"])];
  const later = scene(one, { a: LEFT }, { frame: 7, tracks });
  assert.deepEqual(targetOfClick(later, { x: 150, y: 150 }, true), { kind: "add", maskOf: "t1" });
  assert.deepEqual(targetOfClick(later, { x: 150, y: 150 }, false), { kind: "add", maskOf: "t1" });
  const marked = scene(one, { a: LEFT }, { frame: 0, tracks });
  assert.deepEqual(targetOfClick(marked, { x: 150, y: 150 }, true), add);
});

test("a background click needs something to take away from", () => {
  assert.equal(targetOfClick(scene(clicked({}), {}), { x: 5, y: 5 }, false).kind, "refuse");
  assert.equal(targetOfClick(scene(one, {}, { frame: 7 }), { x: 5, y: 5 }, false).kind, "refuse");
  assert.deepEqual(targetOfClick(scene(one, {}), { x: 600, y: 300 }, false), add);
});

test("a background click takes away from the active object, unless it is on another's mask", () => {
  const found = scene(two, { a: LEFT, b: RIGHT });
  assert.deepEqual(targetOfClick(found, { x: 300, y: 300 }, false), add);
  assert.deepEqual(targetOfClick(found, { x: 450, y: 150 }, false), { kind: "choose", object: "b" });
  const leaked = scene(two, { a: [100, 100, 500, 200], b: RIGHT });
  assert.deepEqual(targetOfClick(leaked, { x: 450, y: 150 }, false), add);
});

test("a box around the object is its own; one elsewhere asks", () => {
  const found = scene(two, { a: LEFT, b: RIGHT });
  assert.deepEqual(targetOfBox(found, [90, 90, 210, 210]), add);
  assert.deepEqual(targetOfBox(found, [390, 90, 510, 210]), { kind: "ask", objects: ["a", "b"] });
  assert.deepEqual(targetOfBox(found, [250, 250, 300, 300]), { kind: "ask", objects: ["a"] });
  assert.deepEqual(targetOfBox(scene(clicked({}), {}), [1, 1, 9, 9]), add);
});
