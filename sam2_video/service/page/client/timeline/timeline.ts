// The timeline: a lane for each object, thumbnails, the range, the playhead; and the transport's buttons.

import { getLanes, problemOf } from "../api";
import { h } from "../dom";
import { chooseObject, setRange } from "../state/document";
import type { Opened, State, Store } from "../state/store";
import type { Lanes } from "../types";
import { buildBar } from "./bar";
import { LaneView } from "./lane_view";
import { type Lane, lanesOf, tracksInUse } from "./lanes";
import { Strip } from "./strip";
import { frameText, rateOf, ticksOf } from "./time";
import type { Transport } from "./transport";
import "./timeline.css";

const STILL = 4; // CSS pixels that a pointer may move on a mark during a click

export function buildTimeline(store: Store, root: HTMLElement, transport: Transport): void {
  const timeline = new Timeline(store, root, transport);
  store.subscribe((_state, before) => timeline.render(before));
}

class Timeline {
  private readonly strip = new Strip();
  private readonly ruler = h("div", { class: "tl-ruler", "aria-hidden": "true" });
  private readonly rows = h("div", { class: "tl-rows" });
  private readonly empty = h("p", { class: "tl-empty" }, "Objects that you mark on the picture get a lane here.");
  private readonly lanesBox = h("div", { class: "tl-lanes" }, this.rows, this.empty);
  private readonly track = h("div", { class: "tl-track" }); // spans all frames, over everything
  private readonly before = h("div", { class: "tl-shade" }); // outside the range
  private readonly behind = h("div", { class: "tl-shade" });
  private readonly playhead: HTMLElement;
  private readonly inHandle: HTMLElement;
  private readonly outHandle: HTMLElement;
  private readonly area: HTMLElement;
  private readonly views = new Map<string, LaneView>();
  private readonly known = new Map<string, Lanes>(); // by the id of their track
  private readonly asked = new Set<string>(); // tracks whose lanes were asked for
  private lanes: readonly Lane[] = [];
  private inputs: readonly unknown[] = []; // that `lanes` was made from
  private scrubbed: number | null = null; // the frame under the pointer, until it is shown
  private pending = 0; // the next drawing
  private isForced = true; // it draws what has not changed, too

  constructor(
    private readonly store: Store,
    private readonly root: HTMLElement,
    private readonly transport: Transport,
  ) {
    const slider = (name: string, label: string, moved: (to: number) => void) =>
      h("div", {
        class: name,
        role: "slider",
        tabIndex: 0,
        "aria-label": label,
        onkeydown: (event: KeyboardEvent) => this.key(event, moved),
      });
    this.playhead = slider("tl-playhead", "Playhead", (to) => void transport.seek(to));
    this.inHandle = slider("tl-handle tl-in", "Beginning of the range", (to) => this.setEdge("start", to));
    this.outHandle = slider("tl-handle tl-out", "End of the range", (to) => this.setEdge("end", to));
    this.track.append(this.before, this.behind, this.inHandle, this.outHandle, this.playhead);
    this.area = h(
      "div",
      { class: "tl-area" },
      h("div", { class: "tl-head" }, this.ruler, this.strip.element),
      this.lanesBox,
      this.track,
    );
    root.append(
      buildBar(store, transport, () => this.playhead.focus()),
      this.area,
    );
    this.area.addEventListener("pointerdown", (event) => this.press(event));
    this.dragEdge(this.inHandle, "start");
    this.dragEdge(this.outHandle, "end");
    new ResizeObserver(() => this.drawSoon(true)).observe(this.ruler);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawSoon(true));
  }

  render(before: State): void {
    const { opened } = this.store;
    this.root.hidden = !opened || opened.project.video.num_frames === 1;
    if (!opened) return;
    const isOther = opened.project.id !== before.project?.id;
    if (isOther) {
      this.known.clear();
      this.asked.clear();
      this.scrubbed = null;
    }
    const { doc, project } = opened;
    this.place(opened);
    if (isOther || project.tracks !== before.project?.tracks || doc.objects !== before.doc?.objects) this.ask(opened);
    if (isOther || project.tracks !== before.project?.tracks || doc !== before.doc) this.drawSoon(isOther);
  }

  // The playhead and the range.
  private place({ doc, frame, project: { video } }: Opened): void {
    const { num_frames: count } = video;
    const rate = rateOf(video);
    const at = this.scrubbed ?? frame;
    this.playhead.style.left = `${((at + 0.5) * 100) / count}%`;
    const { start, end } = doc.range;
    this.before.style.width = this.inHandle.style.left = `${(start * 100) / count}%`;
    this.behind.style.left = this.outHandle.style.left = `${((end + 1) * 100) / count}%`;
    for (const [handle, value, least, most] of [
      [this.playhead, at, 0, count - 1],
      [this.inHandle, start, 0, end],
      [this.outHandle, end, start, count - 1],
    ] as const) {
      handle.setAttribute("aria-valuemin", String(least + 1));
      handle.setAttribute("aria-valuemax", String(most + 1));
      handle.setAttribute("aria-valuenow", String(value + 1));
      handle.setAttribute("aria-valuetext", frameText(value, count, rate));
    }
  }

  private ask({ doc, project }: Opened): void {
    const objects = doc.objects.map(({ id }) => id);
    for (const track of tracksInUse(project.tracks, objects, project.video.num_frames)) {
      if (this.asked.has(track.id)) continue;
      this.asked.add(track.id);
      const isOld = () => this.store.state.project?.id !== project.id;
      getLanes(track)
        .then((lanes) => {
          if (isOld()) return;
          this.known.set(track.id, lanes);
          this.drawSoon(false);
        })
        .catch((error: unknown) => {
          if (!isOld()) this.store.update({ problem: problemOf(error) });
        });
    }
  }

  private drawSoon(isForced: boolean): void {
    this.isForced ||= isForced;
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      const { opened } = this.store;
      if (!opened || this.root.hidden) return;
      if (this.isForced) this.drawRuler(opened);
      this.drawLanes(opened, this.isForced);
      this.isForced = false;
    });
  }

  private drawRuler({ project: { video } }: Opened): void {
    const { num_frames: count } = video;
    const width = this.ruler.clientWidth;
    this.strip.show(video, width);
    const ticks = ticksOf(count, rateOf(video), width).map(({ frame, label }) => {
      const tick = h("span", { class: label ? "tl-tick tl-labelled" : "tl-tick" }, label);
      tick.style.left = `${(frame * 100) / count}%`;
      return tick;
    });
    this.ruler.replaceChildren(...ticks);
  }

  private drawLanes(opened: Opened, isForced: boolean): void {
    const { doc, project } = opened;
    const inputs = [project.tracks, doc.marks, doc.objects, this.known.size];
    if (inputs.some((input, index) => input !== this.inputs[index])) {
      this.inputs = inputs;
      this.lanes = lanesOf(doc, project.tracks, this.known, project.video.num_frames);
    }
    const ids = this.lanes.map(({ object }) => object);
    for (const [id, view] of this.views) {
      if (ids.includes(id)) continue;
      if (view.element.contains(document.activeElement)) this.playhead.focus();
      view.element.remove();
      this.views.delete(id);
    }
    this.empty.hidden = this.lanes.length > 0;
    const order = [...this.rows.children];
    this.lanes.forEach((lane, index) => {
      let view = this.views.get(lane.object);
      const isNew = !view;
      if (!view) {
        const choose = () => this.store.adjust((one) => chooseObject(one, lane.object));
        view = new LaneView(lane.object, this.store, this.transport, choose);
        this.views.set(lane.object, view);
      }
      if (order[index] !== view.element) this.rows.insertBefore(view.element, this.rows.children[index] ?? null);
      view.show(lane, opened, isForced || isNew);
      if (isNew && lane.object === doc.active) view.element.scrollIntoView({ block: "nearest" });
    });
  }

  private frameAt(clientX: number): number {
    const box = this.track.getBoundingClientRect();
    const count = this.store.opened?.project.video.num_frames ?? 1;
    return Math.min(Math.max(Math.floor(((clientX - box.left) / box.width) * count), 0), count - 1);
  }

  // Dragging anywhere goes through the frames; a click on a mark stays a click.
  private press(event: PointerEvent): void {
    const target = event.target as Element;
    if (event.button !== 0 || target.closest(".tl-name, .tl-handle, .tl-empty")) return;
    const onMark = target.closest(".tl-mark") !== null;
    const isTouch = event.pointerType === "touch";
    const area = this.area;
    let isDragged = false;
    let going: Promise<void> | null = null;
    const drag = () => {
      isDragged = true;
      area.setPointerCapture(event.pointerId);
      area.classList.add("tl-scrubbing");
    };
    const go = (clientX: number) => {
      this.scrubbed = this.frameAt(clientX);
      const { opened } = this.store;
      if (opened) this.place(opened);
      going = this.transport.seek(this.scrubbed);
    };
    const move = (moved: PointerEvent) => {
      if (moved.pointerId !== event.pointerId) return;
      if (!isDragged && Math.abs(moved.clientX - event.clientX) > STILL) drag();
      if (isDragged) go(moved.clientX);
    };
    const end = (ended: PointerEvent) => {
      if (ended.pointerId !== event.pointerId) return;
      area.removeEventListener("pointermove", move);
      area.removeEventListener("pointerup", end);
      area.removeEventListener("pointercancel", end);
      area.classList.remove("tl-scrubbing");
      if (ended.type === "pointerup" && !isDragged && !onMark) go(ended.clientX);
      void going?.then(() => this.settle());
    };
    area.addEventListener("pointermove", move);
    area.addEventListener("pointerup", end);
    area.addEventListener("pointercancel", end);
    if (onMark || isTouch) return; // a finger may scroll the lanes
    drag();
    go(event.clientX);
  }

  // What was scrubbed to is shown.
  private settle(): void {
    this.scrubbed = null;
    if (this.store.opened) this.place(this.store.opened);
  }

  private dragEdge(handle: HTMLElement, edge: "start" | "end"): void {
    const side = edge === "start" ? 0 : 1;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      const rect = this.track.getBoundingClientRect();
      const { opened } = this.store;
      if (!opened) return;
      const { num_frames: count } = opened.project.video;
      const grip = event.clientX - (rect.left + ((opened.doc.range[edge] + side) / count) * rect.width);
      const move = ({ clientX }: PointerEvent) => {
        const { left, width } = this.track.getBoundingClientRect();
        this.setEdge(edge, Math.round(((clientX - grip - left) / width) * count) - side);
      };
      const end = () => handle.removeEventListener("pointermove", move);
      handle.addEventListener("pointermove", move);
      handle.addEventListener("pointerup", end, { once: true });
      handle.addEventListener("pointercancel", end, { once: true });
    });
  }

  // Moves one end of the range, no further than the other.
  private setEdge(edge: "start" | "end", to: number): void {
    const { opened } = this.store;
    if (!opened) return;
    const { start, end } = opened.doc.range;
    const { num_frames: count } = opened.project.video;
    const range = edge === "start" ? [Math.min(to, end), end] : [start, Math.max(to, start)];
    this.store.adjust((doc) => setRange(doc, range[0]!, range[1]!, count));
  }

  private key(event: KeyboardEvent, moved: (to: number) => void): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const handle = event.currentTarget as HTMLElement;
    const count = this.store.opened?.project.video.num_frames ?? 1;
    const isPlayhead = handle === this.playhead;
    const now = isPlayhead ? this.transport.target : Number(handle.getAttribute("aria-valuenow")) - 1;
    const step = event.shiftKey ? 10 : 1;
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: now - step,
      ArrowDown: now - step,
      ArrowRight: now + step,
      ArrowUp: now + step,
      PageDown: now - 10,
      PageUp: now + 10,
      Home: 0,
      End: count - 1,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    moved(Math.min(Math.max(to, 0), count - 1));
  }
}
