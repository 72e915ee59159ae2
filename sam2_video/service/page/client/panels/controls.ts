// Controls of the panel: slider with a number box, switch, choice, number box, progress.

import { h } from "../dom";

// An element that can show another value.
export interface Control<T> {
  readonly element: HTMLElement;
  show(value: T): void;
}

let counter = 0;
const newId = (name: string): string => `${name}-${++counter}`;

interface NumberOptions {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly unit?: string;
  readonly change: (value: number) => void;
}

// A box that takes numbers; other text becomes the number of before.
export function numberBox({ label, min, max, change }: NumberOptions): Control<number> & { element: HTMLInputElement } {
  let current = min;
  const element = h("input", {
    type: "text",
    inputMode: "numeric",
    class: "number-box",
    autocomplete: "off",
    "aria-label": label,
    onchange: () => {
      const text = element.value.trim().replace(",", ".").replace("−", "-");
      const number = text === "" ? Number.NaN : Math.round(Number(text));
      if (Number.isFinite(number)) {
        current = Math.min(Math.max(number, min), max);
        change(current);
      }
      element.value = String(current);
    },
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Enter") element.dispatchEvent(new Event("change"));
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      current = Math.min(Math.max(current + (event.key === "ArrowUp" ? 1 : -1), min), max);
      element.value = String(current);
      change(current);
    },
  });
  const show = (value: number) => {
    current = value;
    if (document.activeElement !== element) element.value = String(value);
  };
  return { element, show };
}

export function slider(options: NumberOptions & { readonly hint?: string; readonly step?: number }): Control<number> {
  const { label, min, max, unit = "", hint, step = 1, change } = options;
  const id = newId("slider");
  const part = (value: number) => `${((value - min) / (max - min)) * 100}%`;
  const range = h("input", {
    type: "range",
    class: "slider",
    id,
    min: String(min),
    max: String(max),
    step: String(step),
    ...(hint ? { "aria-describedby": `${id}-hint` } : {}),
    oninput: () => change(Number(range.value)),
  });
  range.style.setProperty("--zero", part(Math.max(min, 0)));
  const box = numberBox({ ...options, label: `${label}, number` });
  const element = h(
    "div",
    { class: "field" },
    h(
      "div",
      { class: "field-head" },
      h("label", { for: id, class: "field-label" }, label),
      h("span", { class: "field-value" }, box.element, unit && h("span", { class: "muted" }, unit)),
    ),
    range,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
  );
  const show = (value: number) => {
    range.value = String(value);
    range.style.setProperty("--part", part(value));
    box.show(value);
  };
  return { element, show };
}

export function toggle(label: string, hint: string, change: (on: boolean) => void): Control<boolean> {
  const id = newId("switch");
  const input = h("input", {
    type: "checkbox",
    class: "switch",
    id,
    role: "switch",
    ...(hint ? { "aria-describedby": `${id}-hint` } : {}),
    onchange: () => change(input.checked),
  });
  const element = h(
    "div",
    { class: "field switch-field" },
    h("label", { for: id, class: "field-label" }, label),
    input,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
  );
  return { element, show: (on) => (input.checked = on) };
}

export interface Option<T> {
  readonly value: T;
  readonly label: string;
  readonly title?: string;
  readonly picture?: Element;
}

// One of several: radio buttons that look like the parts of one button.
export function choice<T extends string>(
  name: string,
  options: readonly Option<T>[],
  change: (value: T) => void,
): Control<T> & { offer(values: readonly T[]): void } {
  const group = newId("choice");
  const inputs = options.map(({ value, title }) =>
    h("input", { type: "radio", name: group, value, ...(title ? { title } : {}), onchange: () => change(value) }),
  );
  const labels = options.map(({ label, picture, title }, index) =>
    h(
      "label",
      { class: `segment${picture ? " with-picture" : ""}`, ...(title ? { title } : {}) },
      inputs[index]!,
      h("span", {}, picture ?? null, label),
    ),
  );
  const element = h("div", { class: "segments", role: "radiogroup", "aria-label": name }, ...labels);
  return {
    element,
    show: (value) => {
      for (const input of inputs) input.checked = input.value === value;
    },
    offer: (values) => {
      for (const [index, label] of labels.entries()) label.hidden = !values.includes(options[index]!.value);
    },
  };
}

export function field(label: string, control: HTMLElement, hint: HTMLElement | null = null): HTMLElement {
  return h("div", { class: "field" }, h("p", { class: "field-label" }, label), control, hint);
}

// A bar that shows a part of 1; null: it is not known how much.
export function progress(label: string): Control<number | null> & { element: HTMLProgressElement } {
  const element = h("progress", { max: 1, "aria-label": label });
  const show = (part: number | null) => {
    if (part === null) element.removeAttribute("value");
    else element.value = part;
  };
  return { element, show };
}
