// Which frame is shown: steps, jumps, and playing.

import type { Frames } from "../stage/frames";
import type { Store } from "../state/store";

export class Transport {
  constructor(
    private readonly store: Store,
    private readonly frames: Frames,
  ) {}

  // Shows a frame once it is loaded; if several are asked for meanwhile, the last one.
  async goTo(index: number): Promise<void> {
    void index;
    void this.store;
    void this.frames;
  }

  step(_count: number): void {}

  // Plays at a multiple of the video's speed; negative: backward.
  play(_speed: number): void {}

  pause(): void {}
}
