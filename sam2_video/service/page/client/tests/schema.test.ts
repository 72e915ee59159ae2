import assert from "node:assert/strict";
import { test } from "node:test";
import { type Field, fieldsOf, valueFrom } from "../state/schema";
import { FIELDS } from "./page";

const field = (name: string): Field => {
  const found = FIELDS.find((one) => one.name === name);
  assert.ok(found, name);
  return found;
};

test("the fields of the real schema stand in the interface's order", () => {
  assert.deepEqual(
    FIELDS.map((one) => [one.name, one.kind]),
    [
      ["input_video", "file"],
      ["click_coordinates", "string"],
      ["click_labels", "string"],
      ["click_frames", "string"],
      ["click_object_ids", "string"],
      ["mask_type", "choice"],
      ["annotation_type", "choice"],
      ["output_video", "boolean"],
      ["video_fps", "integer"],
      ["output_format", "choice"],
      ["output_quality", "integer"],
      ["output_frame_interval", "integer"],
      ["box_coordinates", "string"],
      ["box_frames", "string"],
      ["box_object_ids", "string"],
      ["input_masks", "file"],
      ["start_frame", "integer"],
      ["end_frame", "integer"],
      ["video_format", "choice"],
      ["separate_objects", "boolean"],
      ["keep_audio", "boolean"],
      ["output_masks", "boolean"],
      ["mask_expand", "integer"],
      ["mask_feather", "integer"],
      ["background_color", "string"],
    ],
  );
});

test("choices, bounds and defaults come from the schema", () => {
  assert.deepEqual(field("mask_type").choices, ["binary", "highlighted", "greenscreen", "alpha", "indexed"]);
  assert.deepEqual([field("video_fps").minimum, field("video_fps").maximum, field("video_fps").default], [1, 60, 30]);
  assert.equal(field("input_video").default, null);
});

test("a choice is found behind a reference, directly or within allOf", () => {
  const document = (property: object) => ({
    components: { schemas: { Input: { properties: { size: property } }, Size: { enum: ["s", "m"], type: "string" } } },
  });
  for (const property of [
    { $ref: "#/components/schemas/Size" },
    { allOf: [{ $ref: "#/components/schemas/Size" }], default: "m", "x-order": 0 },
  ]) {
    const [found] = fieldsOf(document(property));
    assert.equal(found?.kind, "choice");
    assert.deepEqual(found?.choices, ["s", "m"]);
  }
});

test("a document without inputs has no fields", () => {
  assert.deepEqual(fieldsOf({ components: { schemas: {} } }), []);
});

for (const [name, given, expected] of [
  ["output_video", "true", undefined],
  ["output_video", false, false],
  ["output_video", "yes", undefined],
  ["video_fps", "25", undefined],
  ["video_fps", 25, 25],
  ["video_fps", 12.5, undefined],
  ["video_fps", "", undefined],
  ["video_fps", Number.POSITIVE_INFINITY, undefined],
  ["click_labels", "1,0", "1,0"],
  ["click_labels", 1, undefined],
  ["mask_type", null, undefined],
] as const) {
  test(`${name} from ${JSON.stringify(given)} is ${JSON.stringify(expected)}`, () => {
    assert.equal(valueFrom(field(name), given), expected);
  });
}
