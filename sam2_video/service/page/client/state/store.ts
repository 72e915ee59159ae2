// The state of the page, and the one way to be told of its changes.

import type { Problem, Project, Start, Track } from "../types";
import { type Doc, docOf } from "./document";
import type { Field } from "./schema";
import { isActive } from "./tracked";

// A click of the shown frame, or the box there.
export interface Selected {
  readonly object: string;
  readonly click: number | "box";
}

export type Tool = "add" | "remove" | "box"; // what a plain click or drag on the picture makes

export interface State {
  readonly start: Start;
  readonly fields: readonly Field[]; // the inputs of the model
  readonly project: Project | null;
  readonly doc: Doc | null; // as long as there is a project
  readonly frame: number; // the one that is shown
  readonly isPlaying: boolean;
  readonly selected: Selected | null;
  readonly tool: Tool;
  readonly tracking: Track | null; // the one that is under way
  readonly follow: boolean; // whether the shown frame follows the tracking
  readonly problem: Problem | null;
  readonly isSaved: boolean; // whether the server has the project as it is here
  readonly speed: number; // of playing, as a multiple of the video's; negative: backward
  readonly loop: boolean; // whether playing begins again at the end of the range
}

// A state with a project.
export type Opened = State & { readonly project: Project; readonly doc: Doc };

type Listener = (state: State, before: State) => void;

const MOST_STEPS = 200;

export class Store {
  private listeners: Listener[] = [];
  private past: Doc[] = [];
  private future: Doc[] = [];
  private current: State;

  constructor(start: Start, fields: readonly Field[]) {
    this.current = {
      start,
      fields,
      project: null,
      doc: null,
      frame: 0,
      isPlaying: false,
      selected: null,
      tool: "add",
      tracking: null,
      follow: true,
      problem: null,
      isSaved: true,
      speed: 1,
      loop: false,
    };
  }

  get state(): State {
    return this.current;
  }

  // The state with its project; null while there is none.
  get opened(): Opened | null {
    return this.current.project && this.current.doc ? (this.current as Opened) : null;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  // The listener is called at once, with the same state twice, and after every change.
  subscribe(listener: Listener): void {
    this.listeners.push(listener);
    listener(this.current, this.current);
  }

  update(patch: Partial<State>): void {
    const before = this.current;
    this.current = { ...before, ...patch };
    for (const listener of this.listeners) listener(this.current, before);
  }

  open(project: Project): void {
    this.past = [];
    this.future = [];
    const doc = docOf(project.document, project.video);
    const tracking = project.tracks.find(isActive) ?? null;
    const frame = Math.min(doc.frame, project.video.num_frames - 1);
    const fresh = { isPlaying: false, follow: true, selected: null, problem: null, tool: "add" } as const;
    this.update({ project, doc, frame, tracking, ...fresh });
  }

  close(): void {
    this.update({ project: null, doc: null, tracking: null, isPlaying: false, selected: null, problem: null });
  }

  // Changes the document as one step of undo.
  edit(change: (doc: Doc) => Doc, patch: Partial<State> = {}): void {
    this.remember();
    this.adjust(change, patch);
  }

  // Changes the document without a step of undo: while something is dragged, or for the look.
  adjust(change: (doc: Doc) => Doc, patch: Partial<State> = {}): void {
    if (!this.current.doc) return;
    this.update({ doc: change(this.current.doc), ...patch });
  }

  // Begins a step of undo that calls of `adjust` make.
  remember(): void {
    if (!this.current.doc) return;
    this.past = [...this.past.slice(1 - MOST_STEPS), this.current.doc];
    this.future = [];
  }

  undo(): void {
    this.swap(this.past, this.future);
  }

  redo(): void {
    this.swap(this.future, this.past);
  }

  // Objects and marks come back; look, range and frame stay as they are.
  private swap(from: Doc[], to: Doc[]): void {
    const { doc } = this.current;
    const other = doc && from.pop();
    if (!doc || !other) return;
    to.push(doc);
    const { objects, active, marks } = other;
    this.update({ doc: { ...doc, objects, active, marks }, selected: null });
  }

  // Puts a track into the project, in place of what it was before.
  setTrack(track: Track): void {
    const { project } = this.current;
    if (!project) return;
    const isKnown = project.tracks.some(({ id }) => id === track.id);
    const tracks = isKnown
      ? project.tracks.map((one) => (one.id === track.id ? track : one))
      : [...project.tracks, track];
    this.update({ project: { ...project, tracks }, tracking: isActive(track) ? track : null });
  }
}

export function colourOf(state: State, object: string): string {
  const { palette } = state.start;
  const index = state.doc?.objects.findIndex(({ id }) => id === object) ?? 0;
  return palette[Math.max(0, index) % palette.length] ?? "gray";
}
