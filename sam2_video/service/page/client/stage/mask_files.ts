// Reads masks from PNG files. A canvas gives colours only, and the palette of an indexed picture
// has each colour several times, so the indices are decoded by fast-png (MIT, of image-js).

import { decode } from "fast-png";
import type { Box } from "../types";

// The mask of an object: the pixels of `indices` that have `value`.
export interface Layer {
  readonly indices: Uint8Array; // one byte a pixel of the frame
  readonly value: number;
  readonly box: Box | null; // the smallest box around the mask; null: the object is not in sight
}

// The palette indices of a picture, and the smallest box around each of them (0: not looked for).
export interface Indexed {
  readonly indices: Uint8Array;
  readonly boxes: readonly (Box | null)[];
}

// Raises an Error if the file is no PNG of this size with one value a pixel.
export function readIndexed(file: Uint8Array, width: number, height: number): Indexed {
  const indices = samplesOf(file, width, height);
  return { indices, boxes: boxesOf(indices, width, height) };
}

// From a picture that is white where the object is.
export function readMask(file: Uint8Array, width: number, height: number): Layer {
  const samples = samplesOf(file, width, height);
  const brightest = samples.reduce((most, sample) => Math.max(most, sample), 0);
  const indices = samples.map((sample) => (sample > brightest / 2 ? 1 : 0));
  return layerOf({ indices, boxes: boxesOf(indices, width, height) }, 1);
}

export const layerOf = ({ indices, boxes }: Indexed, value: number): Layer => ({
  indices,
  value,
  box: boxes[value] ?? null,
});

function samplesOf(file: Uint8Array, width: number, height: number): Uint8Array {
  const picture = decode(file);
  if (picture.width !== width || picture.height !== height) {
    throw new Error(`A mask has ${picture.width}x${picture.height} pixels, but the frame ${width}x${height}.`);
  }
  const { data, depth, channels } = picture;
  if (channels !== 1 || depth > 8) throw new Error("A mask has more than one byte a pixel.");
  return depth === 8 ? new Uint8Array(data) : unpacked(data as Uint8Array, width, height, depth);
}

// Samples of 1, 2 or 4 bits; each row begins with a new byte.
function unpacked(data: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const out = new Uint8Array(width * height);
  const stride = Math.ceil((width * depth) / 8);
  const most = (1 << depth) - 1;
  for (let y = 0, i = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, i += 1) {
      const bit = x * depth;
      out[i] = (data[y * stride + (bit >> 3)]! >> (8 - depth - (bit & 7))) & most;
    }
  }
  return out;
}

function boxesOf(indices: Uint8Array, width: number, height: number): (Box | null)[] {
  const left = new Int32Array(256).fill(width);
  const right = new Int32Array(256).fill(-1);
  const top = new Int32Array(256).fill(height);
  const bottom = new Int32Array(256).fill(-1);
  for (let y = 0, i = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, i += 1) {
      const value = indices[i]!;
      if (!value) continue;
      if (x < left[value]!) left[value] = x;
      if (x > right[value]!) right[value] = x;
      if (top[value] === height) top[value] = y;
      bottom[value] = y;
    }
  }
  return Array.from(left, (x, value) =>
    right[value]! < 0 ? null : ([x, top[value]!, right[value]! + 1, bottom[value]! + 1] as const),
  );
}
