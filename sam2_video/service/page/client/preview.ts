// Previews the masks of the shown frame from its points, without a run.

import { BusyError, maskOf } from "./api";
import { colourOf, type State, type Store } from "./store";
import type { Prompt, Video } from "./types";

const RETRY_MS = 800;
const KEPT_MASKS = 60;

export type PreviewStatus =
  | { readonly kind: "nothing" | "ready" | "working" | "waiting" | "starting" }
  | { readonly kind: "later"; readonly names: readonly string[] } // applied during the run
  | { readonly kind: "failed"; readonly sentence: string };

// One byte a pixel, 255 where the object is.
type Mask = Uint8Array;

export class Preview {
  private masks = new Map<string, Mask>();
  private giveUp = new AbortController();

  constructor(
    store: Store,
    private readonly canvas: HTMLCanvasElement,
    private readonly tell: (status: PreviewStatus) => void,
  ) {
    store.subscribe((state, before) => {
      const isNew = state.resolved !== before.resolved || state.frame !== before.frame || state.video !== before.video;
      if (isNew) void this.show(state);
    });
  }

  private async show(state: State): Promise<void> {
    this.giveUp.abort();
    this.giveUp = new AbortController();
    const { signal } = this.giveUp;
    const { video } = state;
    if (!video) return;
    const here = state.resolved.objects.flatMap(({ name, prompts }) =>
      prompts.filter((prompt) => prompt.frame === state.frame).map((prompt) => ({ name, prompt })),
    );
    const wanted = here.filter(({ prompt }) => prompt.is_conditioning);
    const later = here.filter(({ prompt }) => !prompt.is_conditioning).map(({ name }) => name);
    const found = () =>
      wanted.flatMap(({ name, prompt }) => {
        const mask = this.masks.get(keyOf(video, prompt));
        return mask ? [{ mask, colour: colourOf(state, name) }] : [];
      });
    paint(this.canvas, video, found());
    const { error } = state.resolved;
    if (error) {
      this.tell({ kind: "failed", sentence: error.sentence });
      return;
    }
    try {
      for (const { prompt } of wanted) {
        const key = keyOf(video, prompt);
        if (this.masks.has(key)) continue;
        this.tell({ kind: "working" });
        this.keep(key, await this.ask(video, prompt, signal));
        paint(this.canvas, video, found());
      }
      if (later.length) this.tell({ kind: "later", names: later });
      else this.tell({ kind: wanted.length ? "ready" : "nothing" });
    } catch (error) {
      if (signal.aborted) return;
      this.tell({ kind: "failed", sentence: error instanceof Error ? error.message : String(error) });
    }
  }

  // Retries until the worker is free.
  private async ask(video: Video, prompt: Prompt, signal: AbortSignal): Promise<Mask> {
    for (;;) {
      try {
        return await readMask(await maskOf(video, prompt, signal));
      } catch (error) {
        const isStarting = (error as { status?: number }).status === 503;
        if (!isStarting && !(error instanceof BusyError)) throw error;
        // Right after an answer a worker is busy for a few milliseconds: do not show that.
        const quiet = setTimeout(() => this.tell({ kind: isStarting ? "starting" : "waiting" }), 250);
        try {
          await pause(isStarting ? RETRY_MS : RETRY_MS / 2, signal);
        } finally {
          clearTimeout(quiet);
        }
      }
    }
  }

  private keep(key: string, mask: Mask): void {
    this.masks.set(key, mask);
    for (const oldest of this.masks.keys()) {
      if (this.masks.size <= KEPT_MASKS) break;
      this.masks.delete(oldest);
    }
  }
}

function keyOf(video: Video, prompt: Prompt): string {
  return JSON.stringify([video.id, prompt.frame, prompt.points, prompt.labels]);
}

async function readMask(bitmap: ImageBitmap): Promise<Mask> {
  const scratch = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = scratch.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser cannot read pictures.");
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const mask = new Uint8Array(bitmap.width * bitmap.height);
  for (let i = 0; i < mask.length; i += 1) mask[i] = pixels[4 * i]! > 127 ? 255 : 0;
  return mask;
}

// Draws each mask half transparent, as in the result, and its edge.
function paint(canvas: HTMLCanvasElement, video: Video, layers: readonly { mask: Mask; colour: string }[]): void {
  const { width, height } = video;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context) return;
  context.clearRect(0, 0, width, height);
  canvas.dataset.objects = String(layers.length);
  if (!layers.length) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (const { mask, colour } of layers) {
    const [red, green, blue] = (colour.match(/\d+/g) ?? []).map(Number);
    const rgb = ((blue ?? 0) << 16) | ((green ?? 0) << 8) | (red ?? 0);
    const filled = (rgb | (128 << 24)) >>> 0;
    const edge = (rgb | (255 << 24)) >>> 0;
    const thick = Math.max(1, Math.round(width / 900));
    for (let y = 0, i = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, i += 1) {
        if (!mask[i]) continue;
        const isEdge =
          (x >= thick && !mask[i - thick]) ||
          (x < width - thick && !mask[i + thick]) ||
          (y >= thick && !mask[i - thick * width]) ||
          (y < height - thick && !mask[i + thick * width]);
        pixels[i] = isEdge ? edge : filled;
      }
    }
  }
  context.putImageData(image, 0, 0);
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
