// Masks of the shown frame from its marks, at once: of the objects that were not tracked with them.

import { BusyError, previewMask } from "../api";
import { markOf, promptOf } from "../state/document";
import type { Opened, State, Store } from "../state/store";
import { isMarkNew } from "../state/tracked";
import type { Project, Prompt } from "../types";
import { ByteCache } from "./byte_cache";
import { type Layer, readMask } from "./mask_files";

const KEPT_BYTES = 48e6;
const QUIET_MS = 40; // without a change, before the model is asked
const BUSY_MS = 400;
const STARTING_MS = 800;
const PATIENT_MS = 250; // a model is busy for a moment after each answer: this is not worth a word

export type PreviewStatus =
  | { readonly kind: "idle" | "working" | "waiting" | "starting" }
  | { readonly kind: "failed"; readonly sentence: string };

interface Wanted {
  readonly object: string;
  readonly prompt: Prompt;
  readonly key: string;
}

export class Previews {
  status: PreviewStatus = { kind: "idle" };
  // By object: what replaces the tracked masks of the shown frame.
  shown: ReadonlyMap<string, Layer> = new Map();
  private readonly masks = new ByteCache<Layer>(KEPT_BYTES);
  private asked = ""; // what the model is being asked for
  private giveUp = new AbortController();

  constructor(
    private readonly store: Store,
    private readonly tell: () => void,
  ) {
    store.subscribe((state, before) => {
      const isSame =
        state.doc?.marks === before.doc?.marks &&
        state.frame === before.frame &&
        state.project?.tracks === before.project?.tracks &&
        state.project?.id === before.project?.id &&
        state.tracking === before.tracking &&
        state.isPlaying === before.isPlaying;
      if (!isSame) this.refresh(state, before);
    });
  }

  private refresh(state: State, before: State): void {
    const { opened } = this.store;
    const wanted = opened ? wantedOf(opened) : [];
    const isSameFrame = state.frame === before.frame && state.project?.id === before.project?.id;
    const old = isSameFrame ? this.shown : new Map<string, Layer>();
    const found = new Map<string, Layer>();
    for (const { object, key } of wanted) {
      const layer = this.masks.get(key) ?? old.get(object); // the one of before until the new one is here
      if (layer) found.set(object, layer);
    }
    this.shown = found;
    const missing = wanted.filter(({ key }) => !this.masks.get(key));
    const isQuiet = state.tracking !== null || state.isPlaying; // the model tracks, or nobody could look
    const asked = isQuiet ? "" : missing.map(({ key }) => key).join();
    if (asked !== this.asked) {
      this.asked = asked;
      this.giveUp.abort();
      this.giveUp = new AbortController();
      this.status = { kind: asked ? "working" : "idle" };
      if (opened && asked) void this.askFor(opened.project, missing, this.giveUp.signal);
    }
    this.tell();
  }

  private async askFor(project: Project, missing: readonly Wanted[], signal: AbortSignal): Promise<void> {
    let failed: PreviewStatus | null = null;
    try {
      await pause(QUIET_MS, signal);
      for (const { object, prompt, key } of missing) {
        try {
          const layer = await this.ask(project, prompt, signal);
          this.masks.set(key, layer, layer.indices.length);
          this.shown = new Map([...this.shown, [object, layer]]);
          this.report({ kind: "working" });
        } catch (error) {
          if (signal.aborted) throw error;
          failed = { kind: "failed", sentence: error instanceof Error ? error.message : String(error) };
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.report(failed ?? { kind: "idle" });
  }

  // Retries until the model is free.
  private async ask(project: Project, prompt: Prompt, signal: AbortSignal): Promise<Layer> {
    for (;;) {
      try {
        const blob = await previewMask(project, prompt, signal);
        const { width, height } = project.video;
        return readMask(new Uint8Array(await blob.arrayBuffer()), width, height);
      } catch (error) {
        const status = (error as { status?: number }).status;
        const isStarting = status === 503;
        if (!isStarting && status !== 409 && !(error instanceof BusyError)) throw error;
        const patient = setTimeout(() => this.report({ kind: isStarting ? "starting" : "waiting" }), PATIENT_MS);
        try {
          await pause(isStarting ? STARTING_MS : BUSY_MS, signal);
        } finally {
          clearTimeout(patient);
        }
      }
    }
  }

  private report(status: PreviewStatus): void {
    this.status = status;
    this.tell();
  }
}

// The active object comes first.
function wantedOf({ doc, project, frame }: Opened): Wanted[] {
  const ids = doc.objects.map(({ id }) => id).filter((id) => isMarkNew(doc, project.tracks, id, frame));
  ids.sort((a, b) => Number(b === doc.active) - Number(a === doc.active));
  return ids.map((object) => {
    const prompt = promptOf(markOf(doc, object, frame)!);
    return { object, prompt, key: JSON.stringify([project.id, prompt]) };
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("given up", "AbortError"));
    });
  });
}
