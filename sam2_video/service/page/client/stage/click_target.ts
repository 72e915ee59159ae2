// What a click or a box on the picture is for.

import { type Doc, markOf } from "../state/document";
import { trackOf } from "../state/tracked";
import type { Box, Track } from "../types";
import type { Layer } from "./mask_files";

export interface Point {
  readonly x: number;
  readonly y: number;
}

// What the visitor sees on a frame.
export interface Scene {
  readonly doc: Doc;
  readonly tracks: readonly Track[];
  readonly frame: number;
  readonly width: number;
  readonly height: number;
  readonly masks: ReadonlyMap<string, Layer>; // by object, of those shown: previews and tracked masks
}

export type Target =
  | { readonly kind: "add"; readonly maskOf: string | null } // to the active object, or a first one
  | { readonly kind: "choose"; readonly object: string } // the click was on another object
  | { readonly kind: "ask"; readonly objects: readonly string[] } // a new object, or a part of one of these?
  | { readonly kind: "refuse"; readonly sentence: string };

const NEAR = 0.06; // of the picture's diagonal: so far from its mask, a part of an object may lie

// `marked`: the object whose point or box is at the place, if there is one.
export function targetOfClick(scene: Scene, at: Point, foreground: boolean, marked: string | null = null): Target {
  const { doc, masks } = scene;
  const { active } = doc;
  const found = marked === null ? objectsAt(scene, at) : [marked];
  const other = active !== null && found.includes(active) ? undefined : found.at(-1);
  // A new object, or one that tracking has lost, may take over what is now another's.
  const isSought = active !== null && (!isMarked(doc, active) || isLost(scene, active));
  if (other !== undefined && !(isSought && foreground)) return { kind: "choose", object: other };
  if (!foreground && (active === null || !isStarted(scene, active))) {
    return { kind: "refuse", sentence: "Click on the object first. Then remove what does not belong to it." };
  }
  const add: Target = { kind: "add", maskOf: active === null ? null : maskToRefine(scene, active) };
  if (active === null || isSought || !foreground || found.includes(active)) return add;
  const own = masks.get(active);
  if (!own) return add; // not tracked here, or its preview is on its way
  const near = NEAR * Math.hypot(scene.width, scene.height);
  if (distanceTo(own, scene.width, at, near) <= near) return add;
  return ask(active, nearest(scene, at, near));
}

// A box says where the whole object is, so it begins anew and refines no tracked mask.
export function targetOfBox(scene: Scene, box: Box): Target {
  const { doc, masks, width } = scene;
  const { active } = doc;
  const add: Target = { kind: "add", maskOf: null };
  const own = active === null ? undefined : masks.get(active);
  if (active === null || !own?.box || !isMarked(doc, active)) return add;
  if (hasPixelIn(own, width, box)) return add;
  return ask(active, [...masks].find(([, layer]) => hasPixelIn(layer, width, box))?.[0] ?? null);
}

// The active object can always be meant: a part of it may lie near another one.
const ask = (active: string, other: string | null): Target => ({
  kind: "ask",
  objects: other === null ? [active] : [active, other],
});

// The tracked mask of an object that its first click on a frame refines.
export function maskToRefine({ doc, tracks, frame, masks }: Scene, object: string): string | null {
  if (markOf(doc, object, frame) || !masks.get(object)?.box) return null;
  return trackOf(tracks, object, frame)?.id ?? null;
}

// The objects whose masks are at a pixel, the topmost last.
function objectsAt({ doc, masks, width }: Scene, { x, y }: Point): string[] {
  return doc.objects
    .map(({ id }) => id)
    .filter((id) => {
      const layer = masks.get(id);
      return layer?.box && layer.indices[y * width + x] === layer.value;
    });
}

const isMarked = (doc: Doc, object: string): boolean => doc.marks.some((mark) => mark.object === object);

// Whether an object was tracked on the frame, but not found, and is not marked there.
const isLost = ({ doc, frame, masks }: Scene, object: string): boolean =>
  masks.get(object)?.box === null && markOf(doc, object, frame) === null;

// Whether there is something on the frame that a background click can take away from.
function isStarted(scene: Scene, object: string): boolean {
  const mark = markOf(scene.doc, object, scene.frame);
  if (mark?.box || mark?.clicks.some(({ foreground }) => foreground)) return true;
  return (scene.masks.get(object)?.box ?? null) !== null;
}

function nearest(scene: Scene, at: Point, near: number): string | null {
  let found: string | null = null;
  let least = near;
  for (const [object, layer] of scene.masks) {
    const distance = distanceTo(layer, scene.width, at, near);
    if (distance <= least) [found, least] = [object, distance];
  }
  return found;
}

// From a point to a mask, in pixels; Infinity if it is more than `most`.
function distanceTo({ indices, value, box }: Layer, width: number, at: Point, most: number): number {
  if (!box) return Infinity;
  let least = Infinity;
  const top = Math.max(box[1], Math.floor(at.y - most));
  const bottom = Math.min(box[3], Math.ceil(at.y + most) + 1);
  const left = Math.max(box[0], Math.floor(at.x - most));
  const right = Math.min(box[2], Math.ceil(at.x + most) + 1);
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      if (indices[y * width + x] === value) least = Math.min(least, (x - at.x) ** 2 + (y - at.y) ** 2);
    }
  }
  const distance = Math.sqrt(least);
  return distance <= most ? distance : Infinity;
}

function hasPixelIn({ indices, value, box }: Layer, width: number, [x1, y1, x2, y2]: Box): boolean {
  if (!box) return false;
  for (let y = Math.max(box[1], Math.floor(y1)); y < Math.min(box[3], y2); y += 1) {
    for (let x = Math.max(box[0], Math.floor(x1)); x < Math.min(box[2], x2); x += 1) {
      if (indices[y * width + x] === value) return true;
    }
  }
  return false;
}
