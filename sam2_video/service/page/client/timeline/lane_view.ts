// One row of the timeline: an object's name, where it was found, and its marked frames.

import { h } from "../dom";
import type { Opened, Store } from "../state/store";
import { colourOf } from "../state/store";
import type { Lane, Segment } from "./lanes";
import { isSameLane, laneText, markText } from "./lanes";
import { frameText, rateOf } from "./time";
import type { Transport } from "./transport";

const LOWEST = 0.3; // height of a segment whose score is 0, as a part of the lane
const TRACKED = 0.4; // opacity where it is not known whether the object is in sight
const STALE = 0.4;

export class LaneView {
  readonly element: HTMLElement;
  private readonly name: HTMLButtonElement;
  private readonly label = h("span", { class: "tl-label" });
  private readonly about = h("span", { class: "hidden-text" });
  private readonly canvas = h("canvas", { class: "tl-canvas", "aria-hidden": "true" });
  private readonly lane: HTMLElement;
  private readonly marks = h("div", { class: "tl-marks" });
  private shownMarks = "";
  private shown: Lane | null = null;
  private wasActive = false; // an active lane has another ground

  constructor(
    readonly object: string,
    store: Store,
    private readonly transport: Transport,
    choose: () => void,
  ) {
    this.name = h("button", { type: "button", class: "tl-name", onclick: choose }, h("i"), this.label, this.about);
    this.lane = h("div", { class: "tl-lane" }, this.canvas, this.marks);
    this.element = h("div", { class: "tl-row", role: "group" }, this.name, this.lane);
    this.marks.addEventListener("click", (event) => this.jump(event, store));
  }

  // Shows a lane; draws only if it has changed, or `isForced`.
  show(lane: Lane, state: Opened, isForced: boolean): void {
    const object = state.doc.objects.find(({ id }) => id === this.object)!;
    const colour = colourOf(state, this.object);
    const isActive = state.doc.active === this.object;
    this.element.style.setProperty("--colour", colour);
    this.element.setAttribute("aria-label", object.name);
    this.element.classList.toggle("tl-active", isActive);
    this.element.classList.toggle("tl-hidden", object.hidden);
    this.name.setAttribute("aria-pressed", String(isActive));
    this.label.textContent = object.name;
    if (lane !== this.shown) this.showMarks(lane, state);
    const isNew = !this.shown || !isSameLane(lane.segments, this.shown.segments);
    this.shown = lane;
    if (isNew) {
      const text = laneText(lane);
      this.about.textContent = `. ${text}`;
      this.name.title = `${object.name}: ${text}`;
    }
    if (isNew || isForced || isActive !== this.wasActive) this.draw(colour, state.project.video.num_frames);
    this.wasActive = isActive;
  }

  private showMarks(lane: Lane, { doc, project: { video } }: Opened): void {
    const key = JSON.stringify(lane.marks.map((frame) => [frame, markText(doc, this.object, frame)]));
    if (key === this.shownMarks) return;
    this.shownMarks = key;
    const focused = this.marks.contains(document.activeElement) ? document.activeElement : null;
    const frame = focused instanceof HTMLElement ? Number(focused.dataset.frame) : null;
    const buttons = lane.marks.map((at) => {
      const text = `${frameText(at, video.num_frames, rateOf(video))}: ${markText(doc, this.object, at)}`;
      const button = h("button", {
        type: "button",
        class: "tl-mark",
        "aria-label": text,
        title: text,
        "data-frame": at,
      });
      button.style.left = `${((at + 0.5) * 100) / video.num_frames}%`;
      return button;
    });
    this.marks.replaceChildren(...buttons);
    if (frame === null) return;
    (buttons.find((one) => Number(one.dataset.frame) === frame) ?? buttons[0] ?? this.name).focus();
  }

  // Marks near one another overlap: the nearest to the pointer counts.
  private jump(event: MouseEvent, store: Store): void {
    const button = (event.target as Element).closest<HTMLElement>(".tl-mark");
    const { opened } = store;
    if (!button || !opened || !this.shown) return;
    let frame = Number(button.dataset.frame);
    if (event.detail > 0) {
      const box = this.marks.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * opened.project.video.num_frames - 0.5;
      frame = this.shown.marks.reduce((best, one) => (Math.abs(one - at) < Math.abs(best - at) ? one : best), frame);
    }
    void this.transport.seek(frame);
  }

  private draw(colour: string, numFrames: number): void {
    const ratio = window.devicePixelRatio;
    const width = Math.round(this.lane.clientWidth * ratio);
    const height = Math.round(this.lane.clientHeight * ratio);
    if (!width || !height) return;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const context = this.canvas.getContext("2d")!;
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.lane);
    const x = (frame: number) => Math.round((frame * width) / numFrames);
    const segments = this.shown!.segments;
    const rectangles = (fits: (segment: Segment) => boolean, top: (segment: Segment) => number, bottom: number) => {
      context.beginPath();
      for (const segment of segments) {
        if (!fits(segment)) continue;
        const left = x(segment.first);
        const y = Math.round(top(segment));
        context.rect(left, y, Math.max(1, x(segment.last + 1) - left), bottom - y);
      }
      context.fill();
    };
    const margin = 4 * ratio;
    const full = height - 2 * margin;
    const bottom = height - margin;
    context.fillStyle = style.backgroundColor; // over the hatching of what is not tracked
    rectangles(
      ({ presence }) => presence !== "untracked",
      () => 0,
      height,
    );
    context.fillStyle = colour;
    for (const isStale of [false, true]) {
      const fade = isStale ? STALE : 1;
      const is = (presence: string) => (one: Segment) => one.presence === presence && one.isStale === isStale;
      context.globalAlpha = TRACKED * fade;
      rectangles(is("tracked"), () => margin, bottom);
      context.globalAlpha = fade;
      rectangles(is("seen"), ({ score }) => bottom - full * (LOWEST + (1 - LOWEST) * score), bottom);
      rectangles(is("gone"), () => bottom - ratio, bottom);
    }
    context.globalAlpha = 1;
    this.stripe(context, style.backgroundColor, ({ isStale }) => isStale, x, ratio);
    context.fillStyle = style.getPropertyValue("--warn");
    rectangles(
      ({ isStale }) => isStale,
      () => 0,
      Math.round(2 * ratio),
    );
  }

  // Stripes over segments.
  private stripe(
    context: CanvasRenderingContext2D,
    colour: string,
    fits: (segment: Segment) => boolean,
    x: (frame: number) => number,
    ratio: number,
  ): void {
    const { width, height } = this.canvas;
    const striped = this.shown!.segments.filter(fits);
    if (!striped.length) return;
    context.save();
    context.beginPath();
    for (const { first, last } of striped) context.rect(x(first), 0, x(last + 1) - x(first), height);
    context.clip();
    context.beginPath();
    for (let left = -height; left < width; left += 7 * ratio) {
      context.moveTo(left, height);
      context.lineTo(left + height, 0);
    }
    context.strokeStyle = colour;
    context.lineWidth = 2 * ratio;
    context.stroke();
    context.restore();
  }
}
