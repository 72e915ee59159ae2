// What is marked and chosen on the page, as inputs of the model; and back from JSON.

import type { Click, Doc, Mark, MarkedObject } from "../state/document";
import { type Form, inputsOf, isVideo, type Look, type View } from "../state/look";
import { type Field, valueFrom } from "../state/schema";
import type { Box, Value, Values, Video } from "../types";

// The inputs of the hosted model come first in the schema; those after them are this project's.
export const HOSTED_INPUTS = 12;

// The inputs that ask for what the page shows: its visible objects, their prompts, the look.
export function requestOf(doc: Doc, video: Video, fields: readonly Field[]): Record<string, Value> {
  const order = doc.objects.map(({ id }) => id);
  const shown = new Set(doc.objects.filter(({ hidden }) => !hidden).map(({ id }) => id));
  const marks = doc.marks
    .filter(({ object }) => shown.has(object))
    .sort((a, b) => order.indexOf(a.object) - order.indexOf(b.object) || a.frame - b.frame);
  const nameOf = (id: string) => plainName(doc.objects.find((one) => one.id === id)?.name ?? id);
  const clicks = marks.flatMap(({ object, frame, clicks }) => clicks.map((click) => ({ object, frame, ...click })));
  const boxes = marks.flatMap(({ object, frame, box }) => (box ? [{ object, frame, box }] : []));
  const given: Record<string, Value> = {
    input_video: video.url ?? video.name,
    click_coordinates: clicks.map(({ x, y }) => `[${rounded(x)},${rounded(y)}]`).join(","),
    click_labels: clicks.map(({ foreground }) => (foreground ? 1 : 0)).join(",") || "1",
    click_frames: clicks.map(({ frame }) => frame).join(",") || "0",
    click_object_ids: clicks.map(({ object }) => nameOf(object)).join(","),
    box_coordinates: boxes.map(({ box }) => `[${box.map(rounded).join(",")}]`).join(","),
    box_frames: boxes.map(({ frame }) => frame).join(",") || "0",
    box_object_ids: boxes.map(({ object }) => nameOf(object)).join(","),
    ...inputsOf(doc.look, video, doc.range),
    end_frame: doc.range.end === video.num_frames - 1 ? -1 : doc.range.end,
  };
  const inputs: Record<string, Value> = {};
  for (const { name, default: usual } of fields) {
    const value = given[name] ?? usual;
    if (value !== null && value !== undefined) inputs[name] = value;
  }
  return inputs;
}

// Object names are lists with commas in the request.
const plainName = (name: string): string => name.replace(/\s*,\s*/g, " ").trim();
const rounded = (value: number): number => Math.round(value * 10) / 10;

// What differs from the defaults, and what is required.
export function chosen(inputs: Values, fields: readonly Field[]): { hosted: Values; own: Values } {
  const differs = ({ name, default: usual }: Field) => name in inputs && (usual === null || inputs[name] !== usual);
  const pick = (some: readonly Field[]) =>
    Object.fromEntries(some.filter(differs).map(({ name }) => [name, inputs[name]!] as const));
  return { hosted: pick(fields.slice(0, HOSTED_INPUTS)), own: pick(fields.slice(HOSTED_INPUTS)) };
}

// A sentence for the visitor on what is wrong with JSON.
export class InputError extends Error {}

// A document changed so that its request is this JSON. Raises InputError.
export function docOfJson(text: string, doc: Doc, video: Video, fields: readonly Field[]): Doc {
  const given = checked(parsed(text), fields);
  const before = requestOf(doc, video, fields);
  if (given.input_video !== undefined && given.input_video !== before.input_video) {
    throw new InputError('The video stays as it is. "Change video" opens another.');
  }
  if (given.input_masks) throw new InputError("input_masks is for programs: here, masks come from tracking.");
  const inputs: Values = { ...before, ...given };
  const marked = withMarks(doc, video, inputs);
  const [start, end] = [Number(inputs.start_frame), Number(inputs.end_frame)];
  const last = end < 0 ? video.num_frames - 1 : end;
  if (start > last || last >= video.num_frames) {
    throw new InputError(
      `start_frame and end_frame have to be frames of the video, 0 to ${video.num_frames - 1}, in order.`,
    );
  }
  return { ...marked, look: lookOf(doc.look, video, inputs), range: { start, end: last } };
}

function parsed(text: string): Record<string, unknown> {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new InputError(`This is not JSON yet: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new InputError('Write an object: {"click_coordinates": "[320,180]"}.');
  }
  return found as Record<string, unknown>;
}

function checked(given: Record<string, unknown>, fields: readonly Field[]): Record<string, Value> {
  const found: Record<string, Value> = {};
  for (const [name, value] of Object.entries(given)) {
    const field = fields.find((one) => one.name === name);
    if (!field) throw new InputError(`There is no input "${name}".${nearest(name, fields)}`);
    if (value === null) continue;
    found[name] = checkedValue(field, value);
  }
  return found;
}

function nearest(name: string, fields: readonly Field[]): string {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  const like = fields.find(
    (field) => plain(field.name).includes(plain(name)) || plain(name).includes(plain(field.name)),
  );
  return like && plain(name) ? ` Did you mean "${like.name}"?` : "";
}

const KINDS = {
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  string: "text in quotes",
  file: "text in quotes",
  choice: "text in quotes",
} as const;

function checkedValue(field: Field, given: unknown): Value {
  const { name, kind, choices, minimum, maximum } = field;
  const value = valueFrom(field, given);
  if (value === undefined) throw new InputError(`${name} has to be ${KINDS[kind]}.`);
  if (kind === "choice" && !choices.includes(String(value))) {
    throw new InputError(`${name} has to be one of ${choices.join(", ")}.`);
  }
  const isBelow = typeof value === "number" && minimum !== null && value < minimum;
  const isAbove = typeof value === "number" && maximum !== null && value > maximum;
  if (isBelow || isAbove) {
    const bounds = maximum === null ? `at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw new InputError(`${name} has to be ${bounds}.`);
  }
  return value;
}

const VIEWS: Readonly<Record<string, View>> = {
  highlighted: "highlight",
  alpha: "cutout",
  greenscreen: "color",
  binary: "matte",
};

function lookOf(look: Look, video: Video, inputs: Values): Look {
  const view = VIEWS[String(inputs.mask_type)];
  if (!view) throw new InputError(`The page cannot show mask_type "${inputs.mask_type}"; a program can ask for it.`);
  const form = String(inputs.output_video ? inputs.video_format : inputs.output_format) as Form;
  if (view === "cutout" && (form === "mp4" || form === "jpg")) {
    const use = form === "mp4" ? "video_format webm or mov" : "output_format png or webp";
    throw new InputError(`${form.toUpperCase()} has no transparency: use ${use}.`);
  }
  if (video.num_frames === 1 && isVideo(form)) throw new InputError("A picture has no video: output_video is false.");
  if (!/^#[0-9a-f]{6}$/i.test(String(inputs.background_color))) {
    throw new InputError('background_color has to be a colour such as "#00ff00".');
  }
  if (Number(inputs.output_frame_interval) < 1) throw new InputError("output_frame_interval has to be at least 1.");
  const asBefore = inputsOf({ ...look, form, fps: null }, video, { start: 0, end: 0 });
  const isSourceRate = Boolean(inputs.keep_audio) || inputs.video_fps === asBefore.video_fps;
  return {
    ...look,
    view,
    form,
    marking: String(inputs.annotation_type) as Look["marking"],
    color: String(inputs.background_color),
    expand: Number(inputs.mask_expand),
    feather: Number(inputs.mask_feather),
    fps: isSourceRate ? null : Number(inputs.video_fps),
    quality: Number(inputs.output_quality),
    interval: Number(inputs.output_frame_interval),
    separate: Boolean(inputs.separate_objects),
    sound: Boolean(inputs.keep_audio) || (isVideo(form) && isSourceRate ? false : look.sound),
    masks: Boolean(inputs.output_masks),
  };
}

// Marks and objects from the lists of clicks and boxes; hidden objects stay as they are.
function withMarks(doc: Doc, video: Video, inputs: Values): Doc {
  const points = tuplesOf("click_coordinates", String(inputs.click_coordinates), 2);
  const labels = listOf("click_labels", inputs.click_labels, "1", (text) => text === "0" || text === "1", "0 or 1");
  const isFrame = (text: string) => /^\d+$/.test(text) && Number(text) < video.num_frames;
  const frameWords = `frames from 0 to ${video.num_frames - 1}`;
  const frames = listOf("click_frames", inputs.click_frames, "0", isFrame, frameWords);
  const boxes = tuplesOf("box_coordinates", String(inputs.box_coordinates), 4);
  const boxFrames = listOf("box_frames", inputs.box_frames, "0", isFrame, frameWords);

  const isInside = (x: number, y: number) => x >= 0 && x <= video.width && y >= 0 && y <= video.height;
  const size = `${video.width} × ${video.height}`;
  const hidden = doc.objects.filter((object) => object.hidden);
  const objects: MarkedObject[] = [];
  const idOf = (name: string): string => {
    const known = [...objects, ...doc.objects].find((one) => one.name === name || plainName(one.name) === name);
    const object = known ?? { id: freeId([...objects, ...doc.objects]), name, hidden: false };
    if (!objects.some(({ id }) => id === object.id)) objects.push(object);
    return object.id;
  };
  const marks = new Map<string, Mark>();
  const change = (object: string, frame: number, edit: (mark: Mark) => Mark) => {
    const key = `${object} ${frame}`;
    const from = doc.marks.find((mark) => mark.object === object && mark.frame === frame)?.mask_of ?? null;
    marks.set(key, edit(marks.get(key) ?? { object, frame, clicks: [], box: null, mask_of: from }));
  };

  const clickNames = namesOf("click_object_ids", String(inputs.click_object_ids), points.length, (k) => {
    if (labels[k % labels.length] === "1") return `object_${k + 1}`;
    throw new InputError(`Name the object of point ${k + 1} in click_object_ids.`);
  });
  points.forEach(([x, y], k) => {
    if (!isInside(x!, y!)) throw new InputError(`Point ${k + 1} of click_coordinates is outside the ${size} picture.`);
    const click: Click = { x: x!, y: y!, foreground: labels[k % labels.length] === "1" };
    const frame = Number(frames[k % frames.length]);
    change(idOf(clickNames[k]!), frame, (mark) => ({ ...mark, clicks: [...mark.clicks, click] }));
  });
  const boxNames = namesOf("box_object_ids", String(inputs.box_object_ids), boxes.length, (k) => `object_${k + 1}`);
  boxes.forEach((box, k) => {
    const [x1, y1, x2, y2] = box as unknown as Box;
    if (!isInside(x1, y1) || !isInside(x2, y2)) {
      throw new InputError(`Box ${k + 1} of box_coordinates is outside the ${size} picture.`);
    }
    if (x1 >= x2 || y1 >= y2)
      throw new InputError(`Box ${k + 1} of box_coordinates has to be [left,top,right,bottom].`);
    const frame = Number(boxFrames[k % boxFrames.length]);
    change(idOf(boxNames[k]!), frame, (mark) => ({ ...mark, box: [x1, y1, x2, y2] }));
  });

  const kept = hidden.filter(({ id }) => !objects.some((one) => one.id === id));
  const order = doc.objects.map(({ id }) => id);
  const place = ({ id }: MarkedObject) => (order.includes(id) ? order.indexOf(id) : order.length);
  const unmarked = doc.objects.filter(
    ({ id, hidden: isHidden }) => !isHidden && !doc.marks.some(({ object }) => object === id),
  );
  const empty = unmarked.filter(({ id }) => !objects.some((one) => one.id === id));
  const all = [...objects, ...kept, ...empty].sort((a, b) => place(a) - place(b));
  const rest = doc.marks.filter(({ object }) => kept.some(({ id }) => id === object));
  const active = all.some(({ id }) => id === doc.active) ? doc.active : (all[0]?.id ?? null);
  return { ...doc, objects: all, active, marks: [...marks.values(), ...rest] };
}

function freeId(objects: readonly MarkedObject[]): string {
  let number = 1;
  while (objects.some(({ id }) => id === `o${number}`)) number += 1;
  return `o${number}`;
}

// "[1,2],[3,4]" as lists of `count` numbers; one pair of outer brackets is fine.
function tuplesOf(name: string, text: string, count: number): number[][] {
  const example = count === 2 ? "[320,180],[400,200]" : "[10,20,300,200]";
  const plain = text.trim().replace(/,$/, "");
  if (!plain) return [];
  let found: unknown;
  try {
    found = JSON.parse(plain.startsWith("[[") ? plain : `[${plain}]`);
  } catch {
    found = null;
  }
  const isTuple = (one: unknown): one is number[] =>
    Array.isArray(one) && one.length === count && one.every((value) => typeof value === "number");
  if (!Array.isArray(found) || !found.every(isTuple)) throw new InputError(`${name} has to look like "${example}".`);
  return found;
}

function listOf(
  name: string,
  given: Value | undefined,
  usual: string,
  isGood: (text: string) => boolean,
  words: string,
): string[] {
  const parts = (
    String(given ?? "")
      .trim()
      .replace(/,$/, "") || usual
  )
    .split(",")
    .map((part) => part.trim());
  const bad = parts.find((part) => !isGood(part));
  if (bad !== undefined) throw new InputError(`${name} has to be ${words}, separated by commas; not "${bad}".`);
  return parts;
}

// A name for each of `count`: one name alone stands for all, missing ones are made.
function namesOf(name: string, text: string, count: number, make: (index: number) => string): string[] {
  const given = text
    .replace(/,\s*$/, "")
    .split(",")
    .map((part) => part.trim());
  if (given.some((one) => one.length > 200)) throw new InputError(`A name in ${name} is longer than 200 letters.`);
  if (given.length === 1 && given[0]) return Array<string>(count).fill(given[0]);
  return Array.from({ length: count }, (_, k) => given[k] || make(k));
}
