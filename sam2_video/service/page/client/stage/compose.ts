// From masks to what lies on the picture: pure functions, from and to typed arrays.

import type { Doc } from "../state/document";
import type { Look } from "../state/look";
import { type Coverage, coverageOf } from "./edges";
import type { Layer } from "./mask_files";

export type Rgb = readonly [red: number, green: number, blue: number];

// An object as it is drawn.
export interface Piece {
  readonly layer: Layer;
  readonly colour: Rgb;
  readonly isStale: boolean; // the mask contradicts the marks: hatched, with a dashed outline
}

export interface Style extends Pick<Look, "view" | "opacity" | "outline" | "marking" | "color" | "expand" | "feather"> {
  readonly line: number; // pixels of the frame that an outline is wide
  readonly cell: number; // and a square of the checkerboard, and a stripe
}

const HALF = 128; // coverage from which on a pixel counts as the object's
const CHECKS: readonly [Rgb, Rgb] = [
  [102, 102, 102],
  [153, 153, 153],
];

// What is shown of each object: previews in place of tracked masks, and nothing of hidden objects.
// Previews are on top, so that what a click has changed is seen.
export function piecesOf(
  doc: Doc,
  masks: ReadonlyMap<string, Layer>,
  previews: ReadonlyMap<string, Layer>,
  isStale: (object: string) => boolean,
  colourOf: (object: string) => Rgb,
): Piece[] {
  const ids = doc.objects.filter(({ hidden }) => !hidden).map(({ id }) => id);
  const ordered = [...ids.filter((id) => !previews.has(id)), ...ids.filter((id) => previews.has(id))];
  return ordered.flatMap((id) => {
    const layer = previews.get(id) ?? masks.get(id);
    return layer ? [{ layer, colour: colourOf(id), isStale: !previews.has(id) && isStale(id) }] : [];
  });
}

// Draws an overlay: RGBA, not premultiplied, `width` x `height` pixels, over the whole of `out`.
export function compose(
  out: Uint8ClampedArray,
  width: number,
  height: number,
  pieces: readonly Piece[],
  style: Style,
): void {
  const pixels = new Uint32Array(out.buffer, out.byteOffset, width * height);
  // The export softens no matte, and grows edges smoothly only where they can be soft.
  const feather = style.view === "matte" ? 0 : style.feather;
  const edges = { expand: style.expand, feather, isSmooth: style.view === "cutout" || feather > 0 };
  const drawn = pieces.flatMap((piece) => {
    const coverage = coverageOf(piece.layer, width, height, edges);
    return coverage ? [{ ...piece, coverage }] : [];
  });
  if (style.view === "highlight") {
    pixels.fill(0);
    if (style.marking !== "box") for (const piece of drawn) tint(pixels, width, piece, style);
  } else {
    fillGround(pixels, width, height, style);
    for (const { coverage } of drawn) uncover(pixels, width, coverage, style.view === "matte");
  }
  const isOutlined = style.view === "highlight" && style.outline && style.marking !== "box";
  for (const { coverage, colour, isStale } of drawn) {
    if (isStale || isOutlined) outline(pixels, width, height, coverage, packed(colour), style.line, isStale);
    if (style.view === "highlight" && style.marking !== "mask") {
      drawBox(pixels, width, height, coverage, packed(colour));
    }
  }
}

// "rgb(86 180 233)" or "#56b4e9".
export function rgbOf(colour: string): Rgb {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  const parts = hex ? hex.slice(1).map((part) => Number.parseInt(part, 16)) : (colour.match(/\d+/g) ?? []).map(Number);
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}

// The bytes red, green, blue, alpha as a number; every browser's machine is little-endian.
const packed = ([red, green, blue]: Rgb, alpha = 255): number =>
  ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

// Where objects overlap the later one is on top, and nothing is seen of the one below.
function tint(
  pixels: Uint32Array,
  width: number,
  { coverage, colour, isStale }: Piece & { coverage: Coverage },
  style: Style,
): void {
  const [left, top, right, bottom] = coverage.area;
  const full = Math.round(style.opacity * 255);
  const solid = packed(colour, full);
  const faint = packed(colour, Math.round(full / 4));
  for (let y = top, from = 0; y < bottom; y += 1) {
    for (let x = left, i = y * width + left; x < right; x += 1, i += 1, from += 1) {
      const share = coverage.values[from]!;
      if (!share) continue;
      const whole = isStale && ((x + y) / style.cell) & 1 ? faint : solid;
      pixels[i] = share === 255 ? whole : mixed(pixels[i]!, whole, share / 255);
    }
  }
}

// From one colour to another, as if they were premultiplied.
function mixed(below: number, above: number, share: number): number {
  const over = (above >>> 24) * share;
  const under = (below >>> 24) * (1 - share);
  const alpha = over + under;
  if (alpha < 0.5) return 0;
  const part = (shift: number) =>
    Math.round((((above >>> shift) & 255) * over + ((below >>> shift) & 255) * under) / alpha);
  return packed([part(0), part(8), part(16)], Math.round(alpha));
}

function fillGround(pixels: Uint32Array, width: number, height: number, style: Style): void {
  if (style.view === "matte") pixels.fill(packed([0, 0, 0]));
  else if (style.view === "color") pixels.fill(packed(rgbOf(style.color)));
  else {
    const [even, odd] = [0, 1].map((first) =>
      Uint32Array.from({ length: width }, (_, x) => packed(CHECKS[(Math.floor(x / style.cell) + first) % 2]!)),
    );
    for (let y = 0; y < height; y += 1) pixels.set(Math.floor(y / style.cell) % 2 ? odd! : even!, y * width);
  }
}

// Makes the ground transparent, or white for a matte, where an object is. Two objects that each
// cover a part of a pixel cover the sum of it.
function uncover(pixels: Uint32Array, width: number, { area, values }: Coverage, isMatte: boolean): void {
  const [left, top, right, bottom] = area;
  const white = packed([255, 255, 255]);
  for (let y = top, from = 0; y < bottom; y += 1) {
    for (let i = y * width + left, end = y * width + right; i < end; i += 1, from += 1) {
      const share = values[from]!;
      if (isMatte) {
        if (share >= HALF) pixels[i] = white;
      } else if (share) {
        const pixel = pixels[i]!;
        pixels[i] = ((Math.max(0, (pixel >>> 24) - share) << 24) | (pixel & 0xffffff)) >>> 0;
      }
    }
  }
}

// Along the inner side of an edge; none where the border of the picture cuts the object.
function outline(
  pixels: Uint32Array,
  width: number,
  height: number,
  { area, values }: Coverage,
  colour: number,
  line: number,
  isDashed: boolean,
): void {
  const [left, top, right, bottom] = area;
  const across = right - left;
  const dash = 4 * line;
  for (let y = top, from = 0; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1, from += 1) {
      if (values[from]! < HALF) continue;
      const isEdge =
        (x >= line && (x - line < left || values[from - line]! < HALF)) ||
        (x + line < width && (x + line >= right || values[from + line]! < HALF)) ||
        (y >= line && (y - line < top || values[from - line * across]! < HALF)) ||
        (y + line < height && (y + line >= bottom || values[from + line * across]! < HALF));
      if (isEdge && !(isDashed && ((x + y) / dash) & 1)) pixels[y * width + x] = colour;
    }
  }
}

// As the export draws it: around what is covered by half or more, growing outwards.
function drawBox(pixels: Uint32Array, width: number, height: number, { area, values }: Coverage, colour: number): void {
  const across = area[2] - area[0];
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i]! < HALF) continue;
    const x = area[0] + (i % across);
    const y = area[1] + Math.floor(i / across);
    [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x + 1), Math.max(y2, y + 1)];
  }
  if (x1 >= x2) return;
  const line = Math.max(2, Math.round(Math.min(height, width) / 240));
  const left = Math.max(0, x1 - line + 1);
  const top = Math.max(0, y1 - line + 1);
  const right = Math.min(width, x2 + line - 1);
  const bottom = Math.min(height, y2 + line - 1);
  for (let y = top; y < bottom; y += 1) {
    const isEnd = y < top + line || y >= bottom - line;
    for (let x = left; x < right; x += 1) {
      if (isEnd || x < left + line || x >= right - line) pixels[y * width + x] = colour;
    }
  }
}
