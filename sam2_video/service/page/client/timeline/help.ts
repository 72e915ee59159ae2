// The help card: the keys, and what a mouse and fingers do.

import { h, iconButton } from "../dom";
import { GROUPS } from "./shortcuts";
import "./help.css";

const GESTURES: readonly { title: string; entries: readonly (readonly [what: string, does: string])[] }[] = [
  {
    title: "Mouse",
    entries: [
      ["Click", "Add to the object"],
      ["Right-click", "Remove from it"],
      ["Drag a box", "With the box tool: mark the whole object"],
      ["Drag a point", "Move it"],
      ["Ctrl and wheel", "Zoom in and out"],
      ["Drag on the timeline", "Go through the frames"],
    ],
  },
  {
    title: "Touch",
    entries: [
      ["Tap", "Add to the object"],
      ["Press and hold", "Remove from it"],
      ["Two fingers", "Zoom and move the picture"],
      ["Drag on the timeline", "Go through the frames"],
    ],
  },
];

const isMac = (): boolean => /Mac|iPhone|iPad/.test(navigator.userAgent);

function keyText(key: string): string {
  if (!isMac()) return key;
  return key === "Ctrl" ? "⌘" : key === "Shift" ? "⇧" : key;
}

function group(title: string, rows: readonly (readonly [Node, string])[]): HTMLElement {
  const list = h("dl", { class: "help-rows" });
  for (const [term, does] of rows) list.append(h("div", {}, h("dt", {}, term), h("dd", {}, does)));
  return h("section", { class: "help-group" }, h("h3", {}, title), list);
}

const keysOf = (keys: readonly (readonly string[])[], joint: string): HTMLElement => {
  const all = h("span", { class: "help-keys" });
  keys.forEach((together, index) => {
    if (index) all.append(joint);
    all.append(h("span", { class: "help-chord" }, ...together.map((key) => h("kbd", {}, keyText(key)))));
  });
  return all;
};

function build(): HTMLDialogElement {
  const title = h("h2", { id: "help-title" }, "Keys and gestures");
  const card = h("dialog", { class: "help", "aria-labelledby": title.id });
  const isTouched = matchMedia("(pointer: coarse)").matches; // then keys come last
  const keys = GROUPS.map(({ title: name, entries }) =>
    group(
      name,
      entries.map(({ keys: shown, does }) => [keysOf(shown, shown[0]?.[0] === "1" ? "–" : " "), does] as const),
    ),
  );
  const gestures = GESTURES.map(({ title: name, entries }) =>
    group(
      name,
      entries.map(([what, does]) => [h("span", {}, what), does] as const),
    ),
  );
  card.append(
    h(
      "header",
      { class: "help-head" },
      title,
      iconButton("close", "Close", () => card.close()),
    ),
    h(
      "div",
      { class: "help-body", tabIndex: 0, role: "group", "aria-label": "Keys and gestures" },
      h(
        "div",
        { class: "help-columns" },
        ...(isTouched ? [...gestures.toReversed(), ...keys] : [...keys, ...gestures]),
      ),
    ),
  );
  card.addEventListener("click", (event) => event.target === card && card.close()); // beside the card
  card.addEventListener("keydown", (event) => {
    if (event.key !== "?") return;
    event.preventDefault(); // it would open the card again
    card.close();
  });
  document.body.append(card);
  return card;
}

let card: HTMLDialogElement | null = null;

export function openHelp(): void {
  card ??= build();
  if (!card.open) card.showModal();
}
