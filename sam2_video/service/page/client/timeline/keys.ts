// The keyboard on the whole page.

import type { Stage } from "../stage/stage";
import { addObject, chooseObject, hideObject, setEnd, setRange, setStart } from "../state/document";
import type { Opened, Store } from "../state/store";
import { openHelp } from "./help";
import { nextMarked } from "./lanes";
import { shuttled } from "./playback";
import { type Action, actionOf, type Focus, isFree } from "./shortcuts";
import type { Transport } from "./transport";

const ZOOM_STEP = 1.5;
const WITHOUT_SPACE: Partial<Record<Focus, Focus>> = { button: "other", choice: "slider" };
const TYPED = "text search url email password number tel date time";

export function listenForKeys(store: Store, transport: Transport, stage: Stage): void {
  // What was pressed with a pointer keeps the focus, but leaves Space to playing.
  let byPointer = false;
  addEventListener("pointerdown", () => (byPointer = true), true);
  addEventListener("keydown", (event) => (byPointer &&= event.key !== "Tab"), true);
  let isTaken = false; // Space was used, so its release must not press a button
  addEventListener("keyup", (event) => {
    if (event.key === " " && isTaken) event.preventDefault();
    isTaken = false;
  });
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const action = actionOf({
      key: event.key,
      ctrlKey: event.ctrlKey,
      metaKey: event.metaKey,
      altKey: event.altKey,
      shiftKey: event.shiftKey,
      isAltGraph: event.getModifierState("AltGraph"),
    });
    if (!action || document.querySelector("dialog[open]")) return;
    const focus = focusOf(document.activeElement);
    if (!isFree(action, byPointer ? (WITHOUT_SPACE[focus] ?? focus) : focus)) return;
    if (action === "help") openHelp();
    else if (store.opened) perform(action, event.key, store, store.opened, transport, stage);
    else return;
    isTaken = event.key === " ";
    if (action !== "close") event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => document.hidden && transport.pause());
}

function focusOf(element: Element | null): Focus {
  if (!element) return "other";
  const role = element.getAttribute("role") ?? "";
  if (element instanceof HTMLElement && element.isContentEditable) return "text";
  if (element.matches("textarea, select, [role=textbox], [role=combobox]")) return "text";
  if (element.closest("[role=menu], [role=listbox], [popover]:popover-open")) return "menu";
  if (element instanceof HTMLInputElement) {
    if (TYPED.split(" ").includes(element.type)) return "text";
    return element.type === "range" ? "slider" : element.type === "radio" ? "choice" : "button";
  }
  if (role === "slider") return "slider";
  if (role === "tab" || role === "radio") return "choice";
  return element.matches("button, a[href], summary, [role=button], [role=switch]") ? "button" : "other";
}

function perform(
  action: Action,
  key: string,
  store: Store,
  { doc, project, frame, isPlaying, speed, loop, selected }: Opened,
  transport: Transport,
  stage: Stage,
): void {
  const count = project.video.num_frames;
  const current = isPlaying ? speed : 0;
  const active = doc.objects.find(({ id }) => id === doc.active);
  const goToMarked = (direction: 1 | -1) => {
    const found = nextMarked(doc, transport.target, direction);
    if (found !== null) void transport.seek(found);
  };
  const deeds: Readonly<Record<Action, () => void>> = {
    toggle: () => stage.afterSpace(() => transport.toggle()),
    backward: () => transport.play(shuttled(current, -1)),
    pause: () => transport.pause(),
    forward: () => transport.play(shuttled(current, 1)),
    loop: () => store.update({ loop: !loop }),
    "previous frame": () => transport.step(-1),
    "next frame": () => transport.step(1),
    "ten back": () => transport.step(-10),
    "ten on": () => transport.step(10),
    "first frame": () => void transport.seek(0),
    "last frame": () => void transport.seek(count - 1),
    "previous mark": () => goToMarked(-1),
    "next mark": () => goToMarked(1),
    "set in": () => store.adjust((one) => setStart(one, frame, count)),
    "set out": () => store.adjust((one) => setEnd(one, frame, count)),
    "go in": () => void transport.seek(doc.range.start),
    "go out": () => void transport.seek(doc.range.end),
    "whole range": () => store.adjust((one) => setRange(one, 0, count - 1, count)),
    "choose object": () => {
      const object = doc.objects[Number(key) - 1];
      if (object) store.adjust((one) => chooseObject(one, object.id));
    },
    "new object": () => {
      store.edit(addObject);
      stage.focus();
    },
    "hide object": () => {
      if (active) store.edit((one) => hideObject(one, active.id, !active.hidden));
    },
    add: () => store.update({ tool: "add" }),
    remove: () => store.update({ tool: "remove" }),
    box: () => store.update({ tool: "box" }),
    delete: () => void stage.removeSelected(),
    undo: () => store.undo(),
    redo: () => store.redo(),
    "zoom in": () => stage.setZoom(stage.zoom * ZOOM_STEP),
    "zoom out": () => stage.setZoom(stage.zoom / ZOOM_STEP),
    "zoom fit": () => stage.setZoom(1),
    help: openHelp,
    close: () => {
      if (selected) store.update({ selected: null });
    },
  };
  deeds[action]();
}
