// The list of objects: colour, name and number of points.

import { byId, countOf, h, iconButton } from "./dom";
import { addObject, chooseObject, removeObject, renameObject } from "./editing";
import { colourOf, type State, type Store } from "./store";

export function buildObjects(store: Store): void {
  const list = byId("objects");
  byId("add-object").onclick = () => {
    addObject(store);
    list.querySelector<HTMLInputElement>(".object.active input[type=text]")?.select();
  };
  store.subscribe((state, before) => {
    if (state.drawing !== before.drawing || state === before) render(store, list, state);
  });
}

function render(store: Store, list: HTMLElement, state: State): void {
  const { objects, active, clicks } = state.drawing;
  byId("no-objects").hidden = objects.length > 0;
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
  list.replaceChildren(
    ...objects.map((name) => {
      const count = clicks.filter((click) => click.name === name).length;
      const choose = h("input", {
        type: "radio",
        name: "active-object",
        checked: name === active,
        "aria-label": `Points go to ${name}`,
        "data-key": `radio ${name}`,
        onchange: () => chooseObject(store, name),
      });
      const title = h("input", {
        type: "text",
        value: name,
        maxLength: 60,
        "aria-label": "Name of the object",
        "data-key": `name ${name}`,
        onfocus: () => {
          if (store.state.drawing.active !== name) chooseObject(store, name);
        },
        onchange: () => {
          if (!renameObject(store, name, title.value)) title.value = name;
        },
      });
      const swatch = h("label", { class: "swatch", title: `Points go to ${name}` }, choose, h("i"));
      swatch.style.setProperty("--colour", colourOf(state, name));
      return h(
        "li",
        { class: `object${name === active ? " active" : ""}` },
        swatch,
        title,
        h("span", { class: "count" }, countOf(count, "point")),
        iconButton("close", `Remove ${name}`, () => removeObject(store, name)),
      );
    }),
  );
  if (focused) list.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
