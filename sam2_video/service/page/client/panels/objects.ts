// The list of objects: colour, name, number of points, whether it is shown; and the button for a new one.

import { countOf, h, icon, iconButton } from "../dom";
import type { Stage } from "../stage/stage";
import { addObject, chooseObject, hideObject, type MarkedObject, removeObject, renameObject } from "../state/document";
import { colourOf, type Opened, type Store } from "../state/store";

const MOST_LETTERS = 60;

export function buildObjects(store: Store, stage: Stage): HTMLElement {
  const list = h("ul", { class: "panel-objects", "aria-label": "Objects" });
  const empty = h("p", { class: "hint" }, "Each thing that you click on is listed here.");
  const add = h(
    "button",
    {
      type: "button",
      class: "panel-add",
      onclick: () => {
        store.edit(addObject, { tool: "add", selected: null });
        list.querySelector(".is-active")?.scrollIntoView({ block: "nearest" });
        stage.focus();
      },
    },
    icon("plus"),
    "Add object",
  );
  store.subscribe((state, before) => {
    const { opened } = store;
    const isSame = state.doc?.objects === before.doc?.objects && state.doc?.marks === before.doc?.marks;
    if (state !== before && isSame && state.doc?.active === before.doc?.active) return;
    empty.hidden = !opened || opened.doc.objects.length > 0;
    render(store, list, add, opened);
  });
  return h(
    "section",
    { class: "panel-part", "aria-label": "Objects" },
    h("div", { class: "panel-head" }, h("h2", {}, "Objects"), add),
    list,
    empty,
  );
}

function render(store: Store, list: HTMLElement, add: HTMLElement, opened: Opened | null): void {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const row = focused?.closest("li");
  const index = row ? [...list.children].indexOf(row) : -1;
  const key = focused instanceof HTMLElement ? focused.dataset.key : undefined;
  const letters = focused instanceof HTMLInputElement && focused.type === "text" ? focused.selectionStart : null;
  list.replaceChildren(...(opened?.doc.objects ?? []).map((object) => itemOf(store, opened!, object)));
  if (!focused) return;
  const rowNow = list.children[Math.min(index, list.children.length - 1)];
  const again = key ? list.querySelector<HTMLElement>(`[data-key="${key}"]`) : null;
  const next = again ?? rowNow?.querySelector<HTMLElement>("input") ?? add;
  next.focus();
  if (again instanceof HTMLInputElement && letters !== null) again.setSelectionRange(letters, letters);
}

function itemOf(store: Store, opened: Opened, { id, name, hidden }: MarkedObject): HTMLElement {
  const { doc } = opened;
  const marks = doc.marks.filter(({ object }) => object === id);
  const points = marks.reduce((sum, mark) => sum + mark.clicks.length, 0);
  const boxes = marks.filter(({ box }) => box).length;
  const count = [
    points || !boxes ? countOf(points, "point") : "",
    boxes ? (boxes === 1 ? "1 box" : `${boxes} boxes`) : "",
  ]
    .filter(Boolean)
    .join(", ");
  const isActive = id === doc.active;
  const choose = h("input", {
    type: "radio",
    name: "active-object",
    checked: isActive,
    "aria-label": `Clicks go to ${name}`,
    "data-key": `choose ${id}`,
    onchange: () => store.adjust((now) => chooseObject(now, id), { selected: null }),
  });
  const title = h("input", {
    type: "text",
    class: "panel-name",
    value: name,
    maxLength: MOST_LETTERS,
    spellcheck: false,
    autocomplete: "off",
    "aria-label": `Name of ${name}`,
    "data-key": `name ${id}`,
    onchange: () => {
      const wanted = title.value.trim();
      const renamed = store.opened && renameObject(store.opened.doc, id, wanted);
      if (renamed && title.value !== name) return store.edit(() => renamed);
      title.value = name;
      if (!renamed && wanted) {
        store.update({
          problem: { sentence: `Another object is called ${wanted}. Choose another name.`, field: null },
        });
      }
    },
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Enter") title.blur();
      if (event.key === "Escape") title.value = name;
      if (event.key === "Enter" || event.key === "Escape") document.getElementById(`choose-${id}`)?.focus();
    },
  });
  choose.id = `choose-${id}`;
  const eye = iconButton(hidden ? "hidden" : "eye", `${name} is ${hidden ? "hidden: show it" : "shown: hide it"}`, () =>
    store.edit((now) => hideObject(now, id, !hidden)),
  );
  eye.dataset.key = `eye ${id}`;
  const remove = iconButton("trash", `Remove ${name}`, () =>
    store.edit((now) => removeObject(now, id), { selected: null }),
  );
  remove.dataset.key = `remove ${id}`;
  const swatch = h("label", { class: "panel-swatch", for: choose.id, title: `Clicks go to ${name}` }, h("i", {}));
  swatch.style.setProperty("--colour", colourOf(opened, id));
  return h(
    "li",
    { class: `panel-object${isActive ? " is-active" : ""}${hidden ? " is-hidden" : ""}` },
    choose,
    swatch,
    h("div", { class: "panel-naming" }, title, h("span", { class: "panel-count" }, count)),
    eye,
    remove,
  );
}
