// The state of the page: the inputs, and the clicks with undo and redo.

import { defaultsOf, type Field, valueFrom } from "./schema";
import type { Click, Problem, Resolved, Start, Value, Values, Video } from "./types";

export const CLICK_FIELDS = ["click_coordinates", "click_labels", "click_frames", "click_object_ids"] as const;

interface Drawing {
  readonly clicks: readonly Click[];
  readonly objects: readonly string[]; // every name, those without clicks last
  readonly active: string; // the object that clicks go to
}

export interface State {
  readonly start: Start;
  readonly fields: readonly Field[];
  readonly values: Values; // every input, `input_video` as a URL or a file's name
  readonly video: Video | null;
  readonly frame: number; // the one that is shown
  readonly drawing: Drawing;
  readonly selected: number | null; // index of a click
  readonly marking: "in" | "out"; // what a plain click means
  readonly resolved: Resolved;
  readonly problem: Problem | null;
  readonly isRunning: boolean;
}

type Listener = (state: State, before: State) => void;

const NOTHING: Drawing = { clicks: [], objects: [], active: "" };
const UNRESOLVED: Resolved = { clicks: [], objects: [], error: null };

export class Store {
  private listeners: Listener[] = [];
  private past: Drawing[] = [];
  private future: Drawing[] = [];
  private current: State;

  constructor(start: Start, fields: readonly Field[]) {
    this.current = {
      start,
      fields,
      values: defaultsOf(fields),
      video: null,
      frame: 0,
      drawing: NOTHING,
      selected: null,
      marking: "in",
      resolved: UNRESOLVED,
      problem: null,
      isRunning: false,
    };
  }

  get state(): State {
    return this.current;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
    listener(this.current, this.current);
  }

  update(patch: Partial<State>): void {
    const before = this.current;
    this.current = { ...before, ...patch };
    for (const listener of this.listeners) listener(this.current, before);
  }

  // Sets an input and clears the problem that was reported for it.
  setValue(name: string, value: Value): void {
    const { values, problem } = this.current;
    this.update({ values: { ...values, [name]: value }, problem: problem?.field === name ? null : problem });
  }

  // Sets inputs from a link or from JSON; returns the names of values with the wrong type.
  setValues(given: Record<string, unknown>): string[] {
    const wrong: string[] = [];
    const values: Record<string, Value> = { ...this.current.values };
    for (const field of this.current.fields) {
      if (!(field.name in given)) continue;
      const value = valueFrom(field, given[field.name]);
      if (value === undefined) wrong.push(field.name);
      else values[field.name] = value;
    }
    this.update({ values });
    return wrong;
  }

  // Changes the clicks and updates the click strings. `keep` adds an undo step.
  draw(drawing: Drawing, { keep = true, selected = this.current.selected } = {}): void {
    if (keep) this.remember();
    this.show(drawing, selected);
  }

  remember(): void {
    this.past = [...this.past.slice(-199), this.current.drawing];
    this.future = [];
  }

  undo(): void {
    const drawing = this.past.pop();
    if (!drawing) return;
    this.future.push(this.current.drawing);
    this.show(drawing, null);
  }

  redo(): void {
    const drawing = this.future.pop();
    if (!drawing) return;
    this.past.push(this.current.drawing);
    this.show(drawing, null);
  }

  // Sets clicks that were typed; the strings stay as typed.
  adopt(clicks: readonly Click[]): void {
    const { active } = this.current.drawing;
    const objects = namesOf(clicks);
    this.remember();
    this.update({
      drawing: { clicks, objects, active: objects.includes(active) ? active : (objects[0] ?? "") },
      selected: null,
    });
  }

  // Removes all clicks, for another video.
  clear(patch: Partial<State>): void {
    this.past = this.future = [];
    this.update({ drawing: NOTHING, selected: null, resolved: UNRESOLVED, problem: null, frame: 0, ...patch });
  }

  private show(drawing: Drawing, selected: number | null): void {
    const used = namesOf(drawing.clicks);
    const objects = [...used, ...drawing.objects.filter((name) => !used.includes(name))];
    const { problem, values } = this.current;
    const isAboutClicks = CLICK_FIELDS.some((name) => name === problem?.field);
    this.update({
      drawing: { ...drawing, objects },
      selected,
      values: { ...values, ...stringsOf(drawing.clicks, this.current.fields) },
      problem: isAboutClicks ? null : problem,
    });
  }
}

// The names of objects in order of first appearance, which decides their colours.
export function namesOf(clicks: readonly Click[]): string[] {
  return [...new Set(clicks.map((click) => click.name).filter(Boolean))];
}

export function colourOf(state: State, name: string): string {
  const { palette } = state.start;
  return palette[Math.max(0, state.drawing.objects.indexOf(name)) % palette.length] ?? "gray";
}

// The clicks as input strings.
export function stringsOf(clicks: readonly Click[], fields: readonly Field[]): Values {
  if (!clicks.length) {
    const defaults = defaultsOf(fields);
    return Object.fromEntries(CLICK_FIELDS.map((name) => [name, defaults[name] ?? ""]));
  }
  return {
    click_coordinates: clicks.map((click) => `[${click.x},${click.y}]`).join(","),
    click_labels: clicks.map((click) => (click.foreground ? "1" : "0")).join(","),
    click_frames: clicks.map((click) => click.frame).join(","),
    click_object_ids: clicks.map((click) => click.name).join(","),
  };
}
