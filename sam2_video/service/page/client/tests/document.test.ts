import assert from "node:assert/strict";
import { test } from "node:test";
import * as edit from "../state/document";
import { inputsOf, LOOK, withView } from "../state/look";
import { clicked, openPage, PROJECT, VIDEO } from "./page";

const at = (x: number, y: number, foreground = true) => ({ x, y, foreground });

test("the first click makes an object, further ones join the active object", () => {
  let doc = edit.addClick(edit.emptyDoc(VIDEO), 3, at(1, 2), null);
  doc = edit.addClick(doc, 3, at(4, 5, false), null);
  assert.deepEqual(
    doc.objects.map(({ name }) => name),
    ["Object 1"],
  );
  assert.deepEqual(edit.markOf(doc, doc.active!, 3)?.clicks, [at(1, 2), at(4, 5, false)]);
});

test("a mark without clicks and box is gone", () => {
  const doc = clicked({ a: [[0, 1, 1]] });
  assert.deepEqual(edit.removeClick(doc, "a", 0, 0).marks, []);
  const boxed = edit.addBox(doc, 0, [1, 2, 3, 4], null);
  assert.equal(edit.removeClick(boxed, "a", 0, 0).marks.length, 1);
  assert.deepEqual(edit.removeBox(edit.removeClick(boxed, "a", 0, 0), "a", 0).marks, []);
});

test("a name is taken once, and never empty", () => {
  const doc = clicked({ a: [], b: [] });
  assert.equal(edit.renameObject(doc, "a", " b "), null);
  assert.equal(edit.renameObject(doc, "a", "  "), null);
  assert.equal(edit.renameObject(doc, "a", " my  dog ")?.objects[0]?.name, "my dog");
  const named = edit.renameObject(doc, "a", "Object 1")!;
  assert.equal(edit.addObject(named).objects.at(-1)?.name, "Object 2");
});

test("removing an object removes its marks and makes another one active", () => {
  const doc = edit.removeObject(clicked({ a: [[0, 1, 1]], b: [[0, 2, 2]] }), "b");
  assert.deepEqual([doc.active, doc.marks.length, doc.objects.length], ["a", 1, 1]);
});

test("undo and redo bring objects and marks back, and leave the look", () => {
  const store = openPage();
  store.edit((doc) => edit.addClick(doc, 0, at(1, 1), null));
  store.edit((doc) => edit.addClick(doc, 0, at(2, 2), null));
  store.adjust((doc) => ({ ...doc, look: { ...doc.look, expand: 7 } }));
  store.undo();
  assert.equal(store.state.doc?.marks[0]?.clicks.length, 1);
  assert.equal(store.state.doc?.look.expand, 7);
  store.undo();
  assert.deepEqual([store.state.doc?.objects.length, store.canUndo], [0, false]);
  store.redo();
  store.redo();
  assert.deepEqual([store.state.doc?.marks[0]?.clicks.length, store.canRedo], [2, false]);
});

test("a drag is one step of undo, and 200 steps are kept", () => {
  const store = openPage();
  store.edit((doc) => edit.addClick(doc, 0, at(1, 1), null));
  store.remember();
  for (let x = 2; x < 50; x += 1) store.adjust((doc) => edit.moveClick(doc, "o1", 0, 0, { x, y: 1 }));
  store.undo();
  assert.equal(store.state.doc?.marks[0]?.clicks[0]?.x, 1);
  for (let x = 0; x < 250; x += 1) store.edit((doc) => edit.addClick(doc, 0, at(x, 1), null));
  let steps = 0;
  for (; store.canUndo; steps += 1) store.undo();
  assert.equal(steps, 200);
});

test("a saved document is restored, and anything else gives an empty one", () => {
  const store = openPage();
  const doc = clicked({ a: [[4, 1, 1]] });
  store.open({ ...PROJECT, document: JSON.parse(JSON.stringify({ ...doc, frame: 12 })) });
  assert.deepEqual([store.state.doc?.marks, store.state.frame], [doc.marks, 12]);
  for (const broken of [null, 5, {}, { objects: 1 }]) {
    assert.deepEqual(edit.docOf(broken, VIDEO), edit.emptyDoc(VIDEO));
  }
});

test("an example brings its clicks", () => {
  const click = { object: "o1", name: "Plum", frame: 0, x: 4, y: 5, foreground: true };
  const doc = edit.exampleDoc([click, { ...click, object: "o2", name: "Peacock" }], VIDEO);
  assert.deepEqual(
    doc.objects.map(({ name }) => name),
    ["Plum", "Peacock"],
  );
  assert.equal(doc.active, "o1");
  assert.equal(doc.marks.length, 2);
});

test("a cut-out is never exported as a form without transparency", () => {
  const look = withView(LOOK, "cutout", VIDEO);
  assert.equal(look.form, "mov");
  const inputs = inputsOf(look, VIDEO, { start: 2, end: 5 });
  assert.deepEqual(
    [inputs.mask_type, inputs.output_video, inputs.video_format, inputs.keep_audio, inputs.end_frame],
    ["alpha", true, "mov", true, 5],
  );
  const picture = { ...VIDEO, num_frames: 1 };
  assert.equal(withView(LOOK, "matte", picture).form, "png");
  assert.equal(edit.emptyDoc(picture).look.form, "png");
});
