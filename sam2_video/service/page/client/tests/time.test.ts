import assert from "node:assert/strict";
import { test } from "node:test";
import { frameText, ticksOf, timecode } from "../timeline/time";

for (const [frame, rate, text] of [
  [0, 24, "00:00:00:00"],
  [11, 24, "00:00:00:11"],
  [96, 24, "00:00:04:00"],
  [30, 29.97, "00:00:01:00"], // counted as 30, without dropped frames
  [1799, 29.97, "00:00:59:29"],
  [108_000, 30, "01:00:00:00"],
  [25, 12.5, "00:00:02:00"],
  [12, 12.5, "00:00:00:12"],
  [13, 12.5, "00:00:01:00"],
  [3, 0.5, "00:00:06:00"],
  [61, 60, "00:00:01:01"],
] as const) {
  test(`frame ${frame} at ${rate} frames a second is ${text}`, () => assert.equal(timecode(frame, rate), text));
}

test("a frame in words counts from 1", () => {
  assert.equal(frameText(11, 96, 24), "Frame 12 of 96, 00:00:00:11");
});

test("labels of the ruler keep their distance, for any length and width", () => {
  for (const count of [2, 10, 96, 289, 10_000, 500_000]) {
    for (const rate of [0.5, 12.5, 24, 29.97, 60, 240]) {
      for (const width of [250, 900, 2200]) {
        const ticks = ticksOf(count, rate, width);
        const labelled = ticks.filter(({ label }) => label).map(({ frame }) => (frame / count) * width);
        assert.ok(ticks.length <= width / 4, `${ticks.length} ticks: ${[count, rate, width]}`);
        assert.ok(labelled[0] === 0);
        labelled.forEach((x, index) => {
          if (index) assert.ok(x - labelled[index - 1]! > 60, `${[count, rate, width]}: ${labelled.slice(0, 4)}`);
        });
      }
    }
  }
});

test("long videos have labels of whole seconds, short ones of frames", () => {
  const labels = (count: number) =>
    ticksOf(count, 24, 900)
      .map(({ label }) => label)
      .filter((label) => label);
  assert.deepEqual(labels(240).slice(0, 3), ["0:00", "0:01", "0:02"]);
  assert.deepEqual(labels(24).slice(0, 3), ["0:00", "3f", "5f"]);
});
