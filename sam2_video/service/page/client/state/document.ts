// What a visitor has marked and chosen in a project: kept by the server, edited by pure functions.

import type { Box, ExampleClick, Prompt, Video } from "../types";
import { LOOK, type Look, withView } from "./look";

export interface Click {
  readonly x: number; // pixels of the frame, from its top left corner
  readonly y: number;
  readonly foreground: boolean;
}

export interface MarkedObject {
  readonly id: string;
  readonly name: string;
  readonly hidden: boolean;
}

// All marks of one object on one frame; the model gets them together.
export interface Mark {
  readonly object: string;
  readonly frame: number;
  readonly clicks: readonly Click[];
  readonly box: Box | null;
  readonly mask_of: string | null; // the track whose mask the clicks refine
}

export interface Doc {
  readonly objects: readonly MarkedObject[]; // their order decides their colours
  readonly active: string | null; // the object that clicks go to
  readonly marks: readonly Mark[];
  readonly range: { readonly start: number; readonly end: number }; // both included
  readonly look: Look;
  readonly frame: number;
}

export function emptyDoc(video: Video): Doc {
  return {
    objects: [],
    active: null,
    marks: [],
    range: { start: 0, end: video.num_frames - 1 },
    look: withView(LOOK, LOOK.view, video),
    frame: 0,
  };
}

// A saved document; what an older page has saved, or nothing, becomes an empty one.
export function docOf(saved: unknown, video: Video): Doc {
  const empty = emptyDoc(video);
  const doc = saved as Partial<Doc> | null;
  if (!doc || !Array.isArray(doc.objects) || !Array.isArray(doc.marks)) return empty;
  return { ...empty, ...doc, look: { ...LOOK, ...doc.look } };
}

export function exampleDoc(clicks: readonly ExampleClick[], video: Video): Doc {
  let doc = emptyDoc(video);
  for (const { object, name, frame, x, y, foreground } of clicks) {
    if (!doc.objects.some(({ id }) => id === object)) {
      doc = { ...doc, objects: [...doc.objects, { id: object, name, hidden: false }] };
    }
    doc = addClick({ ...doc, active: object }, frame, { x, y, foreground }, null);
  }
  return { ...doc, active: doc.objects[0]?.id ?? null };
}

export function addObject(doc: Doc): Doc {
  let number = 1;
  while (doc.objects.some(({ id, name }) => id === `o${number}` || name === `Object ${number}`)) number += 1;
  const object = { id: `o${number}`, name: `Object ${number}`, hidden: false };
  return { ...doc, objects: [...doc.objects, object], active: object.id };
}

export function chooseObject(doc: Doc, active: string): Doc {
  return { ...doc, active };
}

// Null if another object has the name, or none is left of it.
export function renameObject(doc: Doc, id: string, wanted: string): Doc | null {
  const name = wanted.replace(/\s+/g, " ").trim();
  if (!name || doc.objects.some((object) => object.id !== id && object.name === name)) return null;
  return { ...doc, objects: doc.objects.map((object) => (object.id === id ? { ...object, name } : object)) };
}

export function hideObject(doc: Doc, id: string, hidden: boolean): Doc {
  return { ...doc, objects: doc.objects.map((object) => (object.id === id ? { ...object, hidden } : object)) };
}

export function removeObject(doc: Doc, id: string): Doc {
  const objects = doc.objects.filter((object) => object.id !== id);
  const active = doc.active === id ? (objects[0]?.id ?? null) : doc.active;
  return { ...doc, objects, active, marks: doc.marks.filter(({ object }) => object !== id) };
}

export function markOf(doc: Doc, object: string, frame: number): Mark | null {
  return doc.marks.find((mark) => mark.object === object && mark.frame === frame) ?? null;
}

// Adds a click to the active object; makes an object if there is none.
export function addClick(doc: Doc, frame: number, click: Click, maskOf: string | null): Doc {
  const ready = doc.active === null ? addObject(doc) : doc;
  return changeMark(ready, ready.active!, frame, maskOf, (mark) => ({ ...mark, clicks: [...mark.clicks, click] }));
}

export function addBox(doc: Doc, frame: number, box: Box, maskOf: string | null): Doc {
  const ready = doc.active === null ? addObject(doc) : doc;
  return changeMark(ready, ready.active!, frame, maskOf, (mark) => ({ ...mark, box }));
}

export function moveClick(doc: Doc, object: string, frame: number, index: number, to: { x: number; y: number }): Doc {
  return changeMark(doc, object, frame, null, (mark) => ({
    ...mark,
    clicks: mark.clicks.map((click, i) => (i === index ? { ...click, ...to } : click)),
  }));
}

export function removeClick(doc: Doc, object: string, frame: number, index: number): Doc {
  return changeMark(doc, object, frame, null, (mark) => ({
    ...mark,
    clicks: mark.clicks.filter((_, i) => i !== index),
  }));
}

export function removeBox(doc: Doc, object: string, frame: number): Doc {
  return changeMark(doc, object, frame, null, (mark) => ({ ...mark, box: null }));
}

// A new mark refines the mask of the track `maskOf`. One without clicks and box is removed.
function changeMark(doc: Doc, object: string, frame: number, maskOf: string | null, change: (mark: Mark) => Mark): Doc {
  const before = markOf(doc, object, frame);
  const after = change(before ?? { object, frame, clicks: [], box: null, mask_of: maskOf });
  const isEmpty = !after.clicks.length && !after.box;
  const others = doc.marks.filter((mark) => mark !== before);
  return { ...doc, marks: isEmpty ? others : [...others, after] };
}

export function promptOf({ object, frame, clicks, box, mask_of }: Mark): Prompt {
  return {
    object,
    frame,
    points: clicks.map(({ x, y }) => [x, y] as const),
    labels: clicks.map(({ foreground }) => (foreground ? 1 : 0)),
    box,
    mask_of,
  };
}

export function setRange(doc: Doc, start: number, end: number, numFrames: number): Doc {
  const first = Math.min(Math.max(0, start), numFrames - 1);
  return { ...doc, range: { start: first, end: Math.max(first, Math.min(end, numFrames - 1)) } };
}

// The range begins at a frame; it ends with the video if it ended before.
export const setStart = (doc: Doc, frame: number, numFrames: number): Doc =>
  setRange(doc, frame, frame > doc.range.end ? numFrames - 1 : doc.range.end, numFrames);

// The range ends at a frame; it begins with the video if it began behind.
export const setEnd = (doc: Doc, frame: number, numFrames: number): Doc =>
  setRange(doc, frame < doc.range.start ? 0 : doc.range.start, frame, numFrames);
