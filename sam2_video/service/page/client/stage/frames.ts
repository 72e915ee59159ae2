// Frames and masks as the stage shows them: loaded, decoded, and kept for a while.

import type { Store } from "../state/store";

// The mask of an object: the pixels of `indices` that have `value`.
export interface Layer {
  readonly indices: Uint8Array; // one byte a pixel of the frame
  readonly value: number;
}

export interface Loaded {
  readonly picture: ImageBitmap;
  readonly masks: ReadonlyMap<string, Layer>; // by object: the newest mask of each that has been tracked
}

export class Frames {
  constructor(private readonly store: Store) {}

  // A frame with the newest masks of its objects.
  async load(_index: number): Promise<Loaded> {
    throw new Error("to be written");
  }

  // The same if it is here already; null if it has to be loaded.
  now(_index: number): Loaded | null {
    void this.store;
    return null;
  }

  // Loads what is shown next: from a frame on, in steps of `step` frames (negative: backward).
  prefetch(_index: number, _step: number): void {}
}
