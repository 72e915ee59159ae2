// Edges of masks, grown, shrunk and softened as the export does it (sam2_video/video/edges.py).

import type { Box } from "../types";
import type { Layer } from "./mask_files";

// How much of each pixel of `area` an object covers, 0 to 255; outside of it nothing.
export interface Coverage {
  readonly area: Box;
  readonly values: Uint8Array;
}

export interface Edges {
  readonly expand: number; // pixels; negative: shrink
  readonly feather: number; // pixels over which edges are softened
  readonly isSmooth: boolean; // a grown edge covers pixels in part
}

// Null if the object is not in sight.
export function coverageOf(layer: Layer, width: number, height: number, edges: Edges): Coverage | null {
  if (!layer.box) return null;
  const { expand, feather, isSmooth } = edges;
  const reach = Math.floor((feather + 1) / 2);
  const margin = expand || feather ? Math.max(expand, 0) + 1 + reach : 0;
  const [x1, y1, x2, y2] = layer.box;
  const area: Box = [
    Math.max(0, x1 - margin),
    Math.max(0, y1 - margin),
    Math.min(width, x2 + margin),
    Math.min(height, y2 + margin),
  ];
  let values = cutOut(layer, width, area);
  const across = area[2] - area[0];
  const down = area[3] - area[1];
  if (expand) values = expanded(values, across, down, expand, isSmooth);
  if (feather) values = feathered(values, across, down, reach);
  return { area, values };
}

function cutOut({ indices, value }: Layer, width: number, [left, top, right, bottom]: Box): Uint8Array {
  const values = new Uint8Array((right - left) * (bottom - top));
  for (let y = top, to = 0; y < bottom; y += 1) {
    for (let from = y * width + left, end = y * width + right; from < end; from += 1, to += 1) {
      if (indices[from] === value) values[to] = 255;
    }
  }
  return values;
}

// `expanded_masks`, or `expanded_coverage` if smooth, of a mask that has two values.
function expanded(values: Uint8Array, width: number, height: number, pixels: number, isSmooth: boolean): Uint8Array {
  const squares = squaredDistances(values, width, height, pixels > 0 ? 255 : 0);
  return values.map((_, i) => {
    const distance = Math.sqrt(squares[i]!);
    const share = pixels > 0 ? pixels + 1 - distance : distance + pixels;
    if (isSmooth) return Math.round(Math.min(Math.max(share, 0), 1) * 255);
    return (pixels > 0 ? distance <= pixels : distance > -pixels) ? 255 : 0;
  });
}

// Of each pixel to the nearest one that has `value`: Felzenszwalb and Huttenlocher, "Distance
// Transforms of Sampled Functions" (2012), columns by counting, then rows by lower envelopes.
function squaredDistances(values: Uint8Array, width: number, height: number, value: number): Float64Array {
  const far = 1e6;
  const column = new Float64Array(width * height);
  for (let x = 0; x < width; x += 1) {
    let distance = far;
    for (let y = 0, i = x; y < height; y += 1, i += width) {
      distance = values[i] === value ? 0 : distance + 1;
      column[i] = distance;
    }
    for (let y = height - 1, i = x + (height - 1) * width, below = far; y >= 0; y -= 1, i -= width) {
      below = Math.min(column[i]!, below + 1);
      column[i] = below;
    }
  }
  const out = new Float64Array(width * height);
  const places = new Int32Array(width); // of the parabolas of the envelope
  const starts = new Float64Array(width + 1); // from where each is the lowest
  const heights = new Float64Array(width);
  for (let row = 0; row < width * height; row += width) {
    for (let x = 0; x < width; x += 1) heights[x] = column[row + x]! ** 2;
    let last = 0;
    places[0] = 0;
    starts[0] = -Infinity;
    starts[1] = Infinity;
    for (let x = 1; x < width; x += 1) {
      let meet = 0;
      for (;;) {
        const place = places[last]!;
        meet = (heights[x]! + x * x - heights[place]! - place * place) / (2 * (x - place));
        if (meet > starts[last]!) break;
        last -= 1;
      }
      last += 1;
      places[last] = x;
      starts[last] = meet;
      starts[last + 1] = Infinity;
    }
    for (let x = 0, k = 0; x < width; x += 1) {
      while (starts[k + 1]! < x) k += 1;
      out[row + x] = (x - places[k]!) ** 2 + heights[places[k]!]!;
    }
  }
  return out;
}

// `feathered`: a blur by three boxes of coverage that goes on beyond the area as at its border.
function feathered(values: Uint8Array, width: number, height: number, reach: number): Uint8Array {
  const across = width + 2 * reach;
  const down = height + 2 * reach;
  let wide: Float64Array = new Float64Array(across * down);
  for (let y = 0, to = 0; y < down; y += 1) {
    const row = Math.min(Math.max(y - reach, 0), height - 1) * width;
    for (let x = 0; x < across; x += 1, to += 1) {
      wide[to] = values[row + Math.min(Math.max(x - reach, 0), width - 1)]! * 256;
    }
  }
  for (const third of [0, 1, 2]) wide = boxBlurred(wide, across, down, Math.floor((reach + third) / 3));
  const out = new Uint8Array(width * height);
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x = 0, from = (y + reach) * across + reach; x < width; x += 1, from += 1, to += 1) {
      out[to] = (wide[from]! + 128) >> 8;
    }
  }
  return out;
}

// The mean of the (2 radius + 1)² pixels around each; what is within `radius` of the border is cut
// off by the caller.
function boxBlurred(values: Float64Array, width: number, height: number, radius: number): Float64Array {
  if (!radius) return values;
  const side = 2 * radius + 1;
  const sums = new Float64Array(width * height);
  for (let row = 0; row < width * height; row += width) {
    let sum = 0;
    for (let x = 0; x < width; x += 1) {
      sum += values[row + x]!;
      if (x >= side) sum -= values[row + x - side]!;
      if (x >= radius) sums[row + x - radius] = sum;
    }
  }
  const out = new Float64Array(width * height);
  const column = new Float64Array(width);
  const area = side * side;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0, i = y * width; x < width; x += 1, i += 1) {
      let sum = column[x]! + sums[i]!;
      if (y >= side) sum -= sums[i - side * width]!;
      column[x] = sum;
      if (y >= radius) out[i - radius * width] = Math.round(sum / area);
    }
  }
  return out;
}
