import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen, docOfJson, InputError, requestOf } from "../panels/request";
import { addBox, addClick, type Doc, hideObject } from "../state/document";
import { LOOK } from "../state/look";
import { clicked, FIELDS, VIDEO } from "./page";

const two = (): Doc => {
  let doc = clicked({
    Dog: [
      [0, 10, 20],
      [40, 30, 40.25],
    ],
    "cat, big": [[0, 100, 200]],
  });
  doc = addClick({ ...doc, active: "Dog" }, 0, { x: 1, y: 2, foreground: false }, null);
  return addBox(doc, 40, [5, 6, 70, 80], null);
};

const read = (given: Record<string, unknown>, doc = two()): Doc => docOfJson(JSON.stringify(given), doc, VIDEO, FIELDS);

test("clicks and boxes become lists, object by object and frame by frame", () => {
  const inputs = requestOf(two(), VIDEO, FIELDS);
  assert.equal(inputs.click_coordinates, "[10,20],[1,2],[30,40.3],[100,200]");
  assert.equal(inputs.click_labels, "1,0,1,1");
  assert.equal(inputs.click_frames, "0,0,40,0");
  assert.equal(inputs.click_object_ids, "Dog,Dog,Dog,cat big");
  assert.equal(inputs.box_coordinates, "[5,6,70,80]");
  assert.equal(inputs.box_frames, "40");
  assert.equal(inputs.box_object_ids, "Dog");
  assert.equal(inputs.input_video, "clip.mp4");
  assert.equal(inputs.end_frame, -1);
});

test("a hidden object is not asked for", () => {
  const inputs = requestOf(hideObject(two(), "Dog", true), VIDEO, FIELDS);
  assert.equal(inputs.click_object_ids, "cat big");
  assert.equal(inputs.box_coordinates, "");
});

test("what is chosen leaves defaults out, and tells the hosted inputs from the others", () => {
  const doc = { ...two(), look: { ...LOOK, view: "cutout" as const, form: "mov" as const } };
  const { hosted, own } = chosen(requestOf(doc, VIDEO, FIELDS), FIELDS);
  assert.equal(hosted.mask_type, "alpha");
  assert.equal("output_quality" in hosted, false);
  assert.equal(own.video_format, "mov");
  assert.equal("mask_expand" in own, false);
});

test("a request read back is the same document", () => {
  for (const view of ["highlight", "color", "matte"] as const) {
    for (const rest of [{}, { fps: 12, form: "webm" as const }, { form: "png" as const, interval: 3, expand: -4 }]) {
      const doc = { ...two(), look: { ...LOOK, view, ...rest }, range: { start: 0, end: 60 } };
      const again = read(requestOf(doc, VIDEO, FIELDS), doc);
      assert.deepEqual(requestOf(again, VIDEO, FIELDS), requestOf(doc, VIDEO, FIELDS));
      assert.deepEqual(again.look, doc.look);
      assert.deepEqual(again.objects, doc.objects);
      assert.deepEqual(again.range, doc.range);
      assert.equal(again.marks.length, doc.marks.length);
    }
  }
});

test("some inputs change only what they name", () => {
  const doc = read({ mask_type: "greenscreen", background_color: "#112233", mask_feather: 3 });
  assert.deepEqual([doc.look.view, doc.look.color, doc.look.feather], ["color", "#112233", 3]);
  assert.deepEqual(doc.objects, two().objects);
});

test("points for new objects make them; objects without points are removed, hidden ones kept", () => {
  const before = hideObject(two(), "cat, big", true);
  const doc = read({ click_coordinates: "[[1,2],[3,4]]", click_object_ids: "bird, boat", box_coordinates: "" }, before);
  assert.deepEqual(
    doc.objects.map(({ name }) => name),
    ["cat, big", "bird", "boat"],
  );
  assert.equal(doc.active, "cat, big");
  assert.deepEqual(
    doc.marks.map(({ clicks }) => clicks.length),
    [1, 1, 1],
  );
});

test("points without names get objects of their own; one name stands for all", () => {
  const input = { click_coordinates: "[1,2],[3,4]", click_labels: "1", click_frames: "0", box_coordinates: "" };
  const names = (doc: Doc) => doc.objects.map(({ name }) => name);
  assert.deepEqual(names(read({ ...input, click_object_ids: "" })), ["object_1", "object_2"]);
  assert.deepEqual(names(read({ ...input, click_object_ids: "Dog" })), ["Dog"]);
});

const WRONG: readonly [given: Record<string, unknown> | string, says: RegExp][] = [
  ["{", /not JSON yet/],
  ["[]", /Write an object/],
  [{ mask_typ: "alpha" }, /no input "mask_typ".*"mask_type"/],
  [{ video_fps: "30" }, /video_fps has to be a whole number/],
  [{ video_fps: 1.5 }, /video_fps has to be a whole number/],
  [{ video_fps: 99 }, /video_fps has to be from 1 to 60/],
  [{ output_video: "true" }, /output_video has to be true or false/],
  [{ click_coordinates: 3 }, /click_coordinates has to be text/],
  [{ click_coordinates: "1,2" }, /look like "\[320,180\]/],
  [{ click_coordinates: "[9999,2]" }, /Point 1 .* outside the 640 × 360 picture/],
  [{ click_labels: "2" }, /click_labels has to be 0 or 1.*"2"/],
  [{ click_frames: "90" }, /click_frames has to be frames from 0 to 89/],
  [{ box_coordinates: "[5,6,5,8]" }, /left,top,right,bottom/],
  [{ mask_type: "indexed" }, /cannot show mask_type "indexed"/],
  [{ mask_type: "alpha", output_video: true, video_format: "mp4" }, /MP4 has no transparency/],
  [{ background_color: "green" }, /background_color has to be a colour/],
  [{ start_frame: 50, end_frame: 20 }, /in order/],
  [{ input_video: "other.mp4" }, /The video stays as it is/],
  [{ output_frame_interval: 0 }, /at least 1/],
];

for (const [given, says] of WRONG) {
  const text = typeof given === "string" ? given : JSON.stringify(given);
  test(`${text} is wrong JSON, and why`, () => {
    assert.throws(
      () => docOfJson(text, two(), VIDEO, FIELDS),
      (error) => error instanceof InputError && says.test(error.message),
    );
  });
}
