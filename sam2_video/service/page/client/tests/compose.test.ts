import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "fast-png";
import { compose, type Piece, piecesOf, type Rgb, rgbOf, type Style } from "../stage/compose";
import { coverageOf } from "../stage/edges";
import { type Layer, layerOf, readIndexed, readMask } from "../stage/mask_files";
import { LOOK } from "../state/look";
import edges from "./edges.json";
import { clicked } from "./page";

const STYLE: Style = { ...LOOK, outline: false, line: 1, cell: 2 };
const RED: Rgb = [255, 0, 0];
const BLUE: Rgb = [0, 0, 255];

// From rows of characters: the layer of one of them.
function drawn(rows: readonly string[], character = "#"): Layer {
  const width = rows[0]!.length;
  const indices = Uint8Array.from(rows.join(""), (one) => (one === character ? 1 : 0));
  return layerOf(
    readIndexed(encode({ width, height: rows.length, data: indices, channels: 1 }), width, rows.length),
    1,
  );
}

const piece = (rows: readonly string[], colour = RED, isStale = false): Piece => ({
  layer: drawn(rows),
  colour,
  isStale,
});

// The overlay's pixels as [red, green, blue, alpha].
function composed(rows: readonly string[], pieces: readonly Piece[], style: Partial<Style>): number[][] {
  const width = rows[0]!.length;
  const out = new Uint8ClampedArray(width * rows.length * 4).fill(77);
  compose(out, width, rows.length, pieces, { ...STYLE, ...style });
  return Array.from({ length: width * rows.length }, (_, i) => [...out.slice(4 * i, 4 * i + 4)]);
}

test("edges are those of the export", () => {
  // By sam2_video.video.edges: `expanded_masks`, or `feathered` of `expanded_coverage` if smooth.
  const layer = drawn(edges.mask);
  const [width, height] = [edges.mask[0]!.length, edges.mask.length];
  for (const { expand, feather, isSmooth, coverage } of edges.cases) {
    const found = coverageOf(layer, width, height, { expand, feather, isSmooth })!;
    const [left, top, right] = found.area;
    const rows = coverage.map((row) => row.match(/../g)!.map((byte) => Number.parseInt(byte, 16)));
    rows.forEach((row, y) => {
      row.forEach((wanted, x) => {
        const isInside = x >= left && x < right && y >= top && y < found.area[3];
        const got = isInside ? found.values[(y - top) * (right - left) + x - left]! : 0;
        assert.ok(Math.abs(got - wanted) <= 1, `${expand}, ${feather}: ${got} at ${x}, ${y}, but ${wanted} exported`);
      });
    });
  }
});

test("an object that the picture's border cuts does not shrink from there", () => {
  const layer = drawn(["####", "####"]);
  const found = coverageOf(layer, 4, 2, { expand: -1, feather: 0, isSmooth: false });
  assert.deepEqual([...found!.values], new Array(8).fill(255));
});

test("a highlight is in the object's colour where the object is, and nothing elsewhere", () => {
  const rows = ["#.", ".."];
  assert.deepEqual(composed(rows, [piece(rows)], { opacity: 0.5 }), [
    [255, 0, 0, 128],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ]);
});

test("where objects overlap only the later one is seen", () => {
  const pixels = composed(["##"], [piece(["##"]), piece(["#."], BLUE)], { opacity: 0.4 });
  assert.deepEqual(pixels, [
    [0, 0, 255, 102],
    [255, 0, 0, 102],
  ]);
});

test("an outline runs along the inner side, but not along the picture's border", () => {
  const rows = ["####.", "####.", "####."];
  const pixels = composed(rows, [piece(rows)], { outline: true, opacity: 0.2 });
  assert.deepEqual(
    pixels.map(([, , , alpha]) => alpha),
    [51, 51, 51, 255, 0, 51, 51, 51, 255, 0, 51, 51, 51, 255, 0],
  );
});

test("a box around the object can be shown in place of its mask", () => {
  const rows = ["......", "......", "..##..", "......", "......"];
  const pixels = composed(rows, [piece(rows)], { marking: "box" });
  const filled = pixels.map(([, , , alpha]) => (alpha === 255 ? "#" : ".")).join("");
  assert.equal(filled, "......" + ".####." + ".####." + ".####." + "......");
});

test("a cut-out shows a checkerboard where nothing is", () => {
  const pixels = composed(["#....."], [piece(["#....."])], { view: "cutout" });
  assert.equal(pixels[0]![3], 0);
  assert.deepEqual(
    pixels[1],
    pixels[4]!.map((_, i) => [102, 102, 102, 255][i]),
  );
  assert.notDeepEqual(pixels[1], pixels[2]);
});

test("a colour fills what no object covers, and covers add up", () => {
  const rows = ["#.."];
  assert.deepEqual(composed(rows, [piece(rows), piece([".#."])], { view: "color", color: "#102030" }), [
    [16, 32, 48, 0],
    [16, 32, 48, 0],
    [16, 32, 48, 255],
  ]);
});

test("a matte is white and black, with hard edges", () => {
  const rows = ["##....", "##...."];
  const pixels = composed(rows, [piece(rows)], { view: "matte", feather: 6 });
  for (const [i, pixel] of pixels.entries()) assert.deepEqual(pixel, i % 6 < 2 ? [255, 255, 255, 255] : [0, 0, 0, 255]);
});

test("what is out of date is hatched, and outlined with dashes in every view", () => {
  const rows = Array.from({ length: 12 }, () => "############....");
  const alphas = (style: Partial<Style>) =>
    new Set(composed(rows, [piece(rows, RED, true)], style).map((pixel) => pixel.join()));
  const highlighted = alphas({ opacity: 0.5 });
  assert.ok(highlighted.has("255,0,0,128") && highlighted.has("255,0,0,32") && highlighted.has("255,0,0,255"));
  assert.ok(alphas({ view: "matte" }).has("255,0,0,255"));
});

test("an object that is not in sight draws nothing", () => {
  const rows = ["..", ".."];
  assert.equal(drawn(rows).box, null);
  assert.ok(composed(rows, [piece(rows)], { outline: true, marking: "both" }).every(([, , , alpha]) => alpha === 0));
});

test("hidden objects are left out; previews replace tracked masks, are on top, and never out of date", () => {
  const doc = clicked({ a: [[0, 1, 1]], b: [[0, 1, 1]], c: [[0, 1, 1]] });
  const hidden = { ...doc, objects: doc.objects.map((one) => ({ ...one, hidden: one.id === "b" })) };
  const [tracked, preview] = [drawn(["#."]), drawn([".#"])];
  const masks = new Map(["a", "b", "c"].map((id) => [id, tracked]));
  const pieces = piecesOf(
    hidden,
    masks,
    new Map([["a", preview]]),
    () => true,
    () => RED,
  );
  assert.deepEqual(
    pieces.map(({ layer, isStale }) => [layer === preview, isStale]),
    [
      [false, true],
      [true, false],
    ],
  );
});

test("indices are read as they are, beyond the palette's first round of colours", () => {
  const data = Uint8Array.from([0, 1, 22, 22, 255, 0]);
  const palette = Array.from({ length: 256 }, (_, i) => [i % 21, 0, 0]) as [number, number, number][];
  const file = encode({ width: 3, height: 2, data, channels: 1, palette });
  const indexed = readIndexed(file, 3, 2);
  assert.deepEqual([...indexed.indices], [...data]);
  assert.deepEqual(indexed.boxes[22], [0, 0, 3, 2]);
  assert.deepEqual(indexed.boxes[1], [1, 0, 2, 1]);
  assert.equal(indexed.boxes[2], null);
  assert.throws(() => readIndexed(file, 2, 3), /3x2 pixels, but the frame 2x3/);
});

test("samples of few bits are unpacked", () => {
  const data = Uint8Array.from([0b10110000, 0b01000000]);
  const file = encode({ width: 4, height: 2, data, channels: 1, depth: 1 });
  assert.deepEqual([...readMask(file, 4, 2).indices], [1, 0, 1, 1, 0, 1, 0, 0]);
});

test("colours are read as the palette and the look write them", () => {
  assert.deepEqual(rgbOf("rgb(86 180 233)"), [86, 180, 233]);
  assert.deepEqual(rgbOf("#00FF7f"), [0, 255, 127]);
});
