import assert from "node:assert/strict";
import { test } from "node:test";
import { actionOf, GROUPS, isFree, type Press } from "../timeline/shortcuts";

const press = (key: string, held: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  isAltGraph: false,
  ...held,
});
const shift = { shiftKey: true };
const ctrl = { ctrlKey: true };

for (const [key, held, action] of [
  [" ", {}, "toggle"],
  ["j", {}, "backward"],
  ["k", {}, "pause"],
  ["L", {}, "forward"], // caps lock
  ["L", shift, "loop"],
  [",", {}, "previous frame"],
  [".", {}, "next frame"],
  ["ArrowLeft", {}, "previous frame"],
  ["ArrowRight", shift, "ten on"],
  ["Home", {}, "first frame"],
  ["End", {}, "last frame"],
  ["i", {}, "set in"],
  ["O", shift, "go out"],
  ["x", {}, "whole range"],
  ["[", {}, "previous mark"],
  ["]", { altKey: true, ctrlKey: true, isAltGraph: true }, "next mark"],
  ["1", {}, "choose object"],
  ["9", {}, "choose object"],
  ["0", {}, "zoom fit"],
  ["+", shift, "zoom in"],
  ["=", {}, "zoom in"],
  ["-", {}, "zoom out"],
  ["n", {}, "new object"],
  ["v", {}, "add"],
  ["a", {}, "add"],
  ["r", {}, "remove"],
  ["b", {}, "box"],
  ["h", {}, "hide object"],
  ["Delete", {}, "delete"],
  ["z", ctrl, "undo"],
  ["z", { metaKey: true }, "undo"],
  ["Z", { ...ctrl, ...shift }, "redo"],
  ["y", ctrl, "redo"],
  ["?", shift, "help"],
  ["Escape", {}, "close"],
  // The browser's own:
  ["r", ctrl, null],
  ["0", ctrl, null],
  ["+", ctrl, null],
  ["ArrowLeft", { altKey: true }, null],
  ["n", ctrl, null],
  ["z", {}, null],
  ["Tab", {}, null],
] as const) {
  test(`${JSON.stringify(key)} with ${JSON.stringify(held)} is ${action}`, () => {
    assert.equal(actionOf(press(key, held)), action);
  });
}

test("no two entries have the same key", () => {
  const seen = new Set<string>();
  for (const { entries } of GROUPS) {
    for (const { shortcuts } of entries) {
      for (const { keys, shift: shifted, ctrl: held } of shortcuts) {
        for (const key of keys) {
          for (const one of shifted === undefined ? [true, false] : [shifted]) {
            const name = `${key} ${one} ${held ?? false}`;
            assert.ok(!seen.has(name), name);
            seen.add(name);
          }
        }
      }
    }
  }
});

test("what has the focus keeps the keys that it needs", () => {
  assert.equal(isFree("toggle", "text"), false);
  assert.equal(isFree("undo", "text"), false);
  assert.equal(isFree("toggle", "button"), false);
  assert.equal(isFree("next frame", "button"), true);
  assert.equal(isFree("next frame", "slider"), false);
  assert.equal(isFree("toggle", "slider"), true);
  assert.equal(isFree("toggle", "choice"), false);
  assert.equal(isFree("ten on", "choice"), false);
  assert.equal(isFree("set in", "choice"), true);
  assert.equal(isFree("forward", "menu"), false);
  assert.equal(isFree("toggle", "other"), true);
});
