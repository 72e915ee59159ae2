// The transport's buttons, the frame number and time code, and the range.

import { h, type IconName, icon, iconButton } from "../dom";
import { setEnd, setRange, setStart } from "../state/document";
import type { Store } from "../state/store";
import { speedText } from "./playback";
import { rateOf, timecode } from "./time";
import type { Transport } from "./transport";

// `leave` moves the focus on when the frame number has been typed.
export function buildBar(store: Store, transport: Transport, leave: () => void): HTMLElement {
  const last = () => (store.opened?.project.video.num_frames ?? 1) - 1;
  const button = (name: IconName, label: string, keys: string, act: () => void, extra = "") => {
    const made = iconButton(name, label, act);
    made.title = `${label} (${keys})`;
    made.setAttribute("aria-keyshortcuts", keys);
    if (extra) made.classList.add(extra);
    return made;
  };
  const play = button("play", "Play", "Space", () => transport.toggle(), "tl-play");
  const loop = button("loop", "Loop", "Shift+L", () => store.update({ loop: !store.state.loop }), "tl-loop");
  const buttons = h(
    "div",
    { class: "tl-buttons", role: "group", "aria-label": "Playing" },
    button("toStart", "First frame", "Home", () => void transport.seek(0), "tl-wide"),
    button("left", "One frame back", "ArrowLeft", () => transport.step(-1)),
    play,
    button("right", "One frame on", "ArrowRight", () => transport.step(1)),
    button("toEnd", "Last frame", "End", () => void transport.seek(last()), "tl-wide"),
    loop,
  );

  const number = h("input", {
    type: "text",
    inputMode: "numeric",
    class: "tl-number",
    autocomplete: "off",
    "aria-label": "Frame number",
    onfocus: () => number.select(),
    onblur: () => commit(),
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Escape") number.value = String(store.state.frame + 1);
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      leave();
    },
  });
  // A number goes to its frame, or to the nearest; anything else snaps back.
  const commit = () => {
    const wanted = Number(number.value);
    const index = Number.isInteger(wanted) && number.value.trim() ? Math.min(Math.max(wanted - 1, 0), last()) : null;
    const { frame } = store.state;
    number.value = String((index ?? frame) + 1);
    if (index !== null && index !== frame) void transport.seek(index);
  };
  const total = h("span", { class: "tl-total" });
  const code = h("span", { class: "tl-code" });
  const speed = h("span", { class: "tl-speed" });
  const place = h("div", { class: "tl-place" }, number, total, h("span", { class: "tl-dot" }, "·"), code, speed);

  const edges = h("span", { class: "tl-edges" });
  const edit = (change: typeof setStart) => () => store.adjust((doc) => change(doc, store.state.frame, last() + 1));
  const whole = button("close", "Take the whole video", "X", () => {
    setIn.focus();
    store.adjust((doc) => setRange(doc, 0, last(), last() + 1));
  });
  const setIn = button("setIn", "Begin the range here", "I", edit(setStart));
  const range = h(
    "div",
    { class: "tl-range", role: "group", "aria-label": "Range" },
    h("span", { class: "tl-edges-box" }, edges, whole),
    setIn,
    button("setOut", "End the range here", "O", edit(setEnd)),
  );

  store.subscribe((state, before) => {
    const { opened } = store;
    if (!opened) return;
    const { doc, frame, isPlaying, project } = opened;
    const { video } = project;
    const isOther = project.id !== before.project?.id;
    if (isOther || frame !== before.frame) {
      if (document.activeElement !== number || isPlaying) number.value = String(frame + 1);
      code.textContent = timecode(frame, rateOf(video));
    }
    if (isOther) {
      total.textContent = `/ ${video.num_frames}`;
      number.style.width = `${Math.max(2, String(video.num_frames).length) + 1.6}ch`;
      code.title = `Hours, minutes, seconds and frames, of ${timecode(video.num_frames, rateOf(video))}`;
    }
    if (isOther || isPlaying !== before.isPlaying) {
      play.replaceChildren(icon(isPlaying ? "pause" : "play"));
      play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
      play.title = isPlaying ? "Pause (Space)" : "Play (Space)";
    }
    speed.textContent = isPlaying && state.speed !== 1 ? speedText(state.speed) : "";
    loop.setAttribute("aria-pressed", String(state.loop));
    const isWhole = doc.range.start === 0 && doc.range.end === video.num_frames - 1;
    edges.textContent = isWhole ? "Whole video" : `Frames ${doc.range.start + 1}–${doc.range.end + 1}`;
    whole.style.visibility = isWhole ? "hidden" : "";
  });
  return h("div", { class: "tl-bar" }, buttons, place, range);
}
