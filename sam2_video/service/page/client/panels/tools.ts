// The tools above the picture: what a click makes, undo and redo, zoom.

import { h, icon, iconButton } from "../dom";
import type { Stage } from "../stage/stage";
import type { Store, Tool } from "../state/store";
import { choice } from "./controls";

const TOOLS: readonly { value: Tool; label: string; title: string }[] = [
  { value: "add", label: "Add", title: "A click marks what belongs to the object" },
  { value: "remove", label: "Remove", title: "A click marks what does not belong to the object" },
  { value: "box", label: "Box", title: "Drag a box around the object" },
];

const ICONS = { add: "plus", remove: "minus", box: "box" } as const;

const ZOOM_STEP = 1.5;

export function buildTools(store: Store, root: HTMLElement, stage: Stage): void {
  const tool = choice<Tool>(
    "A click on the picture",
    TOOLS.map((one) => ({ ...one, picture: icon(ICONS[one.value]) })),
    (value) => store.update({ tool: value }),
  );
  const undo = iconButton("undo", "Undo (Ctrl Z)", () => store.undo());
  const redo = iconButton("redo", "Redo (Ctrl Shift Z)", () => store.redo());
  const remove = iconButton("trash", "Delete the selected point or box (Delete)", () => stage.removeSelected());
  root.append(
    tool.element,
    h("div", { class: "tools-group" }, undo, redo, remove),
    h(
      "div",
      { class: "tools-group tools-zoom" },
      iconButton("minus", "Zoom out (−)", () => stage.setZoom(Math.max(1, stage.zoom / ZOOM_STEP))),
      iconButton("fit", "Show the whole picture (0)", () => stage.setZoom(1)),
      iconButton("plus", "Zoom in (+)", () => stage.setZoom(stage.zoom * ZOOM_STEP)),
    ),
  );
  store.subscribe((state) => {
    tool.show(state.tool);
    setUsable(undo, store.canUndo);
    setUsable(redo, store.canRedo);
    setUsable(remove, state.selected !== null);
  });
}

// A button keeps the focus when it cannot be used any more.
export function setUsable(button: HTMLElement, isUsable: boolean): void {
  button.setAttribute("aria-disabled", String(!isUsable));
}
