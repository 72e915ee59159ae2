// The form: one control for every input of the server's schema, in the schema's order.

import { h } from "./dom";
import type { Field } from "./schema";
import { CLICK_FIELDS, type State, type Store } from "./store";
import type { Value } from "./types";

interface Control {
  readonly field: Field;
  readonly row: HTMLElement;
  readonly show: (value: Value) => void;
}

// `opened` is called with a URL that was entered. Typing into a click string dispatches `typed`.
export function buildForm(
  store: Store,
  places: { readonly main: HTMLElement; readonly text: HTMLDetailsElement },
  opened: (url: string) => void,
): void {
  const controls = store.state.fields.map((field) => buildControl(store, field, opened));
  for (const { field, row } of controls) {
    const isText = field.name === "input_video" || CLICK_FIELDS.some((name) => name === field.name);
    (isText ? places.text : places.main).append(row);
  }
  store.subscribe((state, before) => {
    if (state.values !== before.values || state === before) {
      for (const { field, show } of controls) show(state.values[field.name] ?? "");
      for (const control of controls) markChanged(control, state);
    }
    if (state.problem !== before.problem || state === before) {
      for (const control of controls) markProblem(control, state, places.text);
    }
  });
}

// Help for visitors; the schema's descriptions are for programs.
const HINTS: Readonly<Record<string, string>> = {
  input_video: "A video or picture: paste its URL, or choose a file with “Other video”.",
  click_coordinates: "One [x,y] per point, in pixels from the top left corner: [320,180],[40,60]",
  click_labels: "One per point: 1 belongs to the object, 0 does not. The list repeats if it is shorter.",
  click_frames: "The frame of each point, from 0. The list repeats if it is shorter.",
  click_object_ids: "The name of each point's object: dog,dog,ball. Points with one name mark one object.",
  mask_type:
    "White objects on black, objects coloured in the video, objects on green, objects alone, or object numbers.",
  annotation_type: "How a highlighted object is marked: a coloured mask, a box, or both.",
  output_video: "One video instead of a picture for every frame.",
  video_fps: "Frames per second of the video (1 to 60).",
  output_format: "File format of the pictures.",
  output_quality: "For jpg and webp pictures: 0 is the smallest file, 100 the best picture.",
  output_frame_interval: "Write every n-th frame: 1 writes all, 2 every other.",
  box_coordinates: "One [x1,y1,x2,y2] per box around an object: [40,60,320,180]",
  box_frames: "The frame of each box, from 0. The list repeats if it is shorter.",
  box_object_ids: "The name of each box's object. A name that points have too means the same object.",
  input_masks: "Masks to start from: an indexed PNG, or a zip of them, named by frame number.",
  start_frame: "The first frame to process.",
  end_frame: "The last frame to process; -1 for the video's last.",
  video_format: "MP4 plays everywhere; WebM and MOV hold transparency.",
  separate_objects: "A video, or pictures, for every object.",
  keep_audio: "Keep the sound and the speed of the video.",
  output_masks: "Also write all masks as masks.json (COCO).",
  mask_expand: "Grow every mask by so many pixels; below 0, shrink it.",
  mask_feather: "Soften edges over so many pixels.",
  background_color: "The colour behind a green screen: #00ff00",
};

function buildControl(store: Store, field: Field, opened: (url: string) => void): Control {
  const { control, show } = inputFor(store, field, opened);
  const hint = `hint-${field.name}`;
  const complaint = `problem-${field.name}`;
  const isGroup = control.getAttribute("role") === "radiogroup";
  const described = control.matches("input,textarea") ? control : (control.querySelector("input") ?? control);
  (isGroup ? control : described).setAttribute("aria-describedby", `${hint} ${complaint}`);
  if (isGroup) control.setAttribute("aria-labelledby", `label-${field.name}`);
  else described.id = `input-${field.name}`;
  const label = isGroup
    ? h("span", { class: "label", id: `label-${field.name}` }, field.title)
    : h("label", { class: "label", for: `input-${field.name}` }, field.title);
  const row = h(
    "div",
    { class: `field kind-${field.kind}`, "data-field": field.name },
    h("div", { class: "field-head" }, label, h("span", { class: "changed", id: `changed-${field.name}` })),
    control,
    h("p", { class: "hint", id: hint }, HINTS[field.name] ?? field.description + boundsOf(field)),
    h("p", { class: "problem", id: complaint, hidden: true }),
  );
  return { field, row, show };
}

function inputFor(
  store: Store,
  field: Field,
  opened: (url: string) => void,
): { control: HTMLElement; show: (value: Value) => void } {
  const set = (value: Value) => store.setValue(field.name, value);
  if (field.kind === "choice") {
    return options(
      field.name,
      field.choices.map((choice) => [choice, nameOf(choice)]),
      (value) => set(value),
    );
  }
  if (field.kind === "boolean") {
    const box = h("input", { type: "checkbox", role: "switch", onchange: () => set(box.checked) });
    const control = h("span", { class: "switch" }, box);
    return { control, show: (value) => (box.checked = value === true) };
  }
  if (field.kind === "integer" || field.kind === "number") return numberInput(field, set);
  if (field.name === "input_masks") {
    const input = h("input", { type: "file", accept: ".png,.zip", onchange: () => void read() });
    const read = async () => set(input.files?.[0] ? await dataUri(input.files[0]) : "");
    return {
      control: input,
      show: (value) => {
        if (!value) input.value = "";
      },
    };
  }
  if (field.kind === "file") {
    const input = h("input", {
      type: "text",
      inputMode: "url",
      spellcheck: false,
      placeholder: "https://…",
      onchange: () => opened(input.value.trim()),
    });
    return { control: input, show: (value) => (input.value = String(value)) };
  }
  const area = h("textarea", {
    rows: field.name === "click_coordinates" ? 2 : 1,
    spellcheck: false,
    oninput: () => {
      set(area.value);
      area.dispatchEvent(new CustomEvent("typed", { bubbles: true }));
    },
  });
  const show = (value: Value) => {
    if (area.value !== String(value)) area.value = String(value);
  };
  return { control: area, show };
}

function dataUri(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function numberInput(
  field: Field,
  set: (value: Value) => void,
): { control: HTMLElement; show: (value: Value) => void } {
  const bounds = {
    min: field.minimum === null ? "" : String(field.minimum),
    max: field.maximum === null ? "" : String(field.maximum),
    step: field.kind === "integer" ? "1" : "any",
  };
  const read = (text: string) => set(text.trim() && Number.isFinite(Number(text)) ? Number(text) : text);
  const exact = h("input", { type: "number", ...bounds, oninput: () => read(exact.value) });
  const hasSlider = field.minimum !== null && field.maximum !== null;
  const slider = h("input", {
    type: "range",
    ...bounds,
    "aria-label": `${field.title}, slider`,
    oninput: () => read(slider.value),
  });
  const show = (value: Value) => {
    if (exact.value !== String(value)) exact.value = String(value);
    slider.value = String(value);
  };
  return { control: h("span", { class: "number" }, exact, hasSlider && slider), show };
}

function options(
  name: string,
  choices: readonly (readonly [string, string])[],
  set: (value: string) => void,
): { control: HTMLElement; show: (value: Value) => void } {
  const inputs = choices.map(([value]) =>
    h("input", { type: "radio", name: `option-${name}`, value, onchange: () => set(value) }),
  );
  const labels = choices.map(([value, text], i) =>
    h("label", { class: "option", "data-value": value }, inputs[i]!, h("span", {}, text)),
  );
  const show = (value: Value) => {
    for (const input of inputs) input.checked = input.value === value;
  };
  return { control: h("span", { class: "options", role: "radiogroup" }, ...labels), show };
}

function markChanged({ field, row }: Control, state: State): void {
  const changed = row.querySelector(".changed");
  if (!changed || field.default === null) return;
  const value = state.values[field.name];
  changed.textContent = value === field.default ? "" : `default: ${nameOf(String(field.default)) || "empty"}`;
}

function markProblem({ field, row }: Control, state: State, text: HTMLDetailsElement): void {
  const isWrong = state.problem?.field === field.name;
  row.classList.toggle("wrong", isWrong);
  const complaint = row.querySelector<HTMLElement>(".problem")!;
  complaint.hidden = !isWrong;
  complaint.textContent = isWrong ? (state.problem?.sentence ?? "") : "";
  for (const input of row.querySelectorAll("input,textarea")) input.setAttribute("aria-invalid", String(isWrong));
  if (isWrong && text.contains(row)) text.open = true;
}

function boundsOf(field: Field): string {
  if (field.minimum !== null && field.maximum !== null && !field.description.includes(`${field.maximum}`)) {
    return ` (${field.minimum} to ${field.maximum})`;
  }
  return "";
}

// The label of a choice.
function nameOf(choice: string): string {
  const names: Record<string, string> = {
    binary: "Black & white",
    highlighted: "Highlight",
    greenscreen: "Green screen",
    alpha: "Transparent",
    indexed: "Object numbers",
  };
  return names[choice] ?? (choice === "true" ? "on" : choice === "false" ? "off" : choice);
}
