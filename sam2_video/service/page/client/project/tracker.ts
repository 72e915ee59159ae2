// Tracks objects: starts a track, follows it, and cancels it.

import { cancelTrack, getLanes, problemOf, startTrack, trackEventsUrl } from "../api";
import type { Frames } from "../stage/frames";
import type { Opened, Store } from "../state/store";
import { isActive, joined, lastSeen, type Plan, planAll, planFrom, reaches, trackOf } from "../state/tracked";
import type { Transport } from "../timeline/transport";
import type { Track, TrackReport } from "../types";

export class Tracker {
  private events: EventSource | null = null;
  private isStarting = false;

  constructor(
    private readonly store: Store,
    private readonly frames: Frames,
    private readonly transport: Transport,
  ) {
    store.subscribe((state, before) => {
      if (state.project?.id === before.project?.id) return;
      this.events?.close();
      if (state.tracking) this.listen(state.tracking);
    });
  }

  // Tracks all objects over the range anew.
  trackAll(): Promise<void> {
    const { opened } = this.store;
    return this.start(opened && planAll(opened.doc));
  }

  // Tracks from the shown frame on, from the masks that are there. If nothing is in sight there, it
  // goes back to where something was that is not tracked to the end.
  async trackFromHere(): Promise<void> {
    const { opened } = this.store;
    if (!opened) return;
    try {
      let plan = await this.planFrom(opened, opened.frame);
      const back = plan ? null : await this.seenBefore(opened);
      if (back !== null) plan = await this.planFrom(opened, back);
      if (this.store.state.project?.id !== opened.project.id) return;
      if (plan) return await this.start(plan);
      const sentence = `There is nothing to track from on frame ${opened.frame + 1}. Click there on an object, or go to a frame that shows one.`;
      this.store.update({ problem: { sentence, field: null } });
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }

  private async planFrom({ doc, project }: Opened, frame: number): Promise<Plan | null> {
    const { masks } = await this.frames.load(frame);
    return planFrom(doc, project.tracks, frame, (object) => (masks.get(object)?.box ?? null) !== null);
  }

  // The last frame before the shown one with an object in sight that is not tracked to the end.
  private async seenBefore({ doc, project, frame }: Opened): Promise<number | null> {
    const found = doc.objects.map(async ({ id }) => {
      const track = trackOf(project.tracks, id, frame);
      const isWhole = reaches(project.tracks, id, frame, doc.range.end);
      return track && !isWhole ? lastSeen(await getLanes(track), id, frame) : null;
    });
    const frames = (await Promise.all(found)).filter((one) => one !== null);
    return frames.length ? Math.max(...frames) : null;
  }

  // Stops; the frames that are done stay.
  async cancel(): Promise<void> {
    const { tracking } = this.store.state;
    if (!tracking) return;
    try {
      await cancelTrack(tracking);
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }

  private async start(plan: Plan | null): Promise<void> {
    const { opened } = this.store;
    if (!opened || !plan || opened.tracking || this.isStarting) return;
    const objects = plan.objects.map((id) => ({
      id,
      name: opened.doc.objects.find((one) => one.id === id)?.name ?? id,
    }));
    this.store.update({ problem: null, isPlaying: false, follow: true });
    this.isStarting = true;
    try {
      const track = await startTrack(opened.project, plan, objects);
      if (this.store.state.project?.id !== opened.project.id) return; // its own project lists it
      this.store.setTrack(track);
      this.listen(track);
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    } finally {
      this.isStarting = false;
    }
  }

  private listen(track: Track): void {
    this.events?.close();
    const events = new EventSource(trackEventsUrl(track));
    this.events = events;
    let frames = track.frames;
    events.onmessage = ({ data }: MessageEvent<string>) => {
      const report = JSON.parse(data) as TrackReport;
      frames = report.first ? report.frames : joined([...frames, ...report.frames]);
      const { first: _first, new_log: _log, ...rest } = report;
      this.store.setTrack({ ...rest, frames });
      const newest = report.frames.at(-1)?.[1];
      if (newest !== undefined && this.store.state.follow) void this.transport.goTo(newest);
      if (isActive(report)) return;
      events.close();
      if (report.error) this.store.update({ problem: report.error });
    };
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return; // the browser tries again
      this.store.setTrack({ ...track, frames, status: "failed" });
      this.store.update({ problem: { sentence: "The server does not answer. Is it still running?", field: null } });
    };
  }
}
