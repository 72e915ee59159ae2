import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addClick,
  addObject,
  chooseObject,
  moveClick,
  removeClick,
  removeObject,
  renameObject,
  selectClick,
} from "../editing";
import { click, openPage } from "./page";

test("the first click makes an object, and further clicks go to it", () => {
  const store = openPage();
  addClick(store, 10, 20, true);
  store.update({ frame: 7 });
  addClick(store, 30, 40, false);
  const { drawing, selected, values } = store.state;
  assert.deepEqual(drawing.objects, ["Object 1"]);
  assert.deepEqual(drawing.clicks, [
    click(10, 20, "Object 1"),
    click(30, 40, "Object 1", { foreground: false, frame: 7 }),
  ]);
  assert.equal(selected, 1);
  assert.equal(values.click_coordinates, "[10,20],[30,40]");
  assert.equal(values.click_labels, "1,0");
  assert.equal(values.click_frames, "0,7");
  assert.equal(values.click_object_ids, "Object 1,Object 1");
});

test("a new object takes the first free number and the clicks that follow", () => {
  const store = openPage();
  addClick(store, 1, 1, true);
  addObject(store);
  addClick(store, 2, 2, true);
  assert.deepEqual(store.state.drawing.objects, ["Object 1", "Object 2"]);
  removeObject(store, "Object 1");
  addObject(store);
  assert.deepEqual(store.state.drawing.objects, ["Object 2", "Object 1"]);
  assert.equal(store.state.drawing.active, "Object 1");
});

test("a click that is dragged stays within the frame", () => {
  const store = openPage();
  addClick(store, 10, 20, true);
  moveClick(store, 0, -5, 1e6, true);
  assert.deepEqual(store.state.drawing.clicks, [click(0, 359, "Object 1")]);
  moveClick(store, 0, 639.9, 12.7, true);
  assert.deepEqual(store.state.drawing.clicks, [click(639, 12, "Object 1")]);
});

test("a click that is not there is not moved", () => {
  const store = openPage();
  const before = store.state;
  moveClick(store, 3, 1, 1, true);
  assert.equal(store.state, before);
});

test("the last click of an object goes, the object stays", () => {
  const store = openPage();
  addClick(store, 10, 20, true);
  removeClick(store, 0);
  assert.deepEqual(store.state.drawing, { clicks: [], objects: ["Object 1"], active: "Object 1" });
  assert.equal(store.state.selected, null);
  assert.equal(store.state.values.click_coordinates, "");
});

test("selecting a click chooses its object", () => {
  const store = openPage();
  addClick(store, 1, 1, true);
  addObject(store);
  addClick(store, 2, 2, true);
  selectClick(store, 0);
  assert.equal(store.state.drawing.active, "Object 1");
  chooseObject(store, "Object 2");
  assert.equal(store.state.drawing.active, "Object 2");
  assert.equal(store.state.selected, 0);
});

test("renaming an object renames its clicks", () => {
  const store = openPage();
  addClick(store, 1, 1, true);
  addObject(store);
  addClick(store, 2, 2, true);
  assert.equal(renameObject(store, "Object 1", "  red,  balloon "), true);
  assert.deepEqual(store.state.drawing.objects, ["red balloon", "Object 2"]);
  assert.equal(store.state.values.click_object_ids, "red balloon,Object 2");
  assert.equal(store.state.drawing.active, "Object 2");
});

for (const [name, reason] of [
  ["Object 2", "another object has it"],
  [" , ", "it is empty"],
] as const) {
  test(`a name is refused: ${reason}`, () => {
    const store = openPage();
    addObject(store);
    addObject(store);
    const before = store.state;
    assert.equal(renameObject(store, "Object 1", name), false);
    assert.equal(store.state, before);
  });
}

test("removing the active object chooses one that has clicks", () => {
  const store = openPage();
  addObject(store);
  addObject(store);
  addClick(store, 1, 1, true); // of Object 2
  addObject(store);
  removeObject(store, "Object 3");
  assert.equal(store.state.drawing.active, "Object 2");
  removeObject(store, "Object 2");
  assert.equal(store.state.drawing.active, "Object 1");
  removeObject(store, "Object 1");
  assert.deepEqual(store.state.drawing, { clicks: [], objects: [], active: "" });
});
