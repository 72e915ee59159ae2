import assert from "node:assert/strict";
import { test } from "node:test";
import { addClick, addObject, moveClick } from "../editing";
import { colourOf, namesOf, stringsOf } from "../store";
import { click, FIELDS, openPage, VIDEO } from "./page";

test("undo and redo go through the clicks, and the strings follow", () => {
  const store = openPage();
  addClick(store, 1, 1, true);
  addClick(store, 2, 2, true);
  store.undo();
  assert.equal(store.state.values.click_coordinates, "[1,1]");
  store.undo();
  assert.equal(store.state.values.click_coordinates, "");
  assert.equal(store.canUndo, false);
  store.redo();
  store.redo();
  assert.equal(store.state.values.click_coordinates, "[1,1],[2,2]");
  assert.equal(store.canRedo, false);
});

test("a new click ends what could be redone", () => {
  const store = openPage();
  addClick(store, 1, 1, true);
  store.undo();
  addClick(store, 2, 2, true);
  assert.equal(store.canRedo, false);
  store.redo();
  assert.equal(store.state.values.click_coordinates, "[2,2]");
});

test("a drag is one step, however many positions it passes", () => {
  const store = openPage();
  addClick(store, 1, 1, true);
  store.remember();
  for (let x = 2; x < 50; x += 1) moveClick(store, 0, x, 1, false);
  store.undo();
  assert.equal(store.state.values.click_coordinates, "[1,1]");
});

test("200 steps are kept", () => {
  const store = openPage();
  for (let x = 0; x < 250; x += 1) addClick(store, x, 1, true);
  let steps = 0;
  for (; store.canUndo; steps += 1) store.undo();
  assert.equal(steps, 200);
  assert.equal(store.state.drawing.clicks.length, 50);
});

test("objects stand in the order of their first click, those without clicks last", () => {
  const store = openPage();
  addObject(store);
  addObject(store);
  addClick(store, 1, 1, true);
  assert.deepEqual(store.state.drawing.objects, ["Object 2", "Object 1"]);
});

test("typed clicks are taken over, and the strings stay as they were written", () => {
  const store = openPage();
  store.setValue("click_coordinates", "[1, 2], [3, 4]");
  store.adopt([click(1, 2, "dog"), click(3, 4, "")]);
  assert.deepEqual(store.state.drawing.objects, ["dog"]);
  assert.equal(store.state.drawing.active, "dog");
  assert.equal(store.state.values.click_coordinates, "[1, 2], [3, 4]");
  store.undo();
  assert.deepEqual(store.state.drawing.clicks, []);
});

test("a changed input takes back the complaint about it, and no other", () => {
  const store = openPage();
  const problem = { sentence: "video_fps is 90, but must be at most 60", field: "video_fps" };
  store.update({ problem });
  store.setValue("output_quality", 50);
  assert.equal(store.state.problem, problem);
  store.setValue("video_fps", 60);
  assert.equal(store.state.problem, null);
});

test("a changed click takes back a complaint about clicks", () => {
  const store = openPage();
  store.update({ problem: { sentence: "click_frames[0] is 500", field: "click_frames" } });
  addClick(store, 1, 1, true);
  assert.equal(store.state.problem, null);
});

test("inputs of a link are read by their kind, and wrong ones are named", () => {
  const store = openPage();
  const wrong = store.setValues({
    video_fps: "25",
    output_video: "true",
    output_quality: "high",
    mask_type: "greenscreen",
    unknown: "1",
  });
  assert.deepEqual(wrong, ["output_quality"]);
  const { values } = store.state;
  assert.deepEqual(
    [values.video_fps, values.output_video, values.output_quality, values.mask_type],
    [25, true, 80, "greenscreen"],
  );
  assert.ok(!("unknown" in values));
});

test("another video starts without clicks and without steps to undo", () => {
  const store = openPage();
  addClick(store, 1, 1, true);
  store.update({ frame: 9 });
  store.clear({ video: { ...VIDEO, id: "v2" } });
  assert.deepEqual(store.state.drawing, { clicks: [], objects: [], active: "" });
  assert.equal(store.state.frame, 0);
  assert.equal(store.state.video?.id, "v2");
  assert.equal(store.canUndo, false);
});

test("a listener hears of a change with the state before it", () => {
  const store = openPage();
  const heard: [number, number][] = [];
  store.subscribe((state, before) => heard.push([before.frame, state.frame]));
  store.update({ frame: 3 });
  assert.deepEqual(heard, [
    [0, 0],
    [0, 3],
  ]);
});

test("clicks without a name belong to no object of their own", () => {
  assert.deepEqual(namesOf([click(1, 1, "b"), click(2, 2, ""), click(3, 3, "a"), click(4, 4, "b")]), ["b", "a"]);
});

test("colours repeat after the palette's end", () => {
  const store = openPage();
  for (let i = 0; i < 4; i += 1) addObject(store);
  const colours = store.state.drawing.objects.map((name) => colourOf(store.state, name));
  assert.deepEqual(colours, ["red", "green", "blue", "red"]);
});

test("without clicks the strings are the defaults", () => {
  assert.deepEqual(stringsOf([], FIELDS), {
    click_coordinates: "",
    click_labels: "1",
    click_frames: "0",
    click_object_ids: "",
  });
});
