// How masks are shown: the view, and what it can be tuned with.

import { h } from "../dom";
import { type Look, type View, withView } from "../state/look";
import type { Store } from "../state/store";
import { choice, field, slider, toggle } from "./controls";

const VIEWS: readonly { value: View; label: string; title: string }[] = [
  { value: "highlight", label: "Highlight", title: "Objects in their colours over the video" },
  { value: "cutout", label: "Cut-out", title: "The objects alone, transparent around them" },
  { value: "color", label: "Colour", title: "The objects alone, one colour around them" },
  { value: "matte", label: "Matte", title: "Objects white, the rest black" },
];

export const changeLook = (store: Store, patch: Partial<Look>): void =>
  store.adjust((doc) => ({ ...doc, look: { ...doc.look, ...patch } }));

// The views as pictures: shown in the look and in the export.
export function viewChoice(store: Store): HTMLElement {
  const views = choice<View>(
    "View",
    VIEWS.map((one) => ({ ...one, picture: h("i", { class: `view-picture view-${one.value}` }) })),
    (view) => store.adjust((doc) => ({ ...doc, look: withView(doc.look, view, store.opened!.project.video) })),
  );
  views.element.classList.add("view-choice");
  store.subscribe((state) => state.doc && views.show(state.doc.look.view));
  return views.element;
}

export function buildLook(store: Store): HTMLElement {
  const opacity = slider({
    label: "Opacity",
    hint: "On this page. Exports are half opaque, without an outline.",
    min: 0,
    max: 100,
    unit: "%",
    change: (value) => changeLook(store, { opacity: value / 100 }),
  });
  const outline = toggle("Outline", "", (on) => changeLook(store, { outline: on }));
  const colour = h("input", {
    type: "color",
    id: "background-color",
    oninput: () => changeLook(store, { color: colour.value }),
  });
  const colourField = h(
    "div",
    { class: "field switch-field" },
    h("label", { for: "background-color", class: "field-label" }, "Colour around the objects"),
    colour,
  );
  const expand = slider({
    label: "Grow or shrink",
    hint: "Pixels of the video; below 0 shrinks.",
    min: -100,
    max: 100,
    unit: "px",
    change: (value) => changeLook(store, { expand: value }),
  });
  const feather = slider({
    label: "Soften edges",
    hint: "Over so many pixels of the video.",
    min: 0,
    max: 100,
    unit: "px",
    change: (value) => changeLook(store, { feather: value }),
  });
  store.subscribe(({ doc }) => {
    if (!doc) return;
    const { look } = doc;
    opacity.element.hidden = look.view !== "highlight";
    outline.element.hidden = look.view !== "highlight";
    colourField.hidden = look.view !== "color";
    feather.element.hidden = look.view === "matte";
    opacity.show(Math.round(look.opacity * 100));
    outline.show(look.outline);
    colour.value = look.color;
    expand.show(look.expand);
    feather.show(look.feather);
  });
  return h(
    "section",
    { class: "panel-part", "aria-label": "Look" },
    h("div", { class: "panel-head" }, h("h2", {}, "Look")),
    viewChoice(store),
    opacity.element,
    outline.element,
    colourField,
    expand.element,
    feather.element,
  );
}

export function markingChoice(store: Store): HTMLElement {
  const marking = choice<Look["marking"]>(
    "Marked with",
    [
      { value: "mask", label: "Masks" },
      { value: "box", label: "Boxes" },
      { value: "both", label: "Both" },
    ],
    (value) => changeLook(store, { marking: value }),
  );
  const element = field("Marked with", marking.element);
  store.subscribe(({ doc }) => {
    if (!doc) return;
    element.hidden = doc.look.view !== "highlight";
    marking.show(doc.look.marking);
  });
  return element;
}
