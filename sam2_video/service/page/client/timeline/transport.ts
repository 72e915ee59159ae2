// Which frame is shown: steps, jumps, and playing.

import { problemOf } from "../api";
import type { Frames } from "../stage/frames";
import type { Store } from "../state/store";
import type { Problem } from "../types";
import { advanced, firstPlayed } from "./playback";
import { rateOf } from "./time";

const MOST_AHEAD_MS = 2000; // a frame that takes longer to load is not waited for with the clock

// The time in milliseconds, and when the next picture can be shown.
export interface Clock {
  now(): number;
  tick(): Promise<unknown>;
}

const CLOCK: Clock = {
  now: () => performance.now(),
  tick: () => new Promise((resolve) => requestAnimationFrame(resolve)),
};

export class Transport {
  private wanted: number | null = null; // the frame that is being loaded, or is next
  private loading: Promise<void> | null = null;
  private run = 0; // counts calls of `play`; an older loop ends
  private latency = 0; // milliseconds that a frame takes to load
  private problem: Problem | null = null; // what this has shown

  constructor(
    private readonly store: Store,
    private readonly frames: Pick<Frames, "load" | "prefetch">,
    private readonly clock: Clock = CLOCK,
  ) {}

  // The frame that is being loaded, or else the shown one.
  get target(): number {
    return this.wanted ?? this.store.state.frame;
  }

  // Shows a frame once it is loaded; if several are asked for meanwhile, then the last one.
  // Resolves when none is left to be loaded.
  goTo(index: number): Promise<void> {
    const { opened } = this.store;
    if (!opened) return Promise.resolve();
    this.pause();
    this.wanted = Math.min(Math.max(index, 0), opened.project.video.num_frames - 1);
    this.loading ??= this.loadWanted().finally(() => {
      this.loading = this.wanted = null;
    });
    return this.loading;
  }

  // Goes to a frame by hand: the shown frame follows the tracking no longer.
  seek(index: number): Promise<void> {
    this.leaveTracking();
    return this.goTo(index);
  }

  // Keeps the shown frame: ends playing and following, and drops the frame that is being loaded.
  stay(): void {
    this.pause();
    this.leaveTracking();
    this.wanted = null;
  }

  step(count: number): void {
    void this.seek(this.target + count);
  }

  // Plays the range at a multiple of the video's speed (negative: backward), in the video's time:
  // frames that are not loaded in time are skipped. Stops at the end of the range, unless it loops.
  play(speed: number): void {
    const { opened } = this.store;
    if (!opened || opened.project.video.num_frames < 2) return;
    this.leaveTracking();
    this.run += 1;
    this.store.update({ isPlaying: true, speed, selected: null });
    void this.playOn(this.run);
  }

  pause(): void {
    if (this.store.state.isPlaying) this.store.update({ isPlaying: false });
  }

  toggle(): void {
    if (this.store.state.isPlaying) this.pause();
    else this.play(1);
  }

  private async loadWanted(): Promise<void> {
    for (let next = this.wanted; next !== null; next = this.wanted) {
      const project = this.store.state.project?.id;
      const isOld = () => this.store.state.project?.id !== project;
      try {
        await this.frames.load(next);
      } catch (error) {
        if (isOld() || next !== this.wanted) continue;
        this.fail(error);
        return;
      }
      if (isOld()) {
        if (!this.store.opened) return;
        continue;
      }
      if (this.wanted === null) return; // dropped
      this.show(next);
      if (next === this.wanted) return;
    }
  }

  private async playOn(run: number): Promise<void> {
    const goesOn = () => run === this.run && this.store.state.isPlaying;
    await this.loading;
    if (!goesOn()) return;
    const { speed, doc } = this.store.state;
    let frame = firstPlayed(this.store.state.frame, speed, doc!.range);
    let isFirst = frame !== this.store.state.frame;
    let due = this.clock.now(); // when `frame` was to be shown
    while (goesOn()) {
      const { project, doc, loop } = this.store.opened!;
      const period = 1000 / rateOf(project.video) / Math.abs(speed);
      const direction = Math.sign(speed);
      const ahead = Math.min(this.latency, MOST_AHEAD_MS);
      const count = isFirst ? 0 : Math.max(1, Math.ceil((this.clock.now() + ahead - due) / period));
      const next = isFirst ? frame : advanced(frame, count * direction, doc.range, loop);
      const shown = next ?? (direction > 0 ? doc.range.end : doc.range.start);
      const after = advanced(shown, Math.max(1, count) * direction, doc.range, loop);
      try {
        const loaded = this.load(shown);
        if (after !== null) this.frames.prefetch(after, Math.max(1, count) * direction);
        await loaded;
      } catch (error) {
        if (goesOn()) this.fail(error);
        return;
      }
      due = isFirst ? this.clock.now() : due + count * period;
      isFirst = false;
      while (goesOn() && this.clock.now() < due) await this.clock.tick();
      if (!goesOn()) return;
      this.show(shown);
      if (next === null) this.pause();
      frame = shown;
      await this.clock.tick();
    }
  }

  private async load(index: number): Promise<void> {
    const from = this.clock.now();
    await this.frames.load(index);
    const took = this.clock.now() - from;
    this.latency = Math.max(took, this.latency * 0.8);
  }

  private show(frame: number): void {
    const { state } = this.store;
    const patch = state.problem && state.problem === this.problem ? { problem: null } : {};
    this.problem = null;
    this.store.update({ frame, selected: frame === state.frame ? state.selected : null, ...patch });
  }

  private fail(error: unknown): void {
    this.problem = problemOf(error);
    this.store.update({ isPlaying: false, problem: this.problem });
  }

  private leaveTracking(): void {
    if (this.store.state.follow) this.store.update({ follow: false });
  }
}
