// The bar that starts, follows and stops tracking; it says what is out of date.

import { h, icon } from "../dom";
import type { Tracker } from "../project/tracker";
import type { Opened, State, Store } from "../state/store";
import type { Transport } from "../timeline/transport";
import type { Track } from "../types";
import { progress, toggle } from "./controls";
import { setUsable } from "./tools";
import { frameNumber, offerOf, secondsText } from "./words";

export function buildTracking(
  store: Store,
  root: HTMLElement,
  tracker: Tracker,
  transport: Transport,
  showExport: () => void,
): void {
  const sentence = h("p", { class: "track-sentence", id: "track-sentence", role: "status" });
  const main = h("button", { type: "button", id: "track", "aria-describedby": "track-sentence" });
  const all = h("button", { type: "button", class: "quiet", id: "track-all" }, "Track all again");
  const toExport = h(
    "button",
    { type: "button", class: "primary", id: "to-export", onclick: showExport },
    icon("download"),
    "Export",
  );
  const bar = progress("Frames tracked");
  const stop = h("button", { type: "button", id: "stop-track", onclick: () => void tracker.cancel() }, "Stop");
  const follow = toggle("Following", "", (on) => store.update({ follow: on }));
  const idle = h("div", { class: "track-buttons" }, main, toExport);
  const busy = h("div", { class: "track-buttons" }, follow.element, stop);
  root.append(bar.element, h("div", { class: "track-head" }, sentence, all), idle, busy);

  main.onclick = async () => {
    const { opened } = store;
    if (!opened || main.getAttribute("aria-disabled") === "true") return;
    const { from } = offerOf(opened);
    if (from === null) return tracker.trackAll();
    if (from !== opened.frame) await transport.goTo(from);
    if (store.state.frame === from) await tracker.trackFromHere(); // not after a press on the picture
  };
  all.onclick = () => void tracker.trackAll();

  store.subscribe((state, before) => {
    const { opened } = store;
    if (!opened) return;
    const { tracking } = state;
    const hadFocus = root.contains(document.activeElement);
    idle.hidden = tracking !== null;
    busy.hidden = tracking === null;
    bar.element.hidden = tracking === null;
    follow.show(state.follow);
    if (tracking) {
      all.hidden = true;
      setText(sentence, runText(tracking));
      bar.show(tracking.status === "waiting" ? null : tracking.frames_done / Math.max(1, tracking.frames_total));
    } else {
      showOffer(opened);
    }
    if (hadFocus && (tracking === null) !== (before.tracking === null)) (tracking ? stop : main).focus();
    document.title = titleOf(state);
  });

  function showOffer(opened: Opened): void {
    const offer = offerOf(opened);
    const isHere = offer.from === opened.frame;
    const isPicture = opened.project.video.num_frames === 1;
    const again = isPicture
      ? "Find again"
      : isHere
        ? "Track from here"
        : `Track from frame ${frameNumber(offer.from ?? 0)}`;
    const first = isPicture ? "Cut out" : "Track";
    setText(main, offer.from === null ? first : again);
    setText(sentence, offer.sentence);
    setUsable(main, offer.why === null);
    main.classList.toggle("primary", !offer.isComplete);
    all.hidden = !offer.isTracked || !offer.hasPoints || offer.from === null || isPicture || offer.why !== null;
    toExport.hidden = !offer.isComplete;
    if (isPicture && offer.isComplete) main.hidden = true;
    else main.hidden = false;
  }
}

// Text that is the same is not said again.
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function runText({ status, frames_done, frames_total, seconds_left }: Track): string {
  if (status === "waiting") return "Waiting for the model…";
  if (frames_done === 0) return "Finding the object…";
  const left = seconds_left === null ? "" : `, ${secondsText(seconds_left)} left`;
  return `Tracking: ${frames_done} of ${frames_total} frames${left}`;
}

const TITLE = "Cut anything out of a video · sam2-video";

function titleOf({ project, tracking }: State): string {
  if (!project) return TITLE;
  const active = project.exports.find(({ status }) => status === "running");
  const run = tracking ?? active;
  if (!run) return `${project.name} · sam2-video`;
  const part = Math.floor((100 * run.frames_done) / Math.max(1, run.frames_total));
  return `${part} % · ${project.name}`;
}
