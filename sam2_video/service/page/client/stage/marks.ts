// The marks of the shown frame: a dot for each click, a frame with four corners for each box.

import { h } from "../dom";
import { addBox, chooseObject, markOf, moveClick, removeBox, removeClick } from "../state/document";
import { colourOf, type Opened, type State, type Store } from "../state/store";
import type { Box } from "../types";
import type { Place, Viewport } from "./viewport";

// What a pointer or the keyboard takes hold of.
export interface Handle {
  readonly object: string;
  readonly part: number | Corner; // a click by its number, or a corner of the box
}

type Corner = "top left" | "top right" | "bottom left" | "bottom right";
const CORNERS: readonly Corner[] = ["top left", "top right", "bottom left", "bottom right"];

export class Marks {
  readonly element = h("div", { class: "stage-marks" });
  private readonly buttons = new Map<string, { button: HTMLButtonElement; handle: Handle }>();
  private readonly frames = new Map<string, HTMLElement>(); // of boxes, by object

  constructor(
    private readonly store: Store,
    private readonly viewport: Viewport,
    private readonly leave: () => void, // focuses the picture
  ) {
    store.subscribe((state, before) => {
      const isSame =
        state.doc?.marks === before.doc?.marks &&
        state.doc?.objects === before.doc?.objects &&
        state.doc?.active === before.doc?.active &&
        state.project?.id === before.project?.id &&
        state.frame === before.frame &&
        state.selected === before.selected &&
        state.isPlaying === before.isPlaying;
      if (!isSame) this.render(state);
    });
  }

  // The handle at a place of the window, and whether the place is on its dot: what reacts to a
  // finger is larger than that, and may lie over another dot, so the nearest one is meant.
  handleAt(event: PointerEvent | MouseEvent): { handle: Handle; isOnDot: boolean } | null {
    if (!(event.target as Element).closest(".stage-handle")) return null;
    let nearest: { handle: Handle; isOnDot: boolean } | null = null;
    let least = Infinity;
    for (const { button, handle } of this.buttons.values()) {
      const box = button.getBoundingClientRect();
      const far = Math.hypot(event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
      if (far >= least) continue;
      least = far;
      nearest = { handle, isOnDot: far <= box.width / 2 + 1 };
    }
    return nearest;
  }

  select(handle: Handle): void {
    const { doc, selected } = this.store.state;
    const click = typeof handle.part === "number" ? handle.part : "box";
    if (!doc || (selected?.object === handle.object && selected.click === click)) return;
    this.store.adjust((now) => chooseObject(now, handle.object), { selected: { object: handle.object, click } });
  }

  focus(handle: Handle): void {
    this.buttons.get(keyOf(handle))?.button.focus({ preventScroll: true });
  }

  // Moves a click, or a corner of a box, without a step of undo. Gives the handle that now is there.
  move(handle: Handle, to: Place): Handle {
    const { opened } = this.store;
    const { object, part } = handle;
    if (!opened) return handle;
    const { width, height } = opened.project.video;
    const { frame } = opened;
    if (typeof part === "number") {
      const at = { x: clamp(Math.floor(to.x), width - 1), y: clamp(Math.floor(to.y), height - 1) };
      this.store.adjust((doc) => moveClick(doc, object, frame, part, at));
      return handle;
    }
    const box = markOf(opened.doc, object, frame)?.box;
    if (!box) return handle;
    const fixed = placeOf(box, opposite(part));
    const x = clamp(Math.round(to.x), width);
    const y = clamp(Math.round(to.y), height);
    if (x === fixed.x || y === fixed.y) return handle;
    const moved: Box = [Math.min(x, fixed.x), Math.min(y, fixed.y), Math.max(x, fixed.x), Math.max(y, fixed.y)];
    this.store.adjust((doc) => addBox(chooseObject(doc, object), frame, moved, null));
    const now = CORNERS.find((corner) => placeOf(moved, corner).x === x && placeOf(moved, corner).y === y);
    return { object, part: now ?? part };
  }

  // Removes the selected click or box; false if there is none.
  removeSelected(): boolean {
    const { selected, frame, doc } = this.store.state;
    if (!selected || !doc) return false;
    const { object, click } = selected;
    const hadFocus = this.element.contains(document.activeElement);
    const change = click === "box" ? removeBox(doc, object, frame) : removeClick(doc, object, frame, click);
    this.store.edit(() => change, { selected: null });
    if (hadFocus) this.leave();
    return true;
  }

  // Puts everything where the picture now is.
  place(): void {
    const { opened } = this.store;
    if (!opened) return;
    for (const { button, handle } of this.buttons.values()) {
      const at = whereIs(opened, handle);
      if (!at) continue;
      const { x, y } = this.viewport.areaAt(at);
      button.style.left = `${x}px`;
      button.style.top = `${y}px`;
    }
    for (const [object, element] of this.frames) {
      const box = markOf(opened.doc, object, opened.frame)?.box;
      if (box) putBox(element, box, this.viewport);
    }
  }

  private render(state: State): void {
    const { opened } = this.store;
    const marks = opened && !state.isPlaying ? visibleMarks(opened) : [];
    const kept = new Set<string>();
    const boxes = new Set<string>();
    for (const { object, clicks, box } of marks) {
      const isActive = object === state.doc!.active;
      const name = state.doc!.objects.find(({ id }) => id === object)?.name ?? object;
      const colour = colourOf(state, object);
      const selected = state.selected?.object === object ? state.selected.click : null;
      clicks.forEach((click, index) => {
        const button = this.buttonOf({ object, part: index }, kept);
        button.className = `stage-handle stage-dot${click.foreground ? "" : " stage-out"}${isActive ? "" : " stage-other"}`;
        button.classList.toggle("stage-selected", selected === index);
        button.style.setProperty("--colour", colour);
        const kind = click.foreground ? "Part of it" : "Not part of it";
        label(
          button,
          `${name}, point ${index + 1} of ${clicks.length}: ${kind}, at ${click.x}, ${click.y}. Arrow keys move it, Delete removes it.`,
        );
      });
      if (!box) continue;
      boxes.add(object);
      const frame = this.frames.get(object) ?? h("div", { class: "stage-box" });
      if (!this.frames.has(object)) this.element.prepend(frame);
      this.frames.set(object, frame);
      frame.classList.toggle("stage-other", !isActive);
      frame.style.setProperty("--colour", colour);
      for (const corner of CORNERS) {
        const button = this.buttonOf({ object, part: corner }, kept);
        button.className = `stage-handle stage-corner${isActive ? "" : " stage-other"}`;
        button.classList.toggle("stage-selected", selected === "box");
        button.dataset.corner = corner;
        button.style.setProperty("--colour", colour);
        const at = placeOf(box, corner);
        label(
          button,
          `${name}, box, ${corner} corner at ${at.x}, ${at.y}. Arrow keys move it, Delete removes the box.`,
        );
      }
    }
    for (const [object, frame] of this.frames) {
      if (boxes.has(object)) continue;
      frame.remove();
      this.frames.delete(object);
    }
    const hadFocus = this.element.contains(document.activeElement);
    for (const [key, { button }] of this.buttons) {
      if (kept.has(key)) continue;
      button.remove();
      this.buttons.delete(key);
    }
    if (hadFocus && !this.element.contains(document.activeElement)) this.leave();
    this.place();
  }

  private buttonOf(handle: Handle, kept: Set<string>): HTMLButtonElement {
    const key = keyOf(handle);
    kept.add(key);
    const known = this.buttons.get(key);
    if (known) return known.button;
    const button = h("button", {
      type: "button",
      onfocus: () => this.select(handle),
      onkeydown: (event: KeyboardEvent) => this.key(event, handle),
    });
    this.buttons.set(key, { button, handle });
    this.element.append(button);
    return button;
  }

  private key(event: KeyboardEvent, handle: Handle): void {
    const { opened } = this.store;
    const at = opened && whereIs(opened, handle);
    if (!at || event.ctrlKey || event.metaKey) return;
    const far = event.shiftKey ? 10 : 1;
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-far, 0],
      ArrowRight: [far, 0],
      ArrowUp: [0, -far],
      ArrowDown: [0, far],
    };
    const step = steps[event.key];
    if (step) {
      if (!event.repeat) this.store.remember();
      this.focus(this.move(handle, { x: at.x + step[0], y: at.y + step[1] }));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.select(handle);
      this.removeSelected();
    } else if (event.key === "Escape") {
      this.store.update({ selected: null });
      this.leave();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

// Lays an element over a box of the picture.
export function putBox(element: HTMLElement, [x1, y1, x2, y2]: Box, viewport: Viewport): void {
  const start = viewport.areaAt({ x: x1, y: y1 });
  const end = viewport.areaAt({ x: x2, y: y2 });
  element.style.left = `${start.x}px`;
  element.style.top = `${start.y}px`;
  element.style.width = `${end.x - start.x}px`;
  element.style.height = `${end.y - start.y}px`;
}

// Those of hidden objects are not shown, unless clicks go to one.
function visibleMarks({ doc, frame }: Opened) {
  const isSeen = (object: string) => object === doc.active || !doc.objects.find(({ id }) => id === object)?.hidden;
  return doc.marks.filter((mark) => mark.frame === frame && isSeen(mark.object));
}

// In the picture: the middle of a clicked pixel, or a corner of a box.
function whereIs({ doc, frame }: Opened, { object, part }: Handle): Place | null {
  const mark = markOf(doc, object, frame);
  if (typeof part !== "number") return mark?.box ? placeOf(mark.box, part) : null;
  const click = mark?.clicks[part];
  return click ? { x: click.x + 0.5, y: click.y + 0.5 } : null;
}

function label(button: HTMLButtonElement, text: string): void {
  if (button.getAttribute("aria-label") !== text) button.setAttribute("aria-label", text);
}

const keyOf = ({ object, part }: Handle): string => `${object}/${part}`;
const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
const placeOf = ([x1, y1, x2, y2]: Box, corner: Corner): Place => ({
  x: corner.endsWith("left") ? x1 : x2,
  y: corner.startsWith("top") ? y1 : y2,
});
const opposite = (corner: Corner): Corner => {
  const [row, side] = corner.split(" ");
  return `${row === "top" ? "bottom" : "top"} ${side === "left" ? "right" : "left"}` as Corner;
};
