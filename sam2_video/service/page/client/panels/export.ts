// What an export is made of, and the button that starts it.

import { problemOf, startExport } from "../api";
import { countOf, h, icon } from "../dom";
import type { Saver } from "../project/saver";
import { type Form, formsOf, inputsOf, isVideo, sourceRate } from "../state/look";
import type { Opened, Store } from "../state/store";
import { untracked } from "../state/tracked";
import { choice, field, numberBox, slider, toggle } from "./controls";
import type { ExportList } from "./export_list";
import { changeLook, markingChoice, viewChoice } from "./look";
import { setUsable } from "./tools";
import { rangesText } from "./words";

const FORMS: readonly { value: Form; label: string }[] = [
  { value: "mp4", label: "MP4" },
  { value: "mov", label: "MOV" },
  { value: "webm", label: "WebM" },
  { value: "png", label: "PNG" },
  { value: "webp", label: "WebP" },
  { value: "jpg", label: "JPG" },
];

function useOf(form: Form, isTransparent: boolean, isPicture: boolean): string {
  const clear = isTransparent ? ", with transparency" : "";
  const each = isPicture ? "One picture" : "A picture of each frame";
  return {
    mp4: "H.264. Plays everywhere.",
    mov: `ProRes 4444${clear}. For editing programs.`,
    webm: `VP9${clear}. For the web.`,
    png: `${each}, exact${clear}.`,
    webp: `${each}, small files${clear}.`,
    jpg: `${each}, opens everywhere.`,
  }[form];
}

// Shown objects that have prompts, as an export takes them.
export const shownObjects = ({ doc }: Opened): { id: string; name: string }[] =>
  doc.objects
    .filter(({ id, hidden }) => !hidden && doc.marks.some(({ object }) => object === id))
    .map(({ id, name }) => ({ id, name }));

// Why nothing can be exported; null: it can.
export function exportProblem(opened: Opened): string | null {
  const { doc, project } = opened;
  if (!doc.marks.length) return "Click on an object and track it first.";
  const shown = shownObjects(opened).map(({ id }) => id);
  if (!shown.length) return "All objects are hidden. Show one of them.";
  const visible = { ...doc, objects: doc.objects.filter(({ id }) => shown.includes(id)) };
  const missing = untracked(visible, project.tracks);
  if (!missing.length) return null;
  if (project.video.num_frames === 1) return "Cut the objects out first.";
  const isOne = missing.length === 1 && missing[0]![0] === missing[0]![1];
  return `${rangesText(missing)} ${isOne ? "is" : "are"} not tracked yet. Track, or shorten the range.`;
}

export function buildExport(store: Store, list: ExportList, saver: Saver): HTMLElement {
  const form = choice<Form>("Format", FORMS, (value) => changeLook(store, { form: value }));
  const use = h("p", { class: "hint", role: "status" });
  const speed = choice<"source" | "fps">(
    "Speed",
    [
      { value: "source", label: "As the video" },
      { value: "fps", label: "Frames a second" },
    ],
    (value) => changeLook(store, { fps: value === "source" ? null : sourceRate(store.opened!.project.video) }),
  );
  const fps = numberBox({
    label: "Frames a second",
    min: 1,
    max: 60,
    change: (value) => changeLook(store, { fps: value }),
  });
  const speedField = field("Speed", h("div", { class: "field-row" }, speed.element, fps.element));
  const sound = toggle("Sound", "", (on) => changeLook(store, { sound: on }));
  const quality = slider({
    label: "Quality",
    min: 0,
    max: 100,
    change: (value) => changeLook(store, { quality: value }),
  });
  const interval = numberBox({
    label: "Every n-th frame",
    min: 1,
    max: 100_000,
    change: (value) => changeLook(store, { interval: value }),
  });
  const intervalField = h(
    "div",
    { class: "field switch-field" },
    h("p", { class: "field-label" }, "Every n-th frame"),
    interval.element,
    h("p", { class: "hint" }, "1 takes them all."),
  );
  const separate = toggle("Each object apart", "A file or folder for each.", (on) =>
    changeLook(store, { separate: on }),
  );
  const masks = toggle("masks.json", "The masks as COCO, for programs.", (on) => changeLook(store, { masks: on }));
  const what = h("p", { class: "export-what", id: "export-what", role: "status" });
  const start = h(
    "button",
    { type: "button", class: "primary export-start", id: "export", "aria-describedby": "export-what" },
    icon("download"),
    "Export",
  );
  let isStarting = false;

  start.onclick = async () => {
    const { opened } = store;
    if (!opened || isStarting || exportProblem(opened)) return;
    isStarting = true;
    store.update({ problem: null });
    try {
      await saver.flush(); // the server takes the objects' colours from the saved document
      const inputs = inputsOf(opened.doc.look, opened.project.video, opened.doc.range);
      list.begin(opened.project.id, await startExport(opened.project, shownObjects(opened), inputs));
    } catch (error) {
      store.update({ problem: problemOf(error) });
    } finally {
      isStarting = false;
    }
  };

  store.subscribe(({ doc, project }) => {
    const { opened } = store;
    if (!opened || !doc || !project) return;
    const { look } = doc;
    const { video } = project;
    const makesVideo = isVideo(look.form);
    const isPicture = video.num_frames === 1;
    form.offer(formsOf(look.view, video));
    form.show(look.form);
    const line = useOf(look.form, look.view === "cutout", isPicture);
    if (use.textContent !== line) use.textContent = line;
    speedField.hidden = !makesVideo;
    speed.show(look.fps === null ? "source" : "fps");
    fps.element.hidden = look.fps === null;
    fps.show(look.fps ?? sourceRate(video));
    sound.element.hidden = !makesVideo || !video.has_sound || look.fps !== null;
    sound.show(look.sound);
    quality.element.hidden = look.form !== "jpg" && (look.form !== "webp" || look.view === "matte");
    quality.show(look.quality);
    intervalField.hidden = isPicture;
    interval.show(look.interval);
    separate.element.hidden = shownObjects(opened).length < 2;
    separate.show(look.separate);
    masks.show(look.masks);
    const problem = exportProblem(opened);
    const { start: first, end: last } = doc.range;
    const shown = shownObjects(opened);
    const names = shown.length <= 2 ? shown.map(({ name }) => name).join(" and ") : countOf(shown.length, "object");
    const frames = isPicture ? "" : first === last ? `, frame ${first + 1}` : `, frames ${first + 1} to ${last + 1}`;
    const text = problem ?? `${names}${frames}.`;
    if (what.textContent !== text) what.textContent = text;
    setUsable(start, problem === null);
  });

  return h(
    "section",
    { class: "panel-part", "aria-label": "Export" },
    h("div", { class: "panel-head" }, h("h2", {}, "Export")),
    viewChoice(store),
    field("Format", form.element, use),
    h("div", { class: "export-do" }, start, what),
    list.element,
    h(
      "details",
      { class: "panel-more", open: true },
      h("summary", {}, "Options"),
      speedField,
      sound.element,
      quality.element,
      markingChoice(store),
      intervalField,
      separate.element,
      masks.element,
    ),
  );
}
