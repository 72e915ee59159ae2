// What keys do: one table for the keyboard and for the help card.

export type Action =
  | "toggle"
  | "backward"
  | "pause"
  | "forward"
  | "loop"
  | "previous frame"
  | "next frame"
  | "ten back"
  | "ten on"
  | "first frame"
  | "last frame"
  | "previous mark"
  | "next mark"
  | "set in"
  | "set out"
  | "go in"
  | "go out"
  | "whole range"
  | "choose object"
  | "new object"
  | "hide object"
  | "add"
  | "remove"
  | "box"
  | "delete"
  | "undo"
  | "redo"
  | "zoom in"
  | "zoom out"
  | "zoom fit"
  | "help"
  | "close";

export interface Shortcut {
  readonly action: Action;
  readonly keys: readonly string[]; // as KeyboardEvent.key has them, letters in lower case
  readonly shift?: boolean; // needed (true) or not allowed (false); else it does not matter
  readonly ctrl?: true; // or Command
}

export interface Entry {
  readonly keys: readonly (readonly string[])[]; // as shown: alternatives of keys pressed together
  readonly does: string;
  readonly shortcuts: readonly Shortcut[];
}

export interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

const entry = (keys: Entry["keys"], does: string, ...shortcuts: Shortcut[]): Entry => ({ keys, does, shortcuts });
const on = (action: Action, ...keys: string[]): Shortcut => ({ action, keys });
const plain = (action: Action, ...keys: string[]): Shortcut => ({ action, keys, shift: false });
const shifted = (action: Action, ...keys: string[]): Shortcut => ({ action, keys, shift: true });

export const GROUPS: readonly Group[] = [
  {
    title: "Play",
    entries: [
      entry([["Space"]], "Play or pause", plain("toggle", " ")),
      entry(
        [["J"], ["K"], ["L"]],
        "Play backward, pause, play forward; J or L again: faster",
        plain("backward", "j"),
        plain("pause", "k"),
        plain("forward", "l"),
      ),
      entry([["Shift", "L"]], "Play in a loop, or stop at the end", shifted("loop", "l")),
    ],
  },
  {
    title: "Move",
    entries: [
      entry(
        [["←"], ["→"], [","], ["."]],
        "One frame back or on",
        plain("previous frame", "arrowleft", ","),
        plain("next frame", "arrowright", "."),
      ),
      entry(
        [
          ["Shift", "←"],
          ["Shift", "→"],
        ],
        "Ten frames back or on",
        shifted("ten back", "arrowleft"),
        shifted("ten on", "arrowright"),
      ),
      entry([["Home"], ["End"]], "First or last frame", plain("first frame", "home"), plain("last frame", "end")),
      entry([["["], ["]"]], "Previous or next marked frame", on("previous mark", "["), on("next mark", "]")),
    ],
  },
  {
    title: "Range",
    entries: [
      entry([["I"], ["O"]], "Begin or end the range here", plain("set in", "i"), plain("set out", "o")),
      entry(
        [
          ["Shift", "I"],
          ["Shift", "O"],
        ],
        "Go to its first or last frame",
        shifted("go in", "i"),
        shifted("go out", "o"),
      ),
      entry([["X"]], "Take the whole video", plain("whole range", "x")),
    ],
  },
  {
    title: "View",
    entries: [
      entry(
        [["+"], ["−"], ["0"]],
        "Zoom in, zoom out, show the whole picture",
        on("zoom in", "+", "="),
        on("zoom out", "-", "_"),
        plain("zoom fit", "0"),
      ),
      entry([["?"]], "This card", on("help", "?")),
      entry([["Esc"]], "Close, or deselect", plain("close", "escape")),
    ],
  },
  {
    title: "Objects and marks",
    entries: [
      entry(
        [["1"], ["9"]],
        "Choose the first to ninth object",
        plain("choose object", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
      ),
      entry([["N"]], "New object", plain("new object", "n")),
      entry([["H"]], "Hide or show the object", plain("hide object", "h")),
      entry(
        [["A"], ["R"], ["B"]],
        "Add to the object, remove from it, or draw a box",
        plain("add", "a", "v"),
        plain("remove", "r"),
        plain("box", "b"),
      ),
      entry([["Delete"]], "Delete the selected click or box", plain("delete", "delete", "backspace")),
      entry(
        [
          ["Ctrl", "Z"],
          ["Ctrl", "Shift", "Z"],
        ],
        "Undo, redo",
        { action: "undo", keys: ["z"], ctrl: true, shift: false },
        { action: "redo", keys: ["z"], ctrl: true, shift: true },
        { action: "redo", keys: ["y"], ctrl: true, shift: false },
      ),
    ],
  },
];

const SHORTCUTS = GROUPS.flatMap(({ entries }) => entries.flatMap(({ shortcuts }) => shortcuts));

// The part of a KeyboardEvent that decides.
export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly isAltGraph: boolean; // types a character: "[" and "]" on many keyboards
}

export function actionOf(press: Press): Action | null {
  const key = press.key.toLowerCase();
  const hasCtrl = !press.isAltGraph && (press.ctrlKey || press.metaKey);
  if (press.altKey && !press.isAltGraph) return null;
  const found = SHORTCUTS.find(
    ({ keys, shift, ctrl }) =>
      keys.includes(key) && (ctrl ?? false) === hasCtrl && (shift === undefined || shift === press.shiftKey),
  );
  return found?.action ?? null;
}

// What has the focus, as far as it has a use for keys of its own.
export type Focus = "text" | "menu" | "button" | "choice" | "slider" | "other";

const SLIDER_ACTIONS: readonly Action[] = [
  "previous frame",
  "next frame",
  "ten back",
  "ten on",
  "first frame",
  "last frame",
];

// Whether the page's keys act while something has the focus.
export function isFree(action: Action, focus: Focus): boolean {
  if (focus === "text" || focus === "menu") return false;
  if (focus === "button") return action !== "toggle"; // Space presses it
  if (focus === "choice") return action !== "toggle" && !SLIDER_ACTIONS.includes(action);
  if (focus === "slider") return !SLIDER_ACTIONS.includes(action);
  return true;
}
