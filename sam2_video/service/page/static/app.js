// api.ts
var ApiError = class extends Error {
  constructor(sentence, field2 = null, status = 0) {
    super(sentence);
    this.sentence = sentence;
    this.field = field2;
    this.status = status;
  }
  sentence;
  field;
  status;
};
var BusyError = class extends Error {
};
function problemOf(error) {
  if (error instanceof ApiError) return { sentence: error.sentence, field: error.field };
  return { sentence: error instanceof Error ? error.message : String(error), field: null };
}
async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is it still running?");
  }
  if (!answer.ok) throw await errorOf(answer);
  return answer;
}
async function errorOf(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
  }
  if (body.busy) return new BusyError();
  const sentence = body.sentence ?? `The server answered with status ${answer.status}.`;
  return new ApiError(sentence, body.field ?? null, answer.status);
}
var MOST_KEPT_ALIVE = 3e4;
async function ask(method, path, body, signal) {
  const sent = body === void 0 ? null : new TextEncoder().encode(JSON.stringify(body));
  const answer = await call(path, {
    method,
    ...sent && { headers: { "Content-Type": "application/json" }, body: sent },
    signal: signal ?? null,
    keepalive: method === "PUT" && sent !== null && sent.length < MOST_KEPT_ALIVE
  });
  return answer.status === 204 ? void 0 : await answer.json();
}
var getStart = () => ask("GET", "/api/start");
var getSchema = () => ask("GET", "/openapi.json");
var getStatus = () => ask("GET", "/api/status");
var fetchVideo = (url, signal) => ask("POST", "/api/videos/fetch", { url }, signal);
var openExample = (id, signal) => ask("POST", "/api/videos/example", { id }, signal);
var frameUrl = (video, index) => `/api/videos/${video.id}/frames/${index}`;
var thumbnailUrl = (video, index) => `${frameUrl(video, index)}?height=96`;
var at = (project) => `/api/projects/${encodeURIComponent(project.id)}`;
var makeProject = (video) => ask("POST", "/api/projects", { video: video.id });
var getProject = (id) => ask("GET", at({ id }));
var openShared = (token) => ask("POST", `/api/shared/${encodeURIComponent(token)}`, {});
var removeProject = (id) => ask("DELETE", at({ id }));
var shareProject = (project) => ask("POST", `${at(project)}/share`, {});
var unshareProject = (project) => ask("DELETE", `${at(project)}/share`);
var saveProject = (project, changes) => ask("PUT", at(project), { ...changes, revision: project.revision });
var startTrack = (project, plan, objects) => ask("POST", `${at(project)}/tracks`, {
  objects,
  prompts: plan.prompts,
  start_frame: plan.start,
  end_frame: plan.end
});
var cancelTrack = (track) => ask("POST", `/api/tracks/${track.id}/cancel`, {});
var trackEventsUrl = (track) => `/api/tracks/${track.id}/events`;
var maskUrl = (track, index) => `/api/tracks/${track.id}/frames/${index}`;
var getLanes = (track) => ask("GET", `/api/tracks/${track.id}/lanes`);
async function previewMask(project, prompt, signal) {
  const answer = await call(`${at(project)}/mask`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(prompt),
    signal
  });
  return answer.blob();
}
var startExport = (project, objects, inputs) => ask("POST", `${at(project)}/exports`, { objects, inputs });
var cancelExport = (id) => ask("POST", `/api/exports/${id}/cancel`, {});
var removeExport = (id) => ask("DELETE", `/api/exports/${id}`);
var exportEventsUrl = (id) => `/api/exports/${id}/events`;
var exportZipUrl = (id) => `/api/exports/${id}/zip`;
function uploadVideo(file, progress2, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/videos?name=${encodeURIComponent(file.name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress2(event.loaded / event.total);
    request.onload = () => {
      const body = request.response ?? {};
      if (request.status === 201) resolve(body);
      else
        reject(new ApiError(body.sentence ?? `The upload failed with status ${request.status}.`, body.field ?? null));
    };
    request.onerror = () => reject(new ApiError("The upload broke off. Is the server still running?"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
async function getPicture(url) {
  return (await call(url, { signal: AbortSignal.timeout(6e4) })).blob();
}

// dom.ts
function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (name === "class" || name === "role" || name === "for" || name.includes("-")) {
      element.setAttribute(name, String(value));
    } else {
      Object.assign(element, { [name]: value });
    }
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}
var PATHS = {
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  minus: "M5 12h14",
  plus: "M12 5v14M5 12h14",
  left: "m15 5-7 7 7 7",
  right: "m9 5 7 7-7 7",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  close: "M6 6l12 12M18 6 6 18",
  trash: "M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3",
  download: "M12 4v11m-5-5 5 5 5-5M5 20h14",
  upload: "M12 16V5m-5 5 5-5 5 5M5 20h14",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6",
  hidden: "M4 4l16 16M9.9 5.8A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a16 16 0 0 1-3 3.7M6.3 7.3A16 16 0 0 0 2.5 12S6 18.5 12 18.5c1.7 0 3.200-.5 4.500-1.200",
  box: "M4 8V5h3M17 5h3v3M20 16v3h-3M7 19H4v-3M11 5h2M11 19h2M4 11v2M20 11v2",
  check: "m5 12.500 4.500 4.500L19 7.500",
  help: "M9.200 9.300a2.900 2.900 0 1 1 4.500 2.400c-1.100.800-1.700 1.300-1.700 2.600M12 17.500v.100",
  video: "M4 6h11v12H4zM15 10.500l5-3v9l-5-3",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  toStart: "M6 5v14M18 6l-9 6 9 6z",
  toEnd: "M18 5v14M6 6l9 6-9 6z",
  loop: "M17 3l3 3-3 3M20 6H8a4 4 0 0 0-4 4v1M7 21l-3-3 3-3M4 18h12a4 4 0 0 0 4-4v-1",
  setIn: "M10 4H6v16h4M20 12h-9m3.5-3.5L11 12l3.5 3.5",
  setOut: "M14 4h4v16h-4M4 12h9m-3.5-3.5L13 12l-3.5 3.5"
};
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
function iconButton(name, label2, onclick) {
  return h("button", { type: "button", class: "icon-button", title: label2, "aria-label": label2, onclick }, icon(name));
}
var countOf = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
async function copyText(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copying is not allowed here";
  }
  setTimeout(() => button.textContent = before, 1600);
}

// panels/notice.ts
function buildNotice(store, root) {
  const text = h("p", {});
  const close = iconButton("close", "Close this message", () => {
    store.update({ problem: null });
    document.querySelector("main:not([hidden])")?.focus({ preventScroll: true });
  });
  root.append(text, close);
  store.subscribe(({ problem }) => {
    root.hidden = !problem;
    const sentence = problem?.sentence ?? "";
    if (text.textContent !== sentence) text.textContent = sentence;
  });
}

// state/look.ts
var LOOK = {
  view: "highlight",
  opacity: 0.5,
  outline: true,
  marking: "mask",
  color: "#00ff00",
  expand: 0,
  feather: 0,
  form: "mp4",
  fps: null,
  quality: 80,
  interval: 1,
  separate: false,
  sound: true,
  masks: false
};
var MASK_TYPES = {
  highlight: "highlighted",
  cutout: "alpha",
  color: "greenscreen",
  matte: "binary"
};
var isVideo = (form) => form === "mp4" || form === "webm" || form === "mov";
function formsOf(view, video) {
  const all = view === "cutout" ? ["mov", "webm", "png", "webp"] : ["mp4", "webm", "mov", "png", "webp", "jpg"];
  return video.num_frames === 1 ? all.filter((form) => !isVideo(form)) : all;
}
function withView(look, view, video) {
  const forms = formsOf(view, video);
  return { ...look, view, form: forms.includes(look.form) ? look.form : forms[0] };
}
var sourceRate = ({ frame_rate }) => Math.min(Math.max(Math.round(frame_rate ?? 30), 1), 60);
function inputsOf(look, video, range) {
  const makesVideo = isVideo(look.form);
  return {
    mask_type: MASK_TYPES[look.view],
    annotation_type: look.marking,
    output_video: makesVideo,
    video_format: makesVideo ? look.form : "mp4",
    video_fps: look.fps ?? sourceRate(video),
    output_format: makesVideo ? "webp" : look.form,
    output_quality: look.quality,
    output_frame_interval: look.interval,
    separate_objects: look.separate,
    keep_audio: makesVideo && look.fps === null && look.sound,
    output_masks: look.masks,
    mask_expand: look.expand,
    mask_feather: look.feather,
    background_color: look.color,
    start_frame: range.start,
    end_frame: range.end
  };
}

// state/document.ts
function emptyDoc(video) {
  return {
    objects: [],
    active: null,
    marks: [],
    range: { start: 0, end: video.num_frames - 1 },
    look: withView(LOOK, LOOK.view, video),
    frame: 0
  };
}
function docOf(saved, video) {
  const empty2 = emptyDoc(video);
  const doc = saved;
  if (!doc || !Array.isArray(doc.objects) || !Array.isArray(doc.marks)) return empty2;
  return { ...empty2, ...doc, look: { ...LOOK, ...doc.look } };
}
function exampleDoc(clicks, video) {
  let doc = emptyDoc(video);
  for (const { object, name, frame, x: x2, y, foreground } of clicks) {
    if (!doc.objects.some(({ id }) => id === object)) {
      doc = { ...doc, objects: [...doc.objects, { id: object, name, hidden: false }] };
    }
    doc = addClick({ ...doc, active: object }, frame, { x: x2, y, foreground }, null);
  }
  return { ...doc, active: doc.objects[0]?.id ?? null };
}
function addObject(doc) {
  let number = 1;
  while (doc.objects.some(({ id, name }) => id === `o${number}` || name === `Object ${number}`)) number += 1;
  const object = { id: `o${number}`, name: `Object ${number}`, hidden: false };
  return { ...doc, objects: [...doc.objects, object], active: object.id };
}
function chooseObject(doc, active) {
  return { ...doc, active };
}
function renameObject(doc, id, wanted) {
  const name = wanted.replace(/\s+/g, " ").trim();
  if (!name || doc.objects.some((object) => object.id !== id && object.name === name)) return null;
  return { ...doc, objects: doc.objects.map((object) => object.id === id ? { ...object, name } : object) };
}
function hideObject(doc, id, hidden) {
  return { ...doc, objects: doc.objects.map((object) => object.id === id ? { ...object, hidden } : object) };
}
function removeObject(doc, id) {
  const objects = doc.objects.filter((object) => object.id !== id);
  const active = doc.active === id ? objects[0]?.id ?? null : doc.active;
  return { ...doc, objects, active, marks: doc.marks.filter(({ object }) => object !== id) };
}
function markOf(doc, object, frame) {
  return doc.marks.find((mark) => mark.object === object && mark.frame === frame) ?? null;
}
function addClick(doc, frame, click, maskOf) {
  const ready = doc.active === null ? addObject(doc) : doc;
  return changeMark(ready, ready.active, frame, maskOf, (mark) => ({ ...mark, clicks: [...mark.clicks, click] }));
}
function addBox(doc, frame, box, maskOf) {
  const ready = doc.active === null ? addObject(doc) : doc;
  return changeMark(ready, ready.active, frame, maskOf, (mark) => ({ ...mark, box }));
}
function moveClick(doc, object, frame, index, to) {
  return changeMark(doc, object, frame, null, (mark) => ({
    ...mark,
    clicks: mark.clicks.map((click, i2) => i2 === index ? { ...click, ...to } : click)
  }));
}
function removeClick(doc, object, frame, index) {
  return changeMark(doc, object, frame, null, (mark) => ({
    ...mark,
    clicks: mark.clicks.filter((_, i2) => i2 !== index)
  }));
}
function removeBox(doc, object, frame) {
  return changeMark(doc, object, frame, null, (mark) => ({ ...mark, box: null }));
}
function changeMark(doc, object, frame, maskOf, change) {
  const before = markOf(doc, object, frame);
  const after = change(before ?? { object, frame, clicks: [], box: null, mask_of: maskOf });
  const isEmpty = !after.clicks.length && !after.box;
  const others = doc.marks.filter((mark) => mark !== before);
  return { ...doc, marks: isEmpty ? others : [...others, after] };
}
function promptOf({ object, frame, clicks, box, mask_of }) {
  return {
    object,
    frame,
    points: clicks.map(({ x: x2, y }) => [x2, y]),
    labels: clicks.map(({ foreground }) => foreground ? 1 : 0),
    box,
    mask_of
  };
}
function setRange(doc, start, end, numFrames) {
  const first = Math.min(Math.max(0, start), numFrames - 1);
  return { ...doc, range: { start: first, end: Math.max(first, Math.min(end, numFrames - 1)) } };
}
var setStart = (doc, frame, numFrames) => setRange(doc, frame, frame > doc.range.end ? numFrames - 1 : doc.range.end, numFrames);
var setEnd = (doc, frame, numFrames) => setRange(doc, frame < doc.range.start ? 0 : doc.range.start, frame, numFrames);

// panels/controls.ts
var counter = 0;
var newId = (name) => `${name}-${++counter}`;
function numberBox({ label: label2, min, max: max2, change }) {
  let current = min;
  const element = h("input", {
    type: "text",
    inputMode: "numeric",
    class: "number-box",
    autocomplete: "off",
    "aria-label": label2,
    onchange: () => {
      const text = element.value.trim().replace(",", ".").replace("−", "-");
      const number = text === "" ? Number.NaN : Math.round(Number(text));
      if (Number.isFinite(number)) {
        current = Math.min(Math.max(number, min), max2);
        change(current);
      }
      element.value = String(current);
    },
    onkeydown: (event) => {
      if (event.key === "Enter") element.dispatchEvent(new Event("change"));
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      current = Math.min(Math.max(current + (event.key === "ArrowUp" ? 1 : -1), min), max2);
      element.value = String(current);
      change(current);
    }
  });
  const show2 = (value) => {
    current = value;
    if (document.activeElement !== element) element.value = String(value);
  };
  return { element, show: show2 };
}
function slider(options) {
  const { label: label2, min, max: max2, unit = "", hint, step = 1, change } = options;
  const id = newId("slider");
  const part = (value) => `${(value - min) / (max2 - min) * 100}%`;
  const range = h("input", {
    type: "range",
    class: "slider",
    id,
    min: String(min),
    max: String(max2),
    step: String(step),
    ...hint ? { "aria-describedby": `${id}-hint` } : {},
    oninput: () => change(Number(range.value))
  });
  range.style.setProperty("--zero", part(Math.max(min, 0)));
  const box = numberBox({ ...options, label: `${label2}, number` });
  const element = h(
    "div",
    { class: "field" },
    h(
      "div",
      { class: "field-head" },
      h("label", { for: id, class: "field-label" }, label2),
      h("span", { class: "field-value" }, box.element, unit && h("span", { class: "muted" }, unit))
    ),
    range,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null
  );
  const show2 = (value) => {
    range.value = String(value);
    range.style.setProperty("--part", part(value));
    box.show(value);
  };
  return { element, show: show2 };
}
function toggle(label2, hint, change) {
  const id = newId("switch");
  const input = h("input", {
    type: "checkbox",
    class: "switch",
    id,
    role: "switch",
    ...hint ? { "aria-describedby": `${id}-hint` } : {},
    onchange: () => change(input.checked)
  });
  const element = h(
    "div",
    { class: "field switch-field" },
    h("label", { for: id, class: "field-label" }, label2),
    input,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null
  );
  return { element, show: (on2) => input.checked = on2 };
}
function choice(name, options, change) {
  const group2 = newId("choice");
  const inputs = options.map(
    ({ value, title }) => h("input", { type: "radio", name: group2, value, ...title ? { title } : {}, onchange: () => change(value) })
  );
  const labels = options.map(
    ({ label: label2, picture, title }, index) => h(
      "label",
      { class: `segment${picture ? " with-picture" : ""}`, ...title ? { title } : {} },
      inputs[index],
      h("span", {}, picture ?? null, label2)
    )
  );
  const element = h("div", { class: "segments", role: "radiogroup", "aria-label": name }, ...labels);
  return {
    element,
    show: (value) => {
      for (const input of inputs) input.checked = input.value === value;
    },
    offer: (values) => {
      for (const [index, label2] of labels.entries()) label2.hidden = !values.includes(options[index].value);
    }
  };
}
function field(label2, control, hint = null) {
  return h("div", { class: "field" }, h("p", { class: "field-label" }, label2), control, hint);
}
function progress(label2) {
  const element = h("progress", { max: 1, "aria-label": label2 });
  const show2 = (part) => {
    if (part === null) element.removeAttribute("value");
    else element.value = part;
  };
  return { element, show: show2 };
}

// state/schema.ts
function fieldsOf(document2) {
  const schemas = document2.components.schemas;
  const properties = Object.entries(schemas.Input?.properties ?? {});
  const order = (property) => property["x-order"] ?? Number.MAX_SAFE_INTEGER;
  properties.sort(([, a], [, b]) => order(a) - order(b));
  return properties.map(([name, property]) => fieldOf(name, property, schemas));
}
function fieldOf(name, property, schemas) {
  const parts = [property, ...property.allOf ?? []];
  const targets = parts.map((part) => part.$ref ? schemas[part.$ref.split("/").pop() ?? ""] : void 0);
  const all = Object.assign({}, ...targets, property);
  return {
    name,
    description: all.description ?? "",
    kind: kindOf(all),
    choices: all.enum ?? [],
    default: all.default ?? null,
    minimum: all.minimum ?? null,
    maximum: all.maximum ?? null
  };
}
function kindOf(property) {
  if (property.enum) return "choice";
  if (property.type === "boolean" || property.type === "integer" || property.type === "number") return property.type;
  return property.format === "uri" ? "file" : "string";
}
function valueFrom({ kind }, given) {
  if (kind === "boolean") return typeof given === "boolean" ? given : void 0;
  if (kind === "integer" || kind === "number") {
    const isGood = kind === "integer" ? Number.isInteger(given) : Number.isFinite(given);
    return isGood ? given : void 0;
  }
  return typeof given === "string" ? given : void 0;
}

// panels/request.ts
var HOSTED_INPUTS = 12;
function requestOf(doc, video, fields) {
  const order = doc.objects.map(({ id }) => id);
  const shown = new Set(doc.objects.filter(({ hidden }) => !hidden).map(({ id }) => id));
  const marks = doc.marks.filter(({ object }) => shown.has(object)).sort((a, b) => order.indexOf(a.object) - order.indexOf(b.object) || a.frame - b.frame);
  const nameOf = (id) => plainName(doc.objects.find((one) => one.id === id)?.name ?? id);
  const clicks = marks.flatMap(({ object, frame, clicks: clicks2 }) => clicks2.map((click) => ({ object, frame, ...click })));
  const boxes = marks.flatMap(({ object, frame, box }) => box ? [{ object, frame, box }] : []);
  const given = {
    input_video: video.url ?? video.name,
    click_coordinates: clicks.map(({ x: x2, y }) => `[${rounded(x2)},${rounded(y)}]`).join(","),
    click_labels: clicks.map(({ foreground }) => foreground ? 1 : 0).join(",") || "1",
    click_frames: clicks.map(({ frame }) => frame).join(",") || "0",
    click_object_ids: clicks.map(({ object }) => nameOf(object)).join(","),
    box_coordinates: boxes.map(({ box }) => `[${box.map(rounded).join(",")}]`).join(","),
    box_frames: boxes.map(({ frame }) => frame).join(",") || "0",
    box_object_ids: boxes.map(({ object }) => nameOf(object)).join(","),
    ...inputsOf(doc.look, video, doc.range),
    end_frame: doc.range.end === video.num_frames - 1 ? -1 : doc.range.end
  };
  const inputs = {};
  for (const { name, default: usual } of fields) {
    const value = given[name] ?? usual;
    if (value !== null && value !== void 0) inputs[name] = value;
  }
  return inputs;
}
var plainName = (name) => name.replace(/\s*,\s*/g, " ").trim();
var rounded = (value) => Math.round(value * 10) / 10;
function chosen(inputs, fields) {
  const differs = ({ name, default: usual }) => name in inputs && (usual === null || inputs[name] !== usual);
  const pick = (some) => Object.fromEntries(some.filter(differs).map(({ name }) => [name, inputs[name]]));
  return { hosted: pick(fields.slice(0, HOSTED_INPUTS)), own: pick(fields.slice(HOSTED_INPUTS)) };
}
var InputError = class extends Error {
};
function docOfJson(text, doc, video, fields) {
  const given = checked(parsed(text), fields);
  const before = requestOf(doc, video, fields);
  if (given.input_video !== void 0 && given.input_video !== before.input_video) {
    throw new InputError('The video stays as it is. "Change video" opens another.');
  }
  if (given.input_masks) throw new InputError("input_masks is for programs: here, masks come from tracking.");
  const inputs = { ...before, ...given };
  const marked = withMarks(doc, video, inputs);
  const [start, end] = [Number(inputs.start_frame), Number(inputs.end_frame)];
  const last = end < 0 ? video.num_frames - 1 : end;
  if (start > last || last >= video.num_frames) {
    throw new InputError(
      `start_frame and end_frame have to be frames of the video, 0 to ${video.num_frames - 1}, in order.`
    );
  }
  return { ...marked, look: lookOf(doc.look, video, inputs), range: { start, end: last } };
}
function parsed(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new InputError(`This is not JSON yet: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new InputError('Write an object: {"click_coordinates": "[320,180]"}.');
  }
  return found;
}
function checked(given, fields) {
  const found = {};
  for (const [name, value] of Object.entries(given)) {
    const field2 = fields.find((one) => one.name === name);
    if (!field2) throw new InputError(`There is no input "${name}".${nearest(name, fields)}`);
    if (value === null) continue;
    found[name] = checkedValue(field2, value);
  }
  return found;
}
function nearest(name, fields) {
  const plain2 = (text) => text.toLowerCase().replace(/[^a-z]/g, "");
  const like = fields.find(
    (field2) => plain2(field2.name).includes(plain2(name)) || plain2(name).includes(plain2(field2.name))
  );
  return like && plain2(name) ? ` Did you mean "${like.name}"?` : "";
}
var KINDS = {
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  string: "text in quotes",
  file: "text in quotes",
  choice: "text in quotes"
};
function checkedValue(field2, given) {
  const { name, kind, choices, minimum, maximum } = field2;
  const value = valueFrom(field2, given);
  if (value === void 0) throw new InputError(`${name} has to be ${KINDS[kind]}.`);
  if (kind === "choice" && !choices.includes(String(value))) {
    throw new InputError(`${name} has to be one of ${choices.join(", ")}.`);
  }
  const isBelow = typeof value === "number" && minimum !== null && value < minimum;
  const isAbove = typeof value === "number" && maximum !== null && value > maximum;
  if (isBelow || isAbove) {
    const bounds = maximum === null ? `at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw new InputError(`${name} has to be ${bounds}.`);
  }
  return value;
}
var VIEWS = {
  highlighted: "highlight",
  alpha: "cutout",
  greenscreen: "color",
  binary: "matte"
};
function lookOf(look, video, inputs) {
  const view = VIEWS[String(inputs.mask_type)];
  if (!view) throw new InputError(`The page cannot show mask_type "${inputs.mask_type}"; a program can ask for it.`);
  const form = String(inputs.output_video ? inputs.video_format : inputs.output_format);
  if (view === "cutout" && (form === "mp4" || form === "jpg")) {
    const use = form === "mp4" ? "video_format webm or mov" : "output_format png or webp";
    throw new InputError(`${form.toUpperCase()} has no transparency: use ${use}.`);
  }
  if (video.num_frames === 1 && isVideo(form)) throw new InputError("A picture has no video: output_video is false.");
  if (!/^#[0-9a-f]{6}$/i.test(String(inputs.background_color))) {
    throw new InputError('background_color has to be a colour such as "#00ff00".');
  }
  if (Number(inputs.output_frame_interval) < 1) throw new InputError("output_frame_interval has to be at least 1.");
  const asBefore = inputsOf({ ...look, form, fps: null }, video, { start: 0, end: 0 });
  const isSourceRate = Boolean(inputs.keep_audio) || inputs.video_fps === asBefore.video_fps;
  return {
    ...look,
    view,
    form,
    marking: String(inputs.annotation_type),
    color: String(inputs.background_color),
    expand: Number(inputs.mask_expand),
    feather: Number(inputs.mask_feather),
    fps: isSourceRate ? null : Number(inputs.video_fps),
    quality: Number(inputs.output_quality),
    interval: Number(inputs.output_frame_interval),
    separate: Boolean(inputs.separate_objects),
    sound: Boolean(inputs.keep_audio) || (isVideo(form) && isSourceRate ? false : look.sound),
    masks: Boolean(inputs.output_masks)
  };
}
function withMarks(doc, video, inputs) {
  const points = tuplesOf("click_coordinates", String(inputs.click_coordinates), 2);
  const labels = listOf("click_labels", inputs.click_labels, "1", (text) => text === "0" || text === "1", "0 or 1");
  const isFrame = (text) => /^\d+$/.test(text) && Number(text) < video.num_frames;
  const frameWords = `frames from 0 to ${video.num_frames - 1}`;
  const frames = listOf("click_frames", inputs.click_frames, "0", isFrame, frameWords);
  const boxes = tuplesOf("box_coordinates", String(inputs.box_coordinates), 4);
  const boxFrames = listOf("box_frames", inputs.box_frames, "0", isFrame, frameWords);
  const isInside = (x2, y) => x2 >= 0 && x2 <= video.width && y >= 0 && y <= video.height;
  const size = `${video.width} × ${video.height}`;
  const hidden = doc.objects.filter((object) => object.hidden);
  const objects = [];
  const idOf = (name) => {
    const known = [...objects, ...doc.objects].find((one) => one.name === name || plainName(one.name) === name);
    const object = known ?? { id: freeId([...objects, ...doc.objects]), name, hidden: false };
    if (!objects.some(({ id }) => id === object.id)) objects.push(object);
    return object.id;
  };
  const marks = /* @__PURE__ */ new Map();
  const change = (object, frame, edit) => {
    const key = `${object} ${frame}`;
    const from = doc.marks.find((mark) => mark.object === object && mark.frame === frame)?.mask_of ?? null;
    marks.set(key, edit(marks.get(key) ?? { object, frame, clicks: [], box: null, mask_of: from }));
  };
  const clickNames = namesOf("click_object_ids", String(inputs.click_object_ids), points.length, (k) => {
    if (labels[k % labels.length] === "1") return `object_${k + 1}`;
    throw new InputError(`Name the object of point ${k + 1} in click_object_ids.`);
  });
  points.forEach(([x2, y], k) => {
    if (!isInside(x2, y)) throw new InputError(`Point ${k + 1} of click_coordinates is outside the ${size} picture.`);
    const click = { x: x2, y, foreground: labels[k % labels.length] === "1" };
    const frame = Number(frames[k % frames.length]);
    change(idOf(clickNames[k]), frame, (mark) => ({ ...mark, clicks: [...mark.clicks, click] }));
  });
  const boxNames = namesOf("box_object_ids", String(inputs.box_object_ids), boxes.length, (k) => `object_${k + 1}`);
  boxes.forEach((box, k) => {
    const [x1, y1, x2, y2] = box;
    if (!isInside(x1, y1) || !isInside(x2, y2)) {
      throw new InputError(`Box ${k + 1} of box_coordinates is outside the ${size} picture.`);
    }
    if (x1 >= x2 || y1 >= y2)
      throw new InputError(`Box ${k + 1} of box_coordinates has to be [left,top,right,bottom].`);
    const frame = Number(boxFrames[k % boxFrames.length]);
    change(idOf(boxNames[k]), frame, (mark) => ({ ...mark, box: [x1, y1, x2, y2] }));
  });
  const kept = hidden.filter(({ id }) => !objects.some((one) => one.id === id));
  const order = doc.objects.map(({ id }) => id);
  const place = ({ id }) => order.includes(id) ? order.indexOf(id) : order.length;
  const unmarked = doc.objects.filter(
    ({ id, hidden: isHidden }) => !isHidden && !doc.marks.some(({ object }) => object === id)
  );
  const empty2 = unmarked.filter(({ id }) => !objects.some((one) => one.id === id));
  const all = [...objects, ...kept, ...empty2].sort((a, b) => place(a) - place(b));
  const rest = doc.marks.filter(({ object }) => kept.some(({ id }) => id === object));
  const active = all.some(({ id }) => id === doc.active) ? doc.active : all[0]?.id ?? null;
  return { ...doc, objects: all, active, marks: [...marks.values(), ...rest] };
}
function freeId(objects) {
  let number = 1;
  while (objects.some(({ id }) => id === `o${number}`)) number += 1;
  return `o${number}`;
}
function tuplesOf(name, text, count) {
  const example = count === 2 ? "[320,180],[400,200]" : "[10,20,300,200]";
  const plain2 = text.trim().replace(/,$/, "");
  if (!plain2) return [];
  let found;
  try {
    found = JSON.parse(plain2.startsWith("[[") ? plain2 : `[${plain2}]`);
  } catch {
    found = null;
  }
  const isTuple = (one) => Array.isArray(one) && one.length === count && one.every((value) => typeof value === "number");
  if (!Array.isArray(found) || !found.every(isTuple)) throw new InputError(`${name} has to look like "${example}".`);
  return found;
}
function listOf(name, given, usual, isGood, words) {
  const parts = (String(given ?? "").trim().replace(/,$/, "") || usual).split(",").map((part) => part.trim());
  const bad = parts.find((part) => !isGood(part));
  if (bad !== void 0) throw new InputError(`${name} has to be ${words}, separated by commas; not "${bad}".`);
  return parts;
}
function namesOf(name, text, count, make) {
  const given = text.replace(/,\s*$/, "").split(",").map((part) => part.trim());
  if (given.some((one) => one.length > 200)) throw new InputError(`A name in ${name} is longer than 200 letters.`);
  if (given.length === 1 && given[0]) return Array(count).fill(given[0]);
  return Array.from({ length: count }, (_, k) => given[k] || make(k));
}

// panels/snippets.ts
var FILE_NAMES = {
  python: "cutout.py",
  javascript: "cutout.mjs",
  curl: "cutout.sh"
};
function commandsOf(language) {
  const name = FILE_NAMES[language];
  return {
    python: ["pip install replicate", `python ${name}`],
    javascript: ["npm install replicate", `node ${name}`],
    curl: [`sh ${name}`]
  }[language];
}
function snippet(language, asked) {
  return { python, javascript, curl }[language](asked);
}
var MODEL = "meta/sam-2-video";
var OWN = "Inputs that the hosted model does not have:";
var fileOf = ({ video }) => video.url ? null : video.name || "video.mp4";
var hasFolders = ({ inputs }) => Boolean(inputs.separate_objects) && !inputs.output_video;
function entriesOf(asked) {
  const { hosted, own } = chosen(asked.inputs, asked.fields);
  const { input_video: _, ...rest } = hosted;
  return { hosted: Object.entries(rest), own: Object.entries(own) };
}
function python(asked) {
  const { hosted, own } = entriesOf(asked);
  const file = fileOf(asked);
  const line = ([name, value]) => `        "${name}": ${pythonValue(value)},`;
  const video = file === null ? JSON.stringify(asked.video.url) : `open(${JSON.stringify(file)}, "rb")`;
  return [
    "import os",
    "import urllib.parse",
    "import urllib.request",
    "",
    `os.environ["REPLICATE_BASE_URL"] = ${JSON.stringify(asked.api)}`,
    ...asked.needsToken ? [] : ['os.environ.setdefault("REPLICATE_API_TOKEN", "none")  # this server asks for none'],
    "import replicate",
    "",
    "output = replicate.run(",
    `    "${MODEL}",`,
    "    input={",
    `        "input_video": ${video},`,
    ...hosted.map(line),
    ...own.length ? [`        # ${OWN}`, ...own.map(line)] : [],
    "    },",
    ")",
    "for item in output:",
    '    url = getattr(item, "url", item)',
    `    name = urllib.parse.unquote(${hasFolders(asked) ? '"_".join(url.split("/")[-2:])' : 'url.split("/")[-1]'})`,
    "    urllib.request.urlretrieve(url, name)",
    "    print(name)",
    ""
  ].join("\n");
}
function javascript(asked) {
  const { hosted, own } = entriesOf(asked);
  const file = fileOf(asked);
  const line = ([name, value]) => `    ${name}: ${JSON.stringify(value)},`;
  const video = file === null ? JSON.stringify(asked.video.url) : `await readFile(${JSON.stringify(file)})`;
  const auth = asked.needsToken ? "process.env.REPLICATE_API_TOKEN" : '"none"';
  return [
    `import { ${file === null ? "" : "readFile, "}writeFile } from "node:fs/promises";`,
    'import Replicate from "replicate";',
    "",
    `const replicate = new Replicate({ baseUrl: ${JSON.stringify(`${asked.api}/v1`)}, auth: ${auth} });`,
    `const output = await replicate.run("${MODEL}", {`,
    "  input: {",
    `    input_video: ${video},`,
    ...hosted.map(line),
    ...own.length ? [`    // ${OWN}`, ...own.map(line)] : [],
    "  },",
    "});",
    "for (const item of output) {",
    '  const url = typeof item === "string" ? item : String(item.url());',
    hasFolders(asked) ? '  const name = url.split("/").slice(-2).join("_");' : '  const name = url.split("/").at(-1);',
    "  const answer = await fetch(url);",
    "  await writeFile(name, Buffer.from(await answer.arrayBuffer()));",
    "  console.log(name);",
    "}",
    ""
  ].join("\n");
}
function curl(asked) {
  const { hosted, own } = entriesOf(asked);
  const file = fileOf(asked);
  const rest = Object.fromEntries([...hosted, ...own]);
  const token = asked.needsToken ? ' -H "Authorization: Bearer $REPLICATE_API_TOKEN"' : "";
  const url = `${asked.api}/v1/models/${MODEL}/predictions`;
  const post = `curl -s ${quoted(url)}${token} -H 'Content-Type: application/json' -H 'Prefer: wait'`;
  if (file === null) {
    const body2 = JSON.stringify({ input: { input_video: asked.video.url, ...rest } }, null, 2);
    return `${post} -d ${quoted(body2)} > result.json
`;
  }
  const body = JSON.stringify({ input: { input_video: "", ...rest } }, null, 2);
  const split = body.indexOf('"input_video": "') + '"input_video": "'.length;
  return [
    "{",
    `  printf '%s' ${quoted(`${body.slice(0, split)}data:${asked.video.media_type};base64,`)}`,
    `  base64 < ${quoted(file)} | tr -d '\\n'`,
    `  printf '%s' ${quoted(body.slice(split))}`,
    `} | ${post} -d @- > result.json`,
    ""
  ].join("\n");
}
function pythonValue(value) {
  return typeof value === "boolean" ? value ? "True" : "False" : JSON.stringify(value);
}
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// panels/api_tab.ts
var QUIET_MS = 250;
function buildApi(store) {
  let language = "python";
  const languages = choice(
    "Language",
    [
      { value: "python", label: "Python" },
      { value: "javascript", label: "JavaScript" },
      { value: "curl", label: "curl" }
    ],
    (value) => {
      language = value;
      render2();
    }
  );
  languages.show(language);
  const code = h("code", {});
  const name = h("code", {});
  const commands = h("code", {});
  const copy = h("button", { type: "button", onclick: () => void copyText(code.textContent ?? "", copy) }, "Copy");
  const notes = h("p", { class: "hint" });
  const json = h("textarea", {
    class: "code-box",
    rows: 16,
    spellcheck: false,
    autocomplete: "off",
    "aria-label": "All inputs as JSON",
    "aria-describedby": "json-problem",
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(check, QUIET_MS);
    },
    onblur: () => {
      clearTimeout(timer);
      check();
      if (!problem.textContent) render2();
    }
  });
  const problem = h("p", { class: "problem", id: "json-problem", role: "status" });
  const copyJson = h("button", { type: "button", onclick: () => void copyText(json.value, copyJson) }, "Copy");
  let timer = 0;
  function check() {
    const { opened } = store;
    if (!opened) return;
    try {
      const doc = docOfJson(json.value, opened.doc, opened.project.video, opened.fields);
      say("");
      if (JSON.stringify(doc) !== JSON.stringify(opened.doc)) store.edit(() => doc, { selected: null });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      say(error.message);
    }
  }
  function say(text) {
    if (problem.textContent !== text) problem.textContent = text;
    json.setAttribute("aria-invalid", String(text !== ""));
  }
  function render2() {
    const { opened } = store;
    if (!opened) return;
    const { start, doc, project, fields } = opened;
    const api = start.api ?? location.origin;
    const inputs = requestOf(doc, project.video, fields);
    code.textContent = snippet(language, { inputs, fields, video: project.video, api, needsToken: start.needs_token });
    name.textContent = FILE_NAMES[language];
    commands.textContent = commandsOf(language).join("\n");
    notes.textContent = [
      start.api === null ? "This server answers programs once it is started with --tokens." : "",
      start.needs_token ? "Set REPLICATE_API_TOKEN to a token of this server." : "",
      doc.marks.some(({ mask_of }) => mask_of) ? "Corrections go on from tracked masks here; a program gives all points at once, so its masks may differ a little." : "",
      doc.marks.some(({ frame }) => frame < doc.range.start || frame > doc.range.end) ? "A point lies outside of the range, which the model refuses: widen the range to run this." : ""
    ].filter(Boolean).join(" ");
    notes.hidden = !notes.textContent;
    if (document.activeElement === json) return;
    json.value = jsonOf(opened);
    say("");
  }
  const element = h(
    "section",
    { class: "panel-part", "aria-label": "API" },
    h("div", { class: "panel-head" }, h("h2", {}, "As a program"), copy),
    languages.element,
    h("p", { class: "hint" }, "Save as ", name, ", then:"),
    h("pre", { class: "code-block is-short", tabIndex: 0, "aria-label": "Commands" }, commands),
    h("pre", { class: "code-block", tabIndex: 0, "aria-label": "The program" }, code),
    notes,
    h("div", { class: "panel-head" }, h("h2", {}, "All inputs as JSON"), copyJson),
    h("p", { class: "hint" }, "What you type here changes points and look."),
    json,
    problem,
    h("details", { class: "panel-more" }, h("summary", {}, "Inputs and their defaults"), tablesOf(store.state.fields))
  );
  store.subscribe((state, before) => {
    const isSame = state.doc === before.doc && state.project?.id === before.project?.id;
    if (!isSame || state === before) render2();
  });
  return element;
}
function jsonOf({ doc, project, fields }) {
  return JSON.stringify(requestOf(doc, project.video, fields), null, 2);
}
function tablesOf(fields) {
  const listOf2 = (some) => h(
    "dl",
    { class: "inputs" },
    ...some.flatMap(({ name, description, default: usual, choices }) => [
      h("dt", {}, h("code", {}, name)),
      h(
        "dd",
        {},
        `${description.replace(/[^.]$/, "$&.")}${choices.length ? ` One of ${choices.join(", ")}.` : ""} `,
        h("span", { class: "muted" }, usual === null ? "" : usual === "" ? "Empty by default." : `Default ${usual}.`)
      )
    ])
  );
  return h(
    "div",
    {},
    h("h3", {}, "As the hosted model"),
    listOf2(fields.slice(0, HOSTED_INPUTS)),
    h("h3", {}, "Of sam2-video"),
    listOf2(fields.slice(HOSTED_INPUTS))
  );
}

// state/tracked.ts
var isActive = ({ status }) => status === "waiting" || status === "running";
var hasFrame = (ranges, frame) => ranges.some(([first, last]) => first <= frame && frame <= last);
function trackOf(tracks, object, frame) {
  return tracks.findLast((track) => track.objects.includes(object) && hasFrame(track.frames, frame)) ?? null;
}
function joined(ranges) {
  const found = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = found.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else found.push([first, last]);
  }
  return found;
}
var trackedRanges = (tracks, object) => joined(tracks.filter(({ objects }) => objects.includes(object)).flatMap(({ frames }) => frames));
var reaches = (tracks, object, frame, end) => trackedRanges(tracks, object).some(([first, last]) => first <= frame && end <= last);
function staleFrom(doc, tracks, object) {
  const own = tracks.filter((track) => isMeantFor(track, object));
  const frames = new Set(own.flatMap(({ prompts }) => prompts.filter((p) => p.object === object).map((p) => p.frame)));
  for (const mark of doc.marks) if (mark.object === object) frames.add(mark.frame);
  const changed = [...frames].filter((frame) => {
    const track = newestFor(tracks, object, frame);
    if (!track) return false;
    const had = track.prompts.find((prompt) => prompt.object === object && prompt.frame === frame);
    const mark = markOf(doc, object, frame);
    return marksOf(had ?? null) !== marksOf(mark && promptOf(mark));
  });
  return changed.length ? Math.min(...changed) : null;
}
function marksOf(prompt) {
  return prompt && (prompt.points.length || prompt.box) ? JSON.stringify([prompt.points, prompt.labels, prompt.box]) : "";
}
function isMeantFor(track, object) {
  return track.objects.includes(object) && (isActive(track) || track.frames.length > 0);
}
function isStale(doc, tracks, object, frame) {
  const track = trackOf(tracks, object, frame);
  if (!track) return false;
  const from = staleFrom(doc, tracks, object);
  return from !== null && frame >= from || newestFor(tracks, object, frame) !== track;
}
var newestFor = (tracks, object, frame) => tracks.findLast((track) => isMeantFor(track, object) && track.start_frame <= frame && frame <= track.end_frame);
function planAll(doc) {
  const { start, end } = doc.range;
  const prompts = doc.marks.filter(({ frame }) => start <= frame && frame <= end).map(promptOf);
  const objects = doc.objects.map(({ id }) => id).filter((id) => prompts.some(({ object }) => object === id));
  return objects.length ? { objects, prompts, start, end } : null;
}
function planFrom(doc, tracks, frame, isInSight) {
  const end = Math.max(doc.range.end, frame);
  const ids = doc.objects.map(({ id }) => id);
  const isWhole = (id) => reaches(tracks, id, frame, end) && !isStale(doc, tracks, id, end);
  const isChanged = (id) => staleFrom(doc, tracks, id) !== null || !isWhole(id);
  const changed = ids.filter(isChanged);
  const prompts = (changed.length ? changed : ids).flatMap((object) => {
    const marked = doc.marks.filter((mark) => mark.object === object && frame <= mark.frame && mark.frame <= end);
    const found = marked.map(promptOf);
    const track = trackOf(tracks, object, frame);
    const isBegun = track && (isInSight(object) || !reaches(tracks, object, frame, end));
    if (isBegun && !marked.some((mark) => mark.frame === frame)) {
      found.unshift({ object, frame, points: [], labels: [], box: null, mask_of: track.id });
    }
    return found;
  });
  const objects = ids.filter((id) => prompts.some(({ object }) => object === id));
  const isAny = prompts.some((one) => one.points.length || one.box || isInSight(one.object));
  return isAny ? { objects, prompts, start: frame, end } : null;
}
function lastSeen({ start_frame, objects }, object, frame) {
  const before = (objects[object] ?? []).slice(0, Math.max(0, frame - start_frame));
  const index = before.findLastIndex((score) => score !== null);
  return index < 0 ? null : start_frame + index;
}
function untracked(doc, tracks) {
  const { start, end } = doc.range;
  const missing = [];
  for (const { id } of doc.objects) {
    if (!doc.marks.some(({ object }) => object === id)) continue;
    let next = start;
    for (const [first, last] of trackedRanges(tracks, id)) {
      if (first > next) missing.push([next, Math.min(first - 1, end)]);
      next = Math.max(next, last + 1);
    }
    if (next <= end) missing.push([next, end]);
  }
  return joined(missing.filter(([first, last]) => first <= last));
}
function isMarkNew(doc, tracks, object, frame) {
  const mark = markOf(doc, object, frame);
  if (!mark) return false;
  const had = trackOf(tracks, object, frame)?.prompts.find((one) => one.object === object && one.frame === frame);
  return marksOf(had ?? null) !== marksOf(promptOf(mark));
}

// panels/look.ts
var VIEWS2 = [
  { value: "highlight", label: "Highlight", title: "Objects in their colours over the video" },
  { value: "cutout", label: "Cut-out", title: "The objects alone, transparent around them" },
  { value: "color", label: "Colour", title: "The objects alone, one colour around them" },
  { value: "matte", label: "Matte", title: "Objects white, the rest black" }
];
var changeLook = (store, patch) => store.adjust((doc) => ({ ...doc, look: { ...doc.look, ...patch } }));
function viewChoice(store) {
  const views = choice(
    "View",
    VIEWS2.map((one) => ({ ...one, picture: h("i", { class: `view-picture view-${one.value}` }) })),
    (view) => store.adjust((doc) => ({ ...doc, look: withView(doc.look, view, store.opened.project.video) }))
  );
  views.element.classList.add("view-choice");
  store.subscribe((state) => state.doc && views.show(state.doc.look.view));
  return views.element;
}
function buildLook(store) {
  const opacity = slider({
    label: "Opacity",
    hint: "On this page. Exports are half opaque, without an outline.",
    min: 0,
    max: 100,
    unit: "%",
    change: (value) => changeLook(store, { opacity: value / 100 })
  });
  const outline2 = toggle("Outline", "", (on2) => changeLook(store, { outline: on2 }));
  const colour = h("input", {
    type: "color",
    id: "background-color",
    oninput: () => changeLook(store, { color: colour.value })
  });
  const colourField = h(
    "div",
    { class: "field switch-field" },
    h("label", { for: "background-color", class: "field-label" }, "Colour around the objects"),
    colour
  );
  const expand = slider({
    label: "Grow or shrink",
    hint: "Pixels of the video; below 0 shrinks.",
    min: -100,
    max: 100,
    unit: "px",
    change: (value) => changeLook(store, { expand: value })
  });
  const feather = slider({
    label: "Soften edges",
    hint: "Over so many pixels of the video.",
    min: 0,
    max: 100,
    unit: "px",
    change: (value) => changeLook(store, { feather: value })
  });
  store.subscribe(({ doc }) => {
    if (!doc) return;
    const { look } = doc;
    opacity.element.hidden = look.view !== "highlight";
    outline2.element.hidden = look.view !== "highlight";
    colourField.hidden = look.view !== "color";
    feather.element.hidden = look.view === "matte";
    opacity.show(Math.round(look.opacity * 100));
    outline2.show(look.outline);
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
    outline2.element,
    colourField,
    expand.element,
    feather.element
  );
}
function markingChoice(store) {
  const marking = choice(
    "Marked with",
    [
      { value: "mask", label: "Masks" },
      { value: "box", label: "Boxes" },
      { value: "both", label: "Both" }
    ],
    (value) => changeLook(store, { marking: value })
  );
  const element = field("Marked with", marking.element);
  store.subscribe(({ doc }) => {
    if (!doc) return;
    element.hidden = doc.look.view !== "highlight";
    marking.show(doc.look.marking);
  });
  return element;
}

// panels/tools.ts
var TOOLS = [
  { value: "add", label: "Add", title: "A click marks what belongs to the object" },
  { value: "remove", label: "Remove", title: "A click marks what does not belong to the object" },
  { value: "box", label: "Box", title: "Drag a box around the object" }
];
var ICONS = { add: "plus", remove: "minus", box: "box" };
var ZOOM_STEP = 1.5;
function buildTools(store, root, stage) {
  const tool = choice(
    "A click on the picture",
    TOOLS.map((one) => ({ ...one, picture: icon(ICONS[one.value]) })),
    (value) => store.update({ tool: value })
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
      iconButton("plus", "Zoom in (+)", () => stage.setZoom(stage.zoom * ZOOM_STEP))
    )
  );
  store.subscribe((state) => {
    tool.show(state.tool);
    setUsable(undo, store.canUndo);
    setUsable(redo, store.canRedo);
    setUsable(remove, state.selected !== null);
  });
}
function setUsable(button, isUsable) {
  button.setAttribute("aria-disabled", String(!isUsable));
}

// panels/words.ts
var frameNumber = (index) => index + 1;
function rangesText(ranges) {
  const shown = ranges.slice(0, 3).map(([first, last]) => first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`);
  const more = ranges.length > 3 ? ` and ${ranges.length - 3} more gaps` : "";
  const isOne = ranges.length === 1 && ranges[0][0] === ranges[0][1];
  return `${isOne ? "Frame" : "Frames"} ${shown.join(", ")}${more}`;
}
function secondsText(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
function videoText({ width, height, num_frames, frame_rate }) {
  const size = `${width} × ${height}`;
  if (num_frames === 1) return `${size} · picture`;
  const length = frame_rate ? ` · ${secondsText(num_frames / frame_rate)}` : "";
  return `${size} · ${countOf(num_frames, "frame")}${length}`;
}
function bytesText(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
function whenText(date, now) {
  const minutes = Math.round((now - Date.parse(date)) / 6e4);
  if (!(minutes >= 1)) return "just now";
  if (minutes < 60) return `${countOf(minutes, "minute")} ago`;
  if (minutes < 24 * 60) return `${countOf(Math.round(minutes / 60), "hour")} ago`;
  return `${countOf(Math.round(minutes / 60 / 24), "day")} ago`;
}
var USES = {
  tiny: "fast, with good masks",
  small: "fast, with good masks",
  base_plus: "a balance of speed and detail",
  large: "the finest masks"
};
function modelText({ name, is_small }) {
  if (is_small) return "Rough masks, good for a try. For Meta's far better ones, run scripts/download_weights.sh.";
  return `Meta's SAM 2: ${USES[name] ?? "masks of any object"}.`;
}
function offerOf({ doc, project, frame }) {
  const { tracks } = project;
  const marked = doc.objects.filter(({ id }) => doc.marks.some(({ object }) => object === id));
  const isTracked = marked.some(({ id }) => trackedRanges(tracks, id).length > 0);
  const { start, end } = doc.range;
  const hasPoints = doc.marks.some((mark) => start <= mark.frame && mark.frame <= end);
  const nothing = { from: null, isTracked, isComplete: false, hasPoints };
  if (!marked.length) {
    const why = doc.objects.length ? "Click in the picture on what you want." : "Click on what you want to cut out.";
    return { ...nothing, sentence: why, why };
  }
  const unusable = marked.find(({ id }) => !isMarked(doc, id));
  if (unusable) {
    const why = `Click on ${unusable.name} itself: so far it is only marked where it is not.`;
    return { ...nothing, sentence: why, why };
  }
  const hasMasks = marked.some(
    ({ id }) => trackedRanges(tracks, id).some(([first, last]) => first <= end && start <= last)
  );
  if (!hasPoints && !hasMasks) {
    const why = "No point lies in the range. Widen it, or click on one of its frames.";
    return { ...nothing, sentence: why, why };
  }
  const isPicture = project.video.num_frames === 1;
  const size = isPicture ? "" : `, ${countOf(end - start + 1, "frame")}`;
  if (!isTracked) {
    return { ...nothing, sentence: `${countOf(marked.length, "object")}${size}.`, why: null };
  }
  const changed = marked.map(({ id, name }) => ({ name, from: staleFrom(doc, tracks, id) })).filter((one) => one.from !== null);
  const missing = untracked(doc, tracks);
  const stopped = stoppedText(tracks.at(-1) ?? null);
  if (changed.length) {
    const first = changed.reduce((a, b) => b.from < a.from ? b : a);
    const others = changed.length > 1 ? ` and ${countOf(changed.length - 1, "other")}` : "";
    const where = isPicture ? "" : ` on frame ${frameNumber(first.from)}`;
    const sentence2 = `${stopped}${first.name}${others} changed${where}.`;
    return { sentence: sentence2, from: first.from, isTracked, isComplete: false, hasPoints, why: null };
  }
  if (missing.length) {
    const only = stopped || `${rangesText(missing)} ${missing.length === 1 && missing[0][0] === missing[0][1] ? "is" : "are"} not tracked yet.`;
    return { sentence: only.trim(), from: resumeFrom(doc, tracks), isTracked, isComplete: false, hasPoints, why: null };
  }
  const sentence = isPicture ? "Cut out." : "All frames are tracked.";
  return { sentence, from: frame, isTracked, isComplete: true, hasPoints, why: null };
}
function isMarked(doc, id) {
  const own = doc.marks.filter(({ object }) => object === id);
  return own.some(({ clicks, box, mask_of }) => box || mask_of || clicks.some(({ foreground }) => foreground));
}
function stoppedText(track) {
  return track?.status === "cancelled" ? `Stopped after ${track.frames_done} of ${countOf(track.frames_total, "frame")}. ` : "";
}
function resumeFrom(doc, tracks) {
  const { start, end } = doc.range;
  let from = end;
  for (const { id } of doc.objects) {
    if (!doc.marks.some(({ object }) => object === id)) continue;
    let frame = start;
    for (const [first, last] of trackedRanges(tracks, id)) {
      if (first <= frame && frame <= last) frame = last + 1;
    }
    if (frame <= end) from = Math.min(from, frame > start && trackOf(tracks, id, frame - 1) ? frame - 1 : start);
  }
  return from;
}

// panels/export.ts
var FORMS = [
  { value: "mp4", label: "MP4" },
  { value: "mov", label: "MOV" },
  { value: "webm", label: "WebM" },
  { value: "png", label: "PNG" },
  { value: "webp", label: "WebP" },
  { value: "jpg", label: "JPG" }
];
function useOf(form, isTransparent, isPicture) {
  const clear = isTransparent ? ", with transparency" : "";
  const each = isPicture ? "One picture" : "A picture of each frame";
  return {
    mp4: "H.264. Plays everywhere.",
    mov: `ProRes 4444${clear}. For editing programs.`,
    webm: `VP9${clear}. For the web.`,
    png: `${each}, exact${clear}.`,
    webp: `${each}, small files${clear}.`,
    jpg: `${each}, opens everywhere.`
  }[form];
}
var shownObjects = ({ doc }) => doc.objects.filter(({ id, hidden }) => !hidden && doc.marks.some(({ object }) => object === id)).map(({ id, name }) => ({ id, name }));
function exportProblem(opened) {
  const { doc, project } = opened;
  if (!doc.marks.length) return "Click on an object and track it first.";
  const shown = shownObjects(opened).map(({ id }) => id);
  if (!shown.length) return "All objects are hidden. Show one of them.";
  const visible = { ...doc, objects: doc.objects.filter(({ id }) => shown.includes(id)) };
  const missing = untracked(visible, project.tracks);
  if (!missing.length) return null;
  if (project.video.num_frames === 1) return "Cut the objects out first.";
  const isOne = missing.length === 1 && missing[0][0] === missing[0][1];
  return `${rangesText(missing)} ${isOne ? "is" : "are"} not tracked yet. Track, or shorten the range.`;
}
function buildExport(store, list, saver) {
  const form = choice("Format", FORMS, (value) => changeLook(store, { form: value }));
  const use = h("p", { class: "hint", role: "status" });
  const speed = choice(
    "Speed",
    [
      { value: "source", label: "As the video" },
      { value: "fps", label: "Frames a second" }
    ],
    (value) => changeLook(store, { fps: value === "source" ? null : sourceRate(store.opened.project.video) })
  );
  const fps = numberBox({
    label: "Frames a second",
    min: 1,
    max: 60,
    change: (value) => changeLook(store, { fps: value })
  });
  const speedField = field("Speed", h("div", { class: "field-row" }, speed.element, fps.element));
  const sound = toggle("Sound", "", (on2) => changeLook(store, { sound: on2 }));
  const quality = slider({
    label: "Quality",
    min: 0,
    max: 100,
    change: (value) => changeLook(store, { quality: value })
  });
  const interval = numberBox({
    label: "Every n-th frame",
    min: 1,
    max: 1e5,
    change: (value) => changeLook(store, { interval: value })
  });
  const intervalField = h(
    "div",
    { class: "field switch-field" },
    h("p", { class: "field-label" }, "Every n-th frame"),
    interval.element,
    h("p", { class: "hint" }, "1 takes them all.")
  );
  const separate = toggle(
    "Each object apart",
    "A file or folder for each.",
    (on2) => changeLook(store, { separate: on2 })
  );
  const masks = toggle("masks.json", "The masks as COCO, for programs.", (on2) => changeLook(store, { masks: on2 }));
  const what = h("p", { class: "export-what", id: "export-what", role: "status" });
  const start = h(
    "button",
    { type: "button", class: "primary export-start", id: "export", "aria-describedby": "export-what" },
    icon("download"),
    "Export"
  );
  let isStarting = false;
  start.onclick = async () => {
    const { opened } = store;
    if (!opened || isStarting || exportProblem(opened)) return;
    isStarting = true;
    store.update({ problem: null });
    try {
      await saver.flush();
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
      masks.element
    )
  );
}

// panels/preview.ts
function showPreview({ title, files }) {
  const before = document.activeElement;
  const close = iconButton("close", "Close", () => dialog.close());
  const dialog = h(
    "dialog",
    { class: "preview", "aria-label": title, onclose: () => closed() },
    h("header", {}, h("h2", {}, title), close),
    contentOf(files)
  );
  const closed = () => {
    dialog.remove();
    if (before instanceof HTMLElement) before.focus();
  };
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  document.body.append(dialog);
  dialog.showModal();
}
function contentOf(files) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const movies = files.filter(({ name: name2 }) => /\.(mp4|webm)$/.test(name2));
  if (movies.length) {
    const players = movies.map(
      ({ url, name: name2 }) => h("video", {
        src: url,
        controls: true,
        loop: true,
        muted: true,
        playsInline: true,
        autoplay: !isCalm,
        class: "chequered",
        "aria-label": name2
      })
    );
    return h("div", { class: "preview-films" }, ...players);
  }
  const pictures = files.filter(({ media_type }) => media_type.startsWith("image/"));
  const image = h("img", { class: "chequered", src: pictures[0].url, alt: pictures[0].name });
  if (pictures.length === 1) return h("div", {}, image);
  const name = h("output", {}, pictures[0].name);
  const range = h("input", {
    type: "range",
    class: "slider",
    min: "0",
    max: String(pictures.length - 1),
    value: "0",
    "aria-label": "Picture",
    oninput: () => {
      const picture = pictures[Number(range.value)];
      range.style.setProperty("--part", `${100 * Number(range.value) / (pictures.length - 1)}%`);
      image.src = picture.url;
      image.alt = picture.name;
      name.value = picture.name;
    }
  });
  range.style.setProperty("--part", "0%");
  return h("div", {}, image, range, name);
}

// panels/export_list.ts
var downloadUrl = ({ url }) => `${url}?download=1`;
var MOST_FILES = 6;
var ExportList = class {
  // started in this window: downloaded once they are done
  constructor(store) {
    this.store = store;
    this.element = h("section", { class: "exports", "aria-label": "Exports", tabIndex: -1 }, this.list);
    store.subscribe(({ project }, before) => {
      if (project?.id !== before.project?.id) this.stop();
      for (const one of project?.exports ?? []) if (isActive(one) && !this.events.has(one.id)) this.follow(one);
      if (project?.exports !== before.project?.exports || project?.id !== before.project?.id) this.render();
    });
  }
  store;
  element;
  list = h("ul", { class: "export-list" });
  events = /* @__PURE__ */ new Map();
  awaited = /* @__PURE__ */ new Set();
  begin(project, started) {
    this.awaited.add(started.id);
    if (this.store.state.project?.id === project) this.set(started);
  }
  stop() {
    for (const events of this.events.values()) events.close();
    this.events.clear();
  }
  follow({ id }) {
    const events = new EventSource(exportEventsUrl(id));
    this.events.set(id, events);
    events.onmessage = ({ data }) => {
      const now = JSON.parse(data);
      if (!isActive(now)) {
        events.close();
        this.events.delete(id);
        if (now.status === "done" && this.awaited.delete(id)) download(now);
      }
      this.set(now);
    };
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      this.store.update({ problem: { sentence: "The server does not answer. Is it still running?", field: null } });
    };
  }
  set(one) {
    const { project } = this.store.state;
    if (!project) return;
    const isKnown = project.exports.some(({ id }) => id === one.id);
    const exports = isKnown ? project.exports.map((other) => other.id === one.id ? one : other) : [one, ...project.exports];
    this.store.update({ project: { ...project, exports } });
  }
  async cancel(one) {
    const before = this.store.state.project?.id;
    try {
      const now = await cancelExport(one.id);
      if (this.store.state.project?.id === before) this.set(now);
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }
  async remove(one) {
    try {
      await removeExport(one.id);
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
      return;
    }
    const { project } = this.store.state;
    if (!project) return;
    this.store.update({ project: { ...project, exports: project.exports.filter(({ id }) => id !== one.id) } });
  }
  render() {
    const exports = this.store.state.project?.exports ?? [];
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    const key = focused?.dataset.key;
    const row = focused?.closest("li");
    const index = row ? [...this.list.children].indexOf(row) : -1;
    this.list.replaceChildren(...exports.map((one) => this.itemOf(one)));
    if (!focused) return;
    const rowNow = this.list.children[Math.min(index, this.list.children.length - 1)];
    const again = key ? this.list.querySelector(`[data-key="${CSS.escape(key)}"]`) : null;
    (again ?? rowNow?.querySelector("a, button") ?? this.element).focus();
  }
  itemOf(one) {
    const { id, title, files, status } = one;
    const keyed = (element, key) => {
      element.dataset.key = `${key} ${id}`;
      return element;
    };
    const line = h("p", { class: `export-line${status === "failed" ? " is-wrong" : ""}` }, lineOf(one));
    if (isActive(one)) {
      const bar = h("progress", { max: 1, "aria-label": `${title}: frames done` });
      if (status === "running") bar.value = one.frames_done / Math.max(1, one.frames_total);
      const stop = keyed(h("button", { type: "button", onclick: () => void this.cancel(one) }, "Cancel"), "act");
      return h("li", {}, h("div", { class: "export-text" }, h("strong", {}, title), line), stop, bar);
    }
    const remove = keyed(
      iconButton("trash", `Delete the export ${title}`, () => void this.remove(one)),
      "remove"
    );
    const only = files.length === 1 ? files[0] : null;
    const url = only ? downloadUrl(only) : exportZipUrl(id);
    const get = files.length ? keyed(
      h(
        "a",
        {
          class: "button",
          href: url,
          download: only?.name ?? "",
          "aria-label": `${only ? "Download" : "Download all"}: ${title}`
        },
        icon("download"),
        only ? "Download" : "Download all"
      ),
      "act"
    ) : null;
    const isShown = files.some(({ media_type, name }) => /^image\//.test(media_type) || /\.(mp4|webm)$/.test(name));
    const look = isShown ? keyed(
      iconButton("play", `Look at ${title}`, () => showPreview(one)),
      "look"
    ) : null;
    const some = files.length > 1 && files.length <= MOST_FILES;
    const links = some ? h(
      "ul",
      { class: "export-files" },
      ...files.map(
        (file) => h(
          "li",
          {},
          h("a", { href: downloadUrl(file), download: file.name }, file.name),
          ` ${bytesText(file.size)}`
        )
      )
    ) : null;
    const more = files.length > MOST_FILES ? h(
      "details",
      { class: "export-files" },
      h("summary", {}, "Each file"),
      h(
        "ul",
        { tabIndex: 0, "aria-label": `Files of ${title}` },
        ...files.map((file) => h("li", {}, h("a", { href: downloadUrl(file), download: file.name }, file.name)))
      )
    ) : null;
    return h(
      "li",
      {},
      h("div", { class: "export-text" }, h("strong", {}, title), line),
      get,
      look,
      remove,
      links,
      more
    );
  }
};
function lineOf({ status, files, frames_done, frames_total, error, created_at }) {
  if (status === "waiting") return "Waiting…";
  if (status === "running") return `${frames_done} of ${frames_total} frames`;
  if (status === "failed") return error?.sentence ?? "It failed.";
  if (status === "cancelled") return "Cancelled.";
  const size = bytesText(files.reduce((sum, file) => sum + file.size, 0));
  return `${files.length > 1 ? `${countOf(files.length, "file")}, ` : ""}${size}, ${whenText(created_at, Date.now())}`;
}
function download({ id, files }) {
  if (!files.length) return;
  const link = h("a", { href: files.length === 1 ? downloadUrl(files[0]) : exportZipUrl(id), download: "" });
  link.click();
}

// state/store.ts
var MOST_STEPS = 200;
var Store = class {
  listeners = [];
  past = [];
  future = [];
  current;
  constructor(start, fields) {
    this.current = {
      start,
      fields,
      project: null,
      doc: null,
      frame: 0,
      isPlaying: false,
      selected: null,
      tool: "add",
      tracking: null,
      follow: true,
      problem: null,
      isSaved: true,
      speed: 1,
      loop: false
    };
  }
  get state() {
    return this.current;
  }
  // The state with its project; null while there is none.
  get opened() {
    return this.current.project && this.current.doc ? this.current : null;
  }
  get canUndo() {
    return this.past.length > 0;
  }
  get canRedo() {
    return this.future.length > 0;
  }
  // The listener is called at once, with the same state twice, and after every change.
  subscribe(listener) {
    this.listeners.push(listener);
    listener(this.current, this.current);
  }
  update(patch) {
    const before = this.current;
    this.current = { ...before, ...patch };
    for (const listener of this.listeners) listener(this.current, before);
  }
  open(project) {
    this.past = [];
    this.future = [];
    const doc = docOf(project.document, project.video);
    const tracking = project.tracks.find(isActive) ?? null;
    const frame = Math.min(doc.frame, project.video.num_frames - 1);
    const fresh = { isPlaying: false, follow: true, selected: null, problem: null, tool: "add" };
    this.update({ project, doc, frame, tracking, ...fresh });
  }
  close() {
    this.update({ project: null, doc: null, tracking: null, isPlaying: false, selected: null, problem: null });
  }
  // Changes the document as one step of undo.
  edit(change, patch = {}) {
    this.remember();
    this.adjust(change, patch);
  }
  // Changes the document without a step of undo: while something is dragged, or for the look.
  adjust(change, patch = {}) {
    if (!this.current.doc) return;
    this.update({ doc: change(this.current.doc), ...patch });
  }
  // Begins a step of undo that calls of `adjust` make.
  remember() {
    if (!this.current.doc) return;
    this.past = [...this.past.slice(1 - MOST_STEPS), this.current.doc];
    this.future = [];
  }
  undo() {
    this.swap(this.past, this.future);
  }
  redo() {
    this.swap(this.future, this.past);
  }
  // Objects and marks come back; look, range and frame stay as they are.
  swap(from, to) {
    const { doc } = this.current;
    const other = doc && from.pop();
    if (!doc || !other) return;
    to.push(doc);
    const { objects, active, marks } = other;
    this.update({ doc: { ...doc, objects, active, marks }, selected: null });
  }
  // Puts a track into the project, in place of what it was before.
  setTrack(track) {
    const { project } = this.current;
    if (!project) return;
    const isKnown = project.tracks.some(({ id }) => id === track.id);
    const tracks = isKnown ? project.tracks.map((one) => one.id === track.id ? track : one) : [...project.tracks, track];
    this.update({ project: { ...project, tracks }, tracking: isActive(track) ? track : null });
  }
};
function colourOf(state, object) {
  const { palette } = state.start;
  const index = state.doc?.objects.findIndex(({ id }) => id === object) ?? 0;
  return palette[Math.max(0, index) % palette.length] ?? "gray";
}

// panels/objects.ts
var MOST_LETTERS = 60;
function buildObjects(store, stage) {
  const list = h("ul", { class: "panel-objects", "aria-label": "Objects" });
  const empty2 = h("p", { class: "hint" }, "Each thing that you click on is listed here.");
  const add = h(
    "button",
    {
      type: "button",
      class: "panel-add",
      onclick: () => {
        store.edit(addObject, { tool: "add", selected: null });
        list.querySelector(".is-active")?.scrollIntoView({ block: "nearest" });
        stage.focus();
      }
    },
    icon("plus"),
    "Add object"
  );
  store.subscribe((state, before) => {
    const { opened } = store;
    const isSame = state.doc?.objects === before.doc?.objects && state.doc?.marks === before.doc?.marks;
    if (state !== before && isSame && state.doc?.active === before.doc?.active) return;
    empty2.hidden = !opened || opened.doc.objects.length > 0;
    render(store, list, add, opened);
  });
  return h(
    "section",
    { class: "panel-part", "aria-label": "Objects" },
    h("div", { class: "panel-head" }, h("h2", {}, "Objects"), add),
    list,
    empty2
  );
}
function render(store, list, add, opened) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const row = focused?.closest("li");
  const index = row ? [...list.children].indexOf(row) : -1;
  const key = focused instanceof HTMLElement ? focused.dataset.key : void 0;
  const letters = focused instanceof HTMLInputElement && focused.type === "text" ? focused.selectionStart : null;
  list.replaceChildren(...(opened?.doc.objects ?? []).map((object) => itemOf(store, opened, object)));
  if (!focused) return;
  const rowNow = list.children[Math.min(index, list.children.length - 1)];
  const again = key ? list.querySelector(`[data-key="${key}"]`) : null;
  const next = again ?? rowNow?.querySelector("input") ?? add;
  next.focus();
  if (again instanceof HTMLInputElement && letters !== null) again.setSelectionRange(letters, letters);
}
function itemOf(store, opened, { id, name, hidden }) {
  const { doc } = opened;
  const marks = doc.marks.filter(({ object }) => object === id);
  const points = marks.reduce((sum, mark) => sum + mark.clicks.length, 0);
  const boxes = marks.filter(({ box }) => box).length;
  const count = [
    points || !boxes ? countOf(points, "point") : "",
    boxes ? boxes === 1 ? "1 box" : `${boxes} boxes` : ""
  ].filter(Boolean).join(", ");
  const isActive2 = id === doc.active;
  const choose = h("input", {
    type: "radio",
    name: "active-object",
    checked: isActive2,
    "aria-label": `Clicks go to ${name}`,
    "data-key": `choose ${id}`,
    onchange: () => store.adjust((now) => chooseObject(now, id), { selected: null })
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
          problem: { sentence: `Another object is called ${wanted}. Choose another name.`, field: null }
        });
      }
    },
    onkeydown: (event) => {
      if (event.key === "Enter") title.blur();
      if (event.key === "Escape") title.value = name;
      if (event.key === "Enter" || event.key === "Escape") document.getElementById(`choose-${id}`)?.focus();
    }
  });
  choose.id = `choose-${id}`;
  const eye = iconButton(
    hidden ? "hidden" : "eye",
    `${name} is ${hidden ? "hidden: show it" : "shown: hide it"}`,
    () => store.edit((now) => hideObject(now, id, !hidden))
  );
  eye.dataset.key = `eye ${id}`;
  const remove = iconButton(
    "trash",
    `Remove ${name}`,
    () => store.edit((now) => removeObject(now, id), { selected: null })
  );
  remove.dataset.key = `remove ${id}`;
  const swatch = h("label", { class: "panel-swatch", for: choose.id, title: `Clicks go to ${name}` }, h("i", {}));
  swatch.style.setProperty("--colour", colourOf(opened, id));
  return h(
    "li",
    { class: `panel-object${isActive2 ? " is-active" : ""}${hidden ? " is-hidden" : ""}` },
    choose,
    swatch,
    h("div", { class: "panel-naming" }, title, h("span", { class: "panel-count" }, count)),
    eye,
    remove
  );
}

// panels/tracking.ts
function buildTracking(store, root, tracker, transport, showExport) {
  const sentence = h("p", { class: "track-sentence", id: "track-sentence", role: "status" });
  const main2 = h("button", { type: "button", id: "track", "aria-describedby": "track-sentence" });
  const all = h("button", { type: "button", class: "quiet", id: "track-all" }, "Track all again");
  const toExport = h(
    "button",
    { type: "button", class: "primary", id: "to-export", onclick: showExport },
    icon("download"),
    "Export"
  );
  const bar = progress("Frames tracked");
  const stop = h("button", { type: "button", id: "stop-track", onclick: () => void tracker.cancel() }, "Stop");
  const follow = toggle("Following", "", (on2) => store.update({ follow: on2 }));
  const idle = h("div", { class: "track-buttons" }, main2, toExport);
  const busy = h("div", { class: "track-buttons" }, follow.element, stop);
  root.append(bar.element, h("div", { class: "track-head" }, sentence, all), idle, busy);
  main2.onclick = async () => {
    const { opened } = store;
    if (!opened || main2.getAttribute("aria-disabled") === "true") return;
    const { from } = offerOf(opened);
    if (from === null) return tracker.trackAll();
    if (from !== opened.frame) await transport.goTo(from);
    if (store.state.frame === from) await tracker.trackFromHere();
  };
  all.onclick = () => void tracker.trackAll();
  store.subscribe((state, before) => {
    const { opened } = store;
    if (!opened) return;
    const { tracking } = state;
    const hadFocus = root.contains(document.activeElement);
    idle.hidden = tracking !== null;
    busy.hidden = tracking === null;
    bar.element.hidden = tracking === null;
    follow.show(state.follow);
    if (tracking) {
      all.hidden = true;
      setText(sentence, runText(tracking));
      bar.show(tracking.status === "waiting" ? null : tracking.frames_done / Math.max(1, tracking.frames_total));
    } else {
      showOffer(opened);
    }
    if (hadFocus && tracking === null !== (before.tracking === null)) (tracking ? stop : main2).focus();
    document.title = titleOf(state);
  });
  function showOffer(opened) {
    const offer = offerOf(opened);
    const isHere = offer.from === opened.frame;
    const isPicture = opened.project.video.num_frames === 1;
    const again = isPicture ? "Find again" : isHere ? "Track from here" : `Track from frame ${frameNumber(offer.from ?? 0)}`;
    const first = isPicture ? "Cut out" : "Track";
    setText(main2, offer.from === null ? first : again);
    setText(sentence, offer.sentence);
    setUsable(main2, offer.why === null);
    main2.classList.toggle("primary", !offer.isComplete);
    all.hidden = !offer.isTracked || !offer.hasPoints || offer.from === null || isPicture || offer.why !== null;
    toExport.hidden = !offer.isComplete;
    if (isPicture && offer.isComplete) main2.hidden = true;
    else main2.hidden = false;
  }
}
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function runText({ status, frames_done, frames_total, seconds_left }) {
  if (status === "waiting") return "Waiting for the model…";
  if (frames_done === 0) return "Finding the object…";
  const left = seconds_left === null ? "" : `, ${secondsText(seconds_left)} left`;
  return `Tracking: ${frames_done} of ${frames_total} frames${left}`;
}
var TITLE = "Cut anything out of a video · sam2-video";
function titleOf({ project, tracking }) {
  if (!project) return TITLE;
  const active = project.exports.find(({ status }) => status === "running");
  const run = tracking ?? active;
  if (!run) return `${project.name} · sam2-video`;
  const part = Math.floor(100 * run.frames_done / Math.max(1, run.frames_total));
  return `${part} % · ${project.name}`;
}

// panels/panel.ts
function buildPanel(store, root, tracker, stage, transport, saver) {
  buildTools(store, byId("tools"), stage);
  const edit = h("div", {}, buildObjects(store, stage), buildLook(store));
  const pages = /* @__PURE__ */ new Map([
    ["Edit", edit],
    ["Export", buildExport(store, new ExportList(store), saver)],
    ["API", buildApi(store)]
  ]);
  const tabs = new Tabs(pages);
  const bar = h("section", { class: "track-bar", "aria-label": "Tracking" });
  buildTracking(store, bar, tracker, transport, () => {
    const { opened } = store;
    if (opened && isUntouched(opened)) {
      changeLook(store, withView(opened.doc.look, "cutout", opened.project.video));
    }
    tabs.choose("Export");
    byId("export").focus();
  });
  root.append(tabs.list, tabs.body, bar);
  store.subscribe((state, before) => {
    if (state.project?.id !== before.project?.id) tabs.choose("Edit");
  });
}
var isUntouched = ({ doc, project }) => !project.exports.length && isSameFormat(doc.look, emptyDoc(project.video).look);
var isSameFormat = (a, b) => a.view === b.view && a.form === b.form;
var Tabs = class {
  list;
  body;
  buttons = /* @__PURE__ */ new Map();
  bodies = /* @__PURE__ */ new Map();
  chosen = "";
  constructor(pages) {
    for (const [name, page] of pages) {
      const key = name.toLowerCase();
      const button = h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${key}`,
          "aria-controls": `panel-${key}`,
          onclick: () => this.choose(name),
          onkeydown: (event) => this.move(event)
        },
        name
      );
      const body = h("div", { role: "tabpanel", id: `panel-${key}`, "aria-labelledby": `tab-${key}` }, page);
      this.buttons.set(name, button);
      this.bodies.set(name, body);
    }
    this.list = h("div", { class: "panel-tabs", role: "tablist", "aria-label": "Panel" }, ...this.buttons.values());
    this.body = h("div", { class: "panel-body" }, ...this.bodies.values());
    this.choose([...pages.keys()][0]);
  }
  choose(name) {
    if (name === this.chosen) return;
    this.chosen = name;
    for (const [key, button] of this.buttons) {
      button.setAttribute("aria-selected", String(key === name));
      button.tabIndex = key === name ? 0 : -1;
      this.bodies.get(key).hidden = key !== name;
    }
    this.body.scrollTop = 0;
  }
  move(event) {
    const names = [...this.buttons.keys()];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === void 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = names[(names.indexOf(this.chosen) + step + names.length) % names.length];
    this.choose(next);
    this.buttons.get(next).focus();
  }
};

// panels/intake.ts
var NAMES = [".mkv", ".mxf", ".ts", ".mts", ".m2ts", ".nut", ".y4m", ".ivf", ".h264", ".h265", ".dv"];
var Intake = class {
  constructor(store, opened) {
    this.store = store;
    this.opened = opened;
    this.input.onchange = () => {
      const file = this.input.files?.[0];
      this.input.value = "";
      if (file) void this.upload(file);
    };
    this.card.append(this.text, this.bar.element, this.cancel);
    this.card.oncancel = () => this.giveUp.abort();
    document.body.append(this.input, this.card);
    this.listenForDrops();
    this.listenForPaste();
  }
  store;
  opened;
  input = h("input", {
    type: "file",
    accept: `video/*,image/*,${NAMES.join(",")}`,
    hidden: true,
    tabIndex: -1
  });
  giveUp = new AbortController();
  text = h("p", { class: "arriving-text", role: "status" });
  bar = progress("Uploaded");
  cancel = h("button", { type: "button", onclick: () => this.giveUp.abort() }, "Cancel");
  card = h("dialog", { class: "arriving", "aria-label": "Opening a video" });
  choose() {
    this.input.click();
  }
  async fetch(url) {
    const name = nameOfUrl(url);
    await this.take(`Fetching ${name}`, name, (signal) => fetchVideo(url, signal));
  }
  async example({ id, title, clicks }) {
    await this.take(`Opening ${title}`, title, async (signal) => {
      const video = await openExample(id, signal);
      const empty2 = exampleDoc(clicks, video);
      const document2 = { ...empty2, look: withView(empty2.look, "highlight", video) };
      const project = await makeProject(video);
      const { revision } = await saveProject(project, { name: title, document: document2 });
      return { ...project, name: title, document: document2, revision };
    });
  }
  async upload(file) {
    const { max_upload_bytes: most } = this.store.state.start;
    const isKnown = NAMES.some((name) => file.name.toLowerCase().endsWith(name));
    if (file.type !== "" && !/^(video|image)\//.test(file.type) && !isKnown) {
      this.fail({ sentence: `We can't open ${file.name}. Try MP4, MOV or WebM.`, field: null });
    } else if (file.size > most) {
      this.fail({ sentence: `${file.name} is too large: up to ${bytesText(most)} can be opened here.`, field: null });
    } else {
      await this.take(
        `Uploading ${file.name}`,
        file.name,
        (signal) => uploadVideo(file, (part) => this.progress(part, file.name), signal)
      );
    }
  }
  progress(part, name) {
    this.bar.show(part < 1 ? part : null);
    this.text.textContent = part < 1 ? `Uploading ${name}, ${Math.floor(part * 100)} %` : `Reading ${name}…`;
  }
  fail(problem) {
    this.store.update({ problem });
  }
  async take(text, name, work) {
    this.giveUp.abort();
    this.giveUp = new AbortController();
    const { signal } = this.giveUp;
    this.text.textContent = `${text}…`;
    this.bar.show(null);
    this.store.update({ problem: null });
    if (!this.card.open) this.card.showModal();
    try {
      const found = await work(signal);
      const project = "video" in found ? found : await makeProject(found);
      if (signal.aborted) return void await removeProject(project.id);
      this.card.close();
      this.opened(project);
      const { damage } = project.video;
      if (damage) this.fail({ sentence: damage, field: null });
    } catch (error) {
      if (signal.aborted) return;
      const { sentence, field: field2 } = problemOf(error);
      this.fail({ sentence: sentence.replace(/^(input_video|url)\b/, () => name), field: field2 });
    } finally {
      if (this.giveUp.signal === signal) this.close();
    }
  }
  close() {
    this.card.close();
    if (document.activeElement !== document.body) return;
    const { project } = this.store.state;
    byId(project ? "editor" : "choose-video").focus({ preventScroll: true });
  }
  listenForDrops() {
    const veil = h("div", { class: "veil", hidden: true }, "Drop it to open it");
    document.body.append(veil);
    const isFile = (event) => event.dataTransfer?.types.includes("Files") ?? false;
    addEventListener("dragover", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      veil.hidden = false;
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) veil.hidden = true;
    });
    addEventListener("drop", (event) => {
      veil.hidden = true;
      if (!isFile(event)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.upload(file);
    });
  }
  // A URL or a file that is pasted while no text is being written.
  listenForPaste() {
    addEventListener("paste", (event) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      const file = event.clipboardData?.files[0];
      const text = event.clipboardData?.getData("text/plain").trim() ?? "";
      if (file) void this.upload(file);
      else if (/^https?:\/\/\S+$/i.test(text)) void this.fetch(text);
    });
  }
};
function nameOfUrl(url) {
  try {
    const { pathname, hostname } = new URL(url);
    return decodeURIComponent(pathname.split("/").at(-1) || hostname);
  } catch {
    return "the video";
  }
}

// panels/place.ts
function placeOf(hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const id = values.get("p");
  const token = values.get("share");
  if (id) return { kind: "project", id };
  return token ? { kind: "share", token } : { kind: "start" };
}
var projectHash = (id) => `#p=${encodeURIComponent(id)}`;
function shareUrl(base, token) {
  const url = new URL(base);
  url.hash = `share=${encodeURIComponent(token)}`;
  return url.href;
}

// panels/recent.ts
function buildRecent(store) {
  const list = h("ul", { class: "recent-list" });
  const title = h("h2", { id: "recent-title", tabIndex: -1 }, "Recent work");
  const kept = h("p", { class: "hint" });
  const section = h(
    "section",
    { class: "recent", "aria-labelledby": "recent-title" },
    h("div", { class: "start-head" }, title, kept),
    list
  );
  let asked = null;
  const ask3 = (id) => {
    const before = asked;
    asked = id;
    render2();
    list.querySelector(id ? `[data-keep="${id}"]` : `[data-remove="${before}"]`)?.focus();
  };
  const remove = async (project) => {
    const place = store.state.start.projects.indexOf(project);
    try {
      await removeProject(project.id);
    } catch (error) {
      store.update({ problem: problemOf(error) });
      return;
    }
    asked = null;
    const { start } = store.state;
    const projects = start.projects.filter(({ id }) => id !== project.id);
    store.update({ start: { ...start, projects } });
    const links = list.querySelectorAll("a");
    const next = links[Math.min(place, links.length - 1)];
    (next ?? document.getElementById("choose-video"))?.focus();
  };
  function itemOf2(project) {
    const { id, name, video, changed_at, tracked_frames, is_shared } = project;
    if (asked === id) {
      const keep = h("button", { type: "button", "data-keep": id, onclick: () => ask3(null) }, "Keep");
      const sure = h("button", { type: "button", class: "danger", onclick: () => void remove(project) }, "Delete");
      return h(
        "li",
        { class: "recent-item is-asked" },
        h("p", {}, `Delete “${name}” with its masks and exports?`),
        h("div", { class: "recent-buttons" }, sure, keep)
      );
    }
    const tracked = tracked_frames ? `${countOf(tracked_frames, "frame")} tracked` : "not tracked";
    const bin = iconButton("trash", `Delete ${name}`, () => ask3(id));
    bin.dataset.remove = id;
    return h(
      "li",
      { class: "recent-item" },
      h(
        "a",
        { href: projectHash(id) },
        h("img", { src: thumbnailUrl(video, Math.floor(video.num_frames / 2)), alt: "", loading: "lazy" }),
        h("strong", {}, name),
        h("span", {}, `${whenText(changed_at, Date.now())} · ${tracked}${is_shared ? " · shared" : ""}`)
      ),
      bin
    );
  }
  function render2() {
    const { projects, keep_minutes } = store.state.start;
    section.hidden = !projects.length;
    kept.textContent = `Kept for ${keptText(keep_minutes)} after you last use it.`;
    list.replaceChildren(...projects.map(itemOf2));
  }
  store.subscribe((state, before) => {
    if (state.start.projects !== before.start.projects || state === before) render2();
  });
  return section;
}
function keptText(minutes) {
  if (minutes < 120) return countOf(minutes, "minute");
  return minutes < 2880 ? countOf(Math.round(minutes / 60), "hour") : countOf(Math.round(minutes / 1440), "day");
}

// panels/start.ts
async function buildStart(store, root) {
  const intake = new Intake(store, (project) => {
    history.pushState(null, "", projectHash(project.id));
    show(store, project);
  });
  const { examples } = store.state.start;
  const url = h("input", {
    type: "url",
    id: "url",
    placeholder: "or paste a URL",
    "aria-label": "URL of a video",
    required: true
  });
  const form = h("form", { class: "start-url" }, url, h("button", { type: "submit" }, "Open"));
  form.onsubmit = (event) => {
    event.preventDefault();
    void intake.fetch(url.value.trim());
  };
  const model = h("p", { class: "start-model" });
  const choose = h(
    "button",
    { type: "button", class: "primary start-choose", id: "choose-video", onclick: () => intake.choose() },
    icon("upload"),
    "Choose a video"
  );
  root.append(
    h(
      "div",
      { class: "start-page" },
      h(
        "div",
        { class: "start-top" },
        h(
          "div",
          { class: "start-words" },
          h("h1", {}, "Cut anything out of a video"),
          h(
            "p",
            { class: "start-lead" },
            "Click on it once. It is found in every frame, ready to export with transparency."
          ),
          h(
            "div",
            { class: "start-drop" },
            choose,
            form,
            h("p", { class: "hint" }, "Or drop one anywhere. A still picture gives a picture.")
          ),
          model
        ),
        heroOf(examples)
      ),
      examples.length ? examplesOf(examples, intake) : null,
      buildRecent(store)
    )
  );
  store.subscribe(({ start }) => {
    model.hidden = !start.model;
    const text = start.model ? `Runs SAM 2 ${start.model.name}. ${modelText(start.model)}` : "";
    if (model.textContent !== text) model.textContent = text;
  });
  addEventListener("hashchange", () => void go(store));
  await go(store);
}
function show(store, project) {
  store.open(project);
  byId("editor").focus({ preventScroll: true });
}
async function go(store) {
  const place = placeOf(location.hash);
  if (place.kind === "project" && place.id === store.state.project?.id) return;
  const { hash } = location;
  const isLeft = () => location.hash !== hash;
  if (place.kind === "start") return goToStart(store, isLeft);
  try {
    const project = place.kind === "project" ? await getProject(place.id) : await openShared(place.token);
    if (isLeft()) return;
    if (place.kind === "share") history.replaceState(null, "", projectHash(project.id));
    show(store, project);
  } catch (error) {
    if (isLeft()) return;
    history.replaceState(null, "", location.pathname);
    await goToStart(store, () => placeOf(location.hash).kind !== "start");
    const isGone = error instanceof ApiError && error.status === 404;
    store.update({ problem: isGone ? { sentence: GONE[place.kind], field: null } : problemOf(error) });
  }
}
var GONE = {
  share: "This shared work is not here any more: its owner stopped sharing it, or it was deleted.",
  project: "This work is not here: it was deleted, or it belongs to another browser. Its owner can share it with “Copy link”."
};
async function goToStart(store, isLeft) {
  const wasOpen = store.state.project !== null;
  store.close();
  if (wasOpen) byId("choose-video").focus({ preventScroll: true });
  try {
    const start = await getStart();
    if (!isLeft()) store.update({ start });
  } catch (error) {
    store.update({ problem: problemOf(error) });
  }
}
function heroOf(examples) {
  const example = examples.find(({ preview }) => preview);
  if (!example) return null;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const film = h("video", {
    src: example.preview,
    poster: example.thumbnail,
    muted: true,
    loop: true,
    playsInline: true,
    autoplay: !isCalm,
    preload: isCalm ? "none" : "auto",
    "aria-label": `Before and after: ${example.title}`
  });
  film.muted = true;
  const button = iconButton("pause", "Pause", () => {
    if (film.paused) void film.play();
    else film.pause();
  });
  button.classList.add("hero-button");
  const showState = () => {
    button.replaceChildren(icon(film.paused ? "play" : "pause"));
    button.title = film.paused ? "Play" : "Pause";
    button.setAttribute("aria-label", film.paused ? "Play the before and after" : "Pause the before and after");
  };
  film.addEventListener("play", showState);
  film.addEventListener("pause", showState);
  showState();
  new IntersectionObserver(([entry2]) => {
    if (isCalm) return;
    if (entry2.isIntersecting) void film.play().catch(() => void 0);
    else film.pause();
  }).observe(film);
  return h("figure", { class: "hero" }, film, button);
}
function examplesOf(examples, intake) {
  return h(
    "section",
    { class: "examples", "aria-labelledby": "examples-title" },
    h("div", { class: "start-head" }, h("h2", { id: "examples-title" }, "Try an example")),
    h(
      "ul",
      { class: "example-list" },
      ...examples.slice(0, 3).map(
        (example) => h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "example", onclick: () => void intake.example(example) },
            h("img", { src: example.thumbnail, alt: "" }),
            h("span", {}, example.title)
          )
        )
      )
    )
  );
}

// timeline/shortcuts.ts
var entry = (keys, does, ...shortcuts) => ({ keys, does, shortcuts });
var on = (action, ...keys) => ({ action, keys });
var plain = (action, ...keys) => ({ action, keys, shift: false });
var shifted = (action, ...keys) => ({ action, keys, shift: true });
var GROUPS = [
  {
    title: "Play",
    entries: [
      entry([["Space"]], "Play or pause", plain("toggle", " ")),
      entry(
        [["J"], ["K"], ["L"]],
        "Play backward, pause, play forward; J or L again: faster",
        plain("backward", "j"),
        plain("pause", "k"),
        plain("forward", "l")
      ),
      entry([["Shift", "L"]], "Play in a loop, or stop at the end", shifted("loop", "l"))
    ]
  },
  {
    title: "Move",
    entries: [
      entry(
        [["←"], ["→"], [","], ["."]],
        "One frame back or on",
        plain("previous frame", "arrowleft", ","),
        plain("next frame", "arrowright", ".")
      ),
      entry(
        [
          ["Shift", "←"],
          ["Shift", "→"]
        ],
        "Ten frames back or on",
        shifted("ten back", "arrowleft"),
        shifted("ten on", "arrowright")
      ),
      entry([["Home"], ["End"]], "First or last frame", plain("first frame", "home"), plain("last frame", "end")),
      entry([["["], ["]"]], "Previous or next marked frame", on("previous mark", "["), on("next mark", "]"))
    ]
  },
  {
    title: "Range",
    entries: [
      entry([["I"], ["O"]], "Begin or end the range here", plain("set in", "i"), plain("set out", "o")),
      entry(
        [
          ["Shift", "I"],
          ["Shift", "O"]
        ],
        "Go to its first or last frame",
        shifted("go in", "i"),
        shifted("go out", "o")
      ),
      entry([["X"]], "Take the whole video", plain("whole range", "x"))
    ]
  },
  {
    title: "View",
    entries: [
      entry(
        [["+"], ["−"], ["0"]],
        "Zoom in, zoom out, show the whole picture",
        on("zoom in", "+", "="),
        on("zoom out", "-", "_"),
        plain("zoom fit", "0")
      ),
      entry([["?"]], "This card", on("help", "?")),
      entry([["Esc"]], "Close, or deselect", plain("close", "escape"))
    ]
  },
  {
    title: "Objects and marks",
    entries: [
      entry(
        [["1"], ["9"]],
        "Choose the first to ninth object",
        plain("choose object", "1", "2", "3", "4", "5", "6", "7", "8", "9")
      ),
      entry([["N"]], "New object", plain("new object", "n")),
      entry([["H"]], "Hide or show the object", plain("hide object", "h")),
      entry(
        [["A"], ["R"], ["B"]],
        "Add to the object, remove from it, or draw a box",
        plain("add", "a", "v"),
        plain("remove", "r"),
        plain("box", "b")
      ),
      entry([["Delete"]], "Delete the selected click or box", plain("delete", "delete", "backspace")),
      entry(
        [
          ["Ctrl", "Z"],
          ["Ctrl", "Shift", "Z"]
        ],
        "Undo, redo",
        { action: "undo", keys: ["z"], ctrl: true, shift: false },
        { action: "redo", keys: ["z"], ctrl: true, shift: true },
        { action: "redo", keys: ["y"], ctrl: true, shift: false }
      )
    ]
  }
];
var SHORTCUTS = GROUPS.flatMap(({ entries }) => entries.flatMap(({ shortcuts }) => shortcuts));
function actionOf(press) {
  const key = press.key.toLowerCase();
  const hasCtrl = !press.isAltGraph && (press.ctrlKey || press.metaKey);
  if (press.altKey && !press.isAltGraph) return null;
  const found = SHORTCUTS.find(
    ({ keys, shift, ctrl }) => keys.includes(key) && (ctrl ?? false) === hasCtrl && (shift === void 0 || shift === press.shiftKey)
  );
  return found?.action ?? null;
}
var SLIDER_ACTIONS = [
  "previous frame",
  "next frame",
  "ten back",
  "ten on",
  "first frame",
  "last frame"
];
function isFree(action, focus) {
  if (focus === "text" || focus === "menu") return false;
  if (focus === "button") return action !== "toggle";
  if (focus === "choice") return action !== "toggle" && !SLIDER_ACTIONS.includes(action);
  if (focus === "slider") return !SLIDER_ACTIONS.includes(action);
  return true;
}

// timeline/help.ts
var GESTURES = [
  {
    title: "Mouse",
    entries: [
      ["Click", "Add to the object"],
      ["Right-click", "Remove from it"],
      ["Drag a box", "With the box tool: mark the whole object"],
      ["Drag a point", "Move it"],
      ["Ctrl and wheel", "Zoom in and out"],
      ["Drag on the timeline", "Go through the frames"]
    ]
  },
  {
    title: "Touch",
    entries: [
      ["Tap", "Add to the object"],
      ["Press and hold", "Remove from it"],
      ["Two fingers", "Zoom and move the picture"],
      ["Drag on the timeline", "Go through the frames"]
    ]
  }
];
var isMac = () => /Mac|iPhone|iPad/.test(navigator.userAgent);
function keyText(key) {
  if (!isMac()) return key;
  return key === "Ctrl" ? "⌘" : key === "Shift" ? "⇧" : key;
}
function group(title, rows) {
  const list = h("dl", { class: "help-rows" });
  for (const [term, does] of rows) list.append(h("div", {}, h("dt", {}, term), h("dd", {}, does)));
  return h("section", { class: "help-group" }, h("h3", {}, title), list);
}
var keysOf = (keys, joint) => {
  const all = h("span", { class: "help-keys" });
  keys.forEach((together, index) => {
    if (index) all.append(joint);
    all.append(h("span", { class: "help-chord" }, ...together.map((key) => h("kbd", {}, keyText(key)))));
  });
  return all;
};
function build() {
  const title = h("h2", { id: "help-title" }, "Keys and gestures");
  const card2 = h("dialog", { class: "help", "aria-labelledby": title.id });
  const isTouched = matchMedia("(pointer: coarse)").matches;
  const keys = GROUPS.map(
    ({ title: name, entries }) => group(
      name,
      entries.map(({ keys: shown, does }) => [keysOf(shown, shown[0]?.[0] === "1" ? "–" : " "), does])
    )
  );
  const gestures = GESTURES.map(
    ({ title: name, entries }) => group(
      name,
      entries.map(([what, does]) => [h("span", {}, what), does])
    )
  );
  card2.append(
    h(
      "header",
      { class: "help-head" },
      title,
      iconButton("close", "Close", () => card2.close())
    ),
    h(
      "div",
      { class: "help-body", tabIndex: 0, role: "group", "aria-label": "Keys and gestures" },
      h(
        "div",
        { class: "help-columns" },
        ...isTouched ? [...gestures.toReversed(), ...keys] : [...keys, ...gestures]
      )
    )
  );
  card2.addEventListener("click", (event) => event.target === card2 && card2.close());
  card2.addEventListener("keydown", (event) => {
    if (event.key !== "?") return;
    event.preventDefault();
    card2.close();
  });
  document.body.append(card2);
  return card2;
}
var card = null;
function openHelp() {
  card ??= build();
  if (!card.open) card.showModal();
}

// panels/model.ts
var SOON_MS = 2e3;
var LATER_MS = 15e3;
var STATES = {
  STARTING: { label: "Starting…", sentence: "The model is starting. You can mark objects meanwhile." },
  UNREACHABLE: { label: "No model", sentence: "The model can't be reached. Is its container running?" },
  SETUP_FAILED: { label: "No model", sentence: "The model could not start. Its container's log says why." },
  DEFUNCT: { label: "No model", sentence: "The model has broken down. Its container has to be started again." },
  OFFLINE: { label: "Offline", sentence: "The server does not answer. Is it still running?" }
};
function watchModel(store) {
  const label2 = h("span", { class: "wide-text" });
  const button = h("button", { type: "button", class: "quiet model-button", id: "model" }, h("i", {}), label2);
  button.setAttribute("popovertarget", "model-card");
  const title = h("strong", {});
  const sentence = h("p", { role: "status" });
  const card2 = h(
    "div",
    { class: "card-popover", id: "model-card", popover: "auto", role: "dialog", "aria-label": "The model" },
    title,
    sentence
  );
  let status = "STARTING";
  function show2() {
    const { model } = store.state.start;
    const state = STATES[status];
    button.dataset.status = state ? status === "STARTING" ? "starting" : "broken" : "ready";
    label2.textContent = state?.label ?? model?.name ?? "Ready";
    button.setAttribute("aria-label", `Model: ${state?.label ?? model?.name ?? "ready"}`);
    title.textContent = model ? `SAM 2 ${model.name}` : "The model";
    const text = state?.sentence ?? (model ? modelText(model) : "Ready.");
    if (sentence.textContent !== text) sentence.textContent = text;
  }
  async function ask3() {
    try {
      const found = await getStatus();
      status = found.status;
      const { start } = store.state;
      if (found.model && found.model.name !== start.model?.name)
        store.update({ start: { ...start, model: found.model } });
    } catch {
      status = "OFFLINE";
    }
    show2();
    setTimeout(() => void ask3(), STATES[status] ? SOON_MS : LATER_MS);
  }
  show2();
  void ask3();
  return [button, card2];
}

// panels/top_bar.ts
function buildTopBar(store, bar, actions) {
  const name = h("input", {
    type: "text",
    id: "project-name",
    class: "project-name",
    maxLength: 200,
    spellcheck: false,
    autocomplete: "off",
    "aria-label": "Name of this work",
    onchange: () => {
      const { project } = store.state;
      const wanted = name.value.replace(/\s+/g, " ").trim();
      if (!project) return;
      if (wanted) store.update({ project: { ...project, name: wanted } });
      name.value = wanted || project.name;
    },
    onkeydown: (event) => {
      if (event.key === "Escape") name.value = store.state.project?.name ?? "";
      if (event.key !== "Enter" && event.key !== "Escape") return;
      name.blur();
      byId("editor").focus({ preventScroll: true });
    }
  });
  const about = h("span", { class: "project-about" });
  const saved = h("span", { class: "project-saved", role: "status" });
  bar.append(name, about, saved);
  const change = h(
    "a",
    { class: "button quiet", href: "#", title: "Another video. This work stays under “Recent work”." },
    icon("video"),
    h("span", { class: "wide-text" }, "Change video")
  );
  change.setAttribute("aria-label", "Change video");
  actions.append(change, ...shareButton(store), ...watchModel(store));
  actions.append(iconButton("help", "Help and keys (?)", openHelp));
  store.subscribe(({ project, isSaved, problem }, before) => {
    bar.hidden = !project;
    change.hidden = !project;
    if (!project) return;
    if (project.name !== before.project?.name || project.id !== before.project?.id) name.value = project.name;
    name.size = Math.min(Math.max(name.value.length, 6), 40);
    byId("editor-title").textContent = project.name;
    about.textContent = videoText(project.video);
    const text = isSaved ? "Saved" : problem ? "Not saved" : "Saving…";
    if (saved.textContent !== text) saved.textContent = text;
  });
}
function shareButton(store) {
  const label2 = h("span", { class: "wide-text" }, "Copy link");
  const button = h(
    "button",
    { type: "button", class: "quiet", id: "share", "aria-label": "Copy link" },
    icon("link"),
    label2
  );
  const link = h("input", {
    type: "text",
    readOnly: true,
    "aria-label": "Link to a copy of this work",
    onfocus: () => link.select()
  });
  const copy = h(
    "button",
    { type: "button", class: "primary", onclick: () => void copyText(link.value, copy) },
    "Copy"
  );
  const stop = h("button", { type: "button" }, "Stop sharing");
  const line = h("p", { role: "status" });
  const card2 = h(
    "div",
    { class: "card-popover", id: "share-card", popover: "auto", role: "dialog", "aria-label": "Shared" },
    line,
    h("div", { class: "field-row" }, link, copy),
    h(
      "p",
      { class: "hint" },
      "Whoever has the link gets a copy of their own: video, points, masks and look, without exports. Nobody can change yours."
    ),
    stop
  );
  const set = (id, share) => {
    const { project } = store.state;
    if (project?.id === id) store.update({ project: { ...project, share, is_shared: share !== null } });
  };
  button.onclick = async () => {
    const { project } = store.state;
    if (!project) return;
    try {
      const share = project.share ?? (await shareProject(project)).share;
      set(project.id, share);
      link.value = shareUrl(location.href, share);
      line.textContent = await isCopied(link.value) ? "Link copied. This work is shared." : "This work is shared.";
      card2.showPopover();
    } catch (error) {
      store.update({ problem: problemOf(error) });
    }
  };
  stop.onclick = async () => {
    const { project } = store.state;
    if (!project) return;
    try {
      await unshareProject(project);
      set(project.id, null);
      card2.hidePopover();
      button.focus();
    } catch (error) {
      store.update({ problem: problemOf(error) });
    }
  };
  store.subscribe(({ project }) => {
    button.hidden = !project;
    button.classList.toggle("is-on", project?.share != null);
    const text = project?.share ? "Shared" : "Copy link";
    if (label2.textContent !== text) label2.textContent = text;
    button.setAttribute("aria-label", project?.share ? "Shared: copy link" : "Copy link");
  });
  return [button, card2];
}
async function isCopied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

// project/saver.ts
var QUIET_MS2 = 600;
var Saver = class {
  // of the project that is open
  constructor(store) {
    this.store = store;
    store.subscribe((state, before) => {
      if (state.project?.id !== before.project?.id) {
        this.save(before);
        this.known = state.project && { text: textOf(state), revision: state.project.revision };
        if (!state.isSaved) store.update({ isSaved: true });
        return;
      }
      const isEdited = state.doc !== before.doc || state.project?.name !== before.project?.name;
      if (!isEdited && state.frame === before.frame) return;
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.save(this.store.state), QUIET_MS2);
      if (isEdited && state.isSaved) store.update({ isSaved: false });
    });
    addEventListener("pagehide", () => this.save(store.state));
  }
  store;
  timer = 0;
  queue = Promise.resolve();
  // one request at a time: each needs the revision of the one before
  known = null;
  // Saves what is not saved yet; resolves when the server has answered.
  flush() {
    clearTimeout(this.timer);
    this.save(this.store.state);
    return this.queue;
  }
  save(state) {
    const { known } = this;
    if (known && state.project) this.queue = this.queue.then(() => this.send(state, known));
  }
  async send(state, known) {
    const { project, doc, frame } = state;
    const text = textOf(state);
    if (!project) return;
    try {
      if (text !== known.text) {
        const changes = { name: project.name, document: { ...doc, frame } };
        known.revision = (await saveProject({ ...project, revision: known.revision }, changes)).revision;
        known.text = text;
      }
      if (this.known === known && textOf(this.store.state) === text) this.store.update({ isSaved: true });
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }
};
var textOf = ({ project, doc, frame }) => JSON.stringify([project?.name, { ...doc, frame }]);

// project/tracker.ts
var Tracker = class {
  constructor(store, frames, transport) {
    this.store = store;
    this.frames = frames;
    this.transport = transport;
    store.subscribe((state, before) => {
      if (state.project?.id === before.project?.id) return;
      this.events?.close();
      if (state.tracking) this.listen(state.tracking);
    });
  }
  store;
  frames;
  transport;
  events = null;
  isStarting = false;
  // Tracks all objects over the range anew.
  trackAll() {
    const { opened } = this.store;
    return this.start(opened && planAll(opened.doc));
  }
  // Tracks from the shown frame on, from the masks that are there. If nothing is in sight there, it
  // goes back to where something was that is not tracked to the end.
  async trackFromHere() {
    const { opened } = this.store;
    if (!opened) return;
    try {
      let plan = await this.planFrom(opened, opened.frame);
      const back = plan ? null : await this.seenBefore(opened);
      if (back !== null) plan = await this.planFrom(opened, back);
      if (this.store.state.project?.id !== opened.project.id) return;
      if (plan) return await this.start(plan);
      const sentence = `There is nothing to track from on frame ${opened.frame + 1}. Click there on an object, or go to a frame that shows one.`;
      this.store.update({ problem: { sentence, field: null } });
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }
  async planFrom({ doc, project }, frame) {
    const { masks } = await this.frames.load(frame);
    return planFrom(doc, project.tracks, frame, (object) => (masks.get(object)?.box ?? null) !== null);
  }
  // The last frame before the shown one with an object in sight that is not tracked to the end.
  async seenBefore({ doc, project, frame }) {
    const found = doc.objects.map(async ({ id }) => {
      const track = trackOf(project.tracks, id, frame);
      const isWhole = reaches(project.tracks, id, frame, doc.range.end);
      return track && !isWhole ? lastSeen(await getLanes(track), id, frame) : null;
    });
    const frames = (await Promise.all(found)).filter((one) => one !== null);
    return frames.length ? Math.max(...frames) : null;
  }
  // Stops; the frames that are done stay.
  async cancel() {
    const { tracking } = this.store.state;
    if (!tracking) return;
    try {
      await cancelTrack(tracking);
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }
  async start(plan) {
    const { opened } = this.store;
    if (!opened || !plan || opened.tracking || this.isStarting) return;
    const objects = plan.objects.map((id) => ({
      id,
      name: opened.doc.objects.find((one) => one.id === id)?.name ?? id
    }));
    this.store.update({ problem: null, isPlaying: false, follow: true });
    this.isStarting = true;
    try {
      const track = await startTrack(opened.project, plan, objects);
      if (this.store.state.project?.id !== opened.project.id) return;
      this.store.setTrack(track);
      this.listen(track);
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    } finally {
      this.isStarting = false;
    }
  }
  listen(track) {
    this.events?.close();
    const events = new EventSource(trackEventsUrl(track));
    this.events = events;
    let frames = track.frames;
    events.onmessage = ({ data }) => {
      const report = JSON.parse(data);
      frames = report.first ? report.frames : joined([...frames, ...report.frames]);
      const { first: _first, new_log: _log, ...rest } = report;
      this.store.setTrack({ ...rest, frames });
      const newest = report.frames.at(-1)?.[1];
      if (newest !== void 0 && this.store.state.follow) void this.transport.goTo(newest);
      if (isActive(report)) return;
      events.close();
      if (report.error) this.store.update({ problem: report.error });
    };
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      this.store.setTrack({ ...track, frames, status: "failed" });
      this.store.update({ problem: { sentence: "The server does not answer. Is it still running?", field: null } });
    };
  }
};

// stage/byte_cache.ts
var ByteCache = class {
  constructor(limit, drop = () => {
  }) {
    this.limit = limit;
    this.drop = drop;
  }
  limit;
  drop;
  entries = /* @__PURE__ */ new Map();
  bytes = 0;
  get(key) {
    const entry2 = this.entries.get(key);
    if (!entry2) return void 0;
    this.entries.delete(key);
    this.entries.set(key, entry2);
    return entry2.value;
  }
  // The newest value stays even if it is larger than the limit.
  set(key, value, bytes) {
    this.remove(key);
    this.entries.set(key, { value, bytes });
    this.bytes += bytes;
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= this.limit || oldest === key) break;
      this.remove(oldest);
    }
  }
  remove(key) {
    const entry2 = this.entries.get(key);
    if (!entry2) return;
    this.entries.delete(key);
    this.bytes -= entry2.bytes;
    this.drop(entry2.value);
  }
};

// node_modules/fflate/esm/browser.js
var u8 = Uint8Array;
var u16 = Uint16Array;
var i32 = Int32Array;
var fleb = new u8([
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  1,
  1,
  1,
  2,
  2,
  2,
  2,
  3,
  3,
  3,
  3,
  4,
  4,
  4,
  4,
  5,
  5,
  5,
  5,
  0,
  /* unused */
  0,
  0,
  /* impossible */
  0
]);
var fdeb = new u8([
  0,
  0,
  0,
  0,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  4,
  5,
  5,
  6,
  6,
  7,
  7,
  8,
  8,
  9,
  9,
  10,
  10,
  11,
  11,
  12,
  12,
  13,
  13,
  /* unused */
  0,
  0
]);
var clim = new u8([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);
var freb = function(eb, start) {
  var b = new u16(31);
  for (var i2 = 0; i2 < 31; ++i2) {
    b[i2] = start += 1 << eb[i2 - 1];
  }
  var r = new i32(b[30]);
  for (var i2 = 1; i2 < 30; ++i2) {
    for (var j = b[i2]; j < b[i2 + 1]; ++j) {
      r[j] = j - b[i2] << 5 | i2;
    }
  }
  return { b, r };
};
var _a = freb(fleb, 2);
var fl = _a.b;
var revfl = _a.r;
fl[28] = 258, revfl[258] = 28;
var _b = freb(fdeb, 0);
var fd = _b.b;
var revfd = _b.r;
var rev = new u16(32768);
for (i = 0; i < 32768; ++i) {
  x = (i & 43690) >> 1 | (i & 21845) << 1;
  x = (x & 52428) >> 2 | (x & 13107) << 2;
  x = (x & 61680) >> 4 | (x & 3855) << 4;
  rev[i] = ((x & 65280) >> 8 | (x & 255) << 8) >> 1;
}
var x;
var i;
var hMap = (function(cd, mb, r) {
  var s = cd.length;
  var i2 = 0;
  var l = new u16(mb);
  for (; i2 < s; ++i2) {
    if (cd[i2])
      ++l[cd[i2] - 1];
  }
  var le = new u16(mb);
  for (i2 = 1; i2 < mb; ++i2) {
    le[i2] = le[i2 - 1] + l[i2 - 1] << 1;
  }
  var co;
  if (r) {
    co = new u16(1 << mb);
    var rvb = 15 - mb;
    for (i2 = 0; i2 < s; ++i2) {
      if (cd[i2]) {
        var sv = i2 << 4 | cd[i2];
        var r_1 = mb - cd[i2];
        var v = le[cd[i2] - 1]++ << r_1;
        for (var m = v | (1 << r_1) - 1; v <= m; ++v) {
          co[rev[v] >> rvb] = sv;
        }
      }
    }
  } else {
    co = new u16(s);
    for (i2 = 0; i2 < s; ++i2) {
      if (cd[i2]) {
        co[i2] = rev[le[cd[i2] - 1]++] >> 15 - cd[i2];
      }
    }
  }
  return co;
});
var flt = new u8(288);
for (i = 0; i < 144; ++i)
  flt[i] = 8;
var i;
for (i = 144; i < 256; ++i)
  flt[i] = 9;
var i;
for (i = 256; i < 280; ++i)
  flt[i] = 7;
var i;
for (i = 280; i < 288; ++i)
  flt[i] = 8;
var i;
var fdt = new u8(32);
for (i = 0; i < 32; ++i)
  fdt[i] = 5;
var i;
var flrm = /* @__PURE__ */ hMap(flt, 9, 1);
var fdrm = /* @__PURE__ */ hMap(fdt, 5, 1);
var max = function(a) {
  var m = a[0];
  for (var i2 = 1; i2 < a.length; ++i2) {
    if (a[i2] > m)
      m = a[i2];
  }
  return m;
};
var bits = function(d, p, m) {
  var o = p / 8 | 0;
  return (d[o] | d[o + 1] << 8) >> (p & 7) & m;
};
var bits16 = function(d, p) {
  var o = p / 8 | 0;
  return (d[o] | d[o + 1] << 8 | d[o + 2] << 16) >> (p & 7);
};
var shft = function(p) {
  return (p + 7) / 8 | 0;
};
var slc = function(v, s, e) {
  if (s == null || s < 0)
    s = 0;
  if (e == null || e > v.length)
    e = v.length;
  return new u8(v.subarray(s, e));
};
var ec = [
  "unexpected EOF",
  "invalid block type",
  "invalid length/literal",
  "invalid distance",
  "stream finished",
  "no stream handler",
  ,
  // determined by compression function
  "no callback",
  "invalid UTF-8 data",
  "extra field too long",
  "date not in range 1980-2099",
  "filename too long",
  "stream finishing",
  "invalid zip data"
  // determined by unknown compression method
];
var err = function(ind, msg, nt) {
  var e = new Error(msg || ec[ind]);
  e.code = ind;
  if (Error.captureStackTrace)
    Error.captureStackTrace(e, err);
  if (!nt)
    throw e;
  return e;
};
var inflt = function(dat, st, buf, dict) {
  var sl = dat.length, dl = dict ? dict.length : 0;
  if (!sl || st.f && !st.l)
    return buf || new u8(0);
  var noBuf = !buf;
  var resize = noBuf || st.i != 2;
  var noSt = st.i;
  if (noBuf)
    buf = new u8(sl * 3);
  var cbuf = function(l2) {
    var bl = buf.length;
    if (l2 > bl) {
      var nbuf = new u8(Math.max(bl * 2, l2));
      nbuf.set(buf);
      buf = nbuf;
    }
  };
  var final = st.f || 0, pos = st.p || 0, bt = st.b || 0, lm = st.l, dm = st.d, lbt = st.m, dbt = st.n;
  var tbts = sl * 8;
  do {
    if (!lm) {
      final = bits(dat, pos, 1);
      var type = bits(dat, pos + 1, 3);
      pos += 3;
      if (!type) {
        var s = shft(pos) + 4, l = dat[s - 4] | dat[s - 3] << 8, t = s + l;
        if (t > sl) {
          if (noSt)
            err(0);
          break;
        }
        if (resize)
          cbuf(bt + l);
        buf.set(dat.subarray(s, t), bt);
        st.b = bt += l, st.p = pos = t * 8, st.f = final;
        continue;
      } else if (type == 1)
        lm = flrm, dm = fdrm, lbt = 9, dbt = 5;
      else if (type == 2) {
        var hLit = bits(dat, pos, 31) + 257, hcLen = bits(dat, pos + 10, 15) + 4;
        var tl = hLit + bits(dat, pos + 5, 31) + 1;
        pos += 14;
        var ldt = new u8(tl);
        var clt = new u8(19);
        for (var i2 = 0; i2 < hcLen; ++i2) {
          clt[clim[i2]] = bits(dat, pos + i2 * 3, 7);
        }
        pos += hcLen * 3;
        var clb = max(clt), clbmsk = (1 << clb) - 1;
        var clm = hMap(clt, clb, 1);
        for (var i2 = 0; i2 < tl; ) {
          var r = clm[bits(dat, pos, clbmsk)];
          pos += r & 15;
          var s = r >> 4;
          if (s < 16) {
            ldt[i2++] = s;
          } else {
            var c = 0, n = 0;
            if (s == 16)
              n = 3 + bits(dat, pos, 3), pos += 2, c = ldt[i2 - 1];
            else if (s == 17)
              n = 3 + bits(dat, pos, 7), pos += 3;
            else if (s == 18)
              n = 11 + bits(dat, pos, 127), pos += 7;
            while (n--)
              ldt[i2++] = c;
          }
        }
        var lt = ldt.subarray(0, hLit), dt = ldt.subarray(hLit);
        lbt = max(lt);
        dbt = max(dt);
        lm = hMap(lt, lbt, 1);
        dm = hMap(dt, dbt, 1);
      } else
        err(1);
      if (pos > tbts) {
        if (noSt)
          err(0);
        break;
      }
    }
    if (resize)
      cbuf(bt + 131072);
    var lms = (1 << lbt) - 1, dms = (1 << dbt) - 1;
    var lpos = pos;
    for (; ; lpos = pos) {
      var c = lm[bits16(dat, pos) & lms], sym = c >> 4;
      pos += c & 15;
      if (pos > tbts) {
        if (noSt)
          err(0);
        break;
      }
      if (!c)
        err(2);
      if (sym < 256)
        buf[bt++] = sym;
      else if (sym == 256) {
        lpos = pos, lm = null;
        break;
      } else {
        var add = sym - 254;
        if (sym > 264) {
          var i2 = sym - 257, b = fleb[i2];
          add = bits(dat, pos, (1 << b) - 1) + fl[i2];
          pos += b;
        }
        var d = dm[bits16(dat, pos) & dms], dsym = d >> 4;
        if (!d)
          err(3);
        pos += d & 15;
        var dt = fd[dsym];
        if (dsym > 3) {
          var b = fdeb[dsym];
          dt += bits16(dat, pos) & (1 << b) - 1, pos += b;
        }
        if (pos > tbts) {
          if (noSt)
            err(0);
          break;
        }
        if (resize)
          cbuf(bt + 131072);
        var end = bt + add;
        if (bt < dt) {
          var shift = dl - dt, dend = Math.min(dt, end);
          if (shift + bt < 0)
            err(3);
          for (; bt < dend; ++bt)
            buf[bt] = dict[shift + bt];
        }
        for (; bt < end; ++bt)
          buf[bt] = buf[bt - dt];
      }
    }
    st.l = lm, st.p = lpos, st.b = bt, st.f = final;
    if (lm)
      final = 1, st.m = lbt, st.d = dm, st.n = dbt;
  } while (!final);
  return bt != buf.length && noBuf ? slc(buf, 0, bt) : buf.subarray(0, bt);
};
var et = /* @__PURE__ */ new u8(0);
var zls = function(d, dict) {
  if ((d[0] & 15) != 8 || d[0] >> 4 > 7 || (d[0] << 8 | d[1]) % 31)
    err(6, "invalid zlib data");
  if ((d[1] >> 5 & 1) == +!dict)
    err(6, "invalid zlib data: " + (d[1] & 32 ? "need" : "unexpected") + " dictionary");
  return (d[1] >> 3 & 4) + 2;
};
var Inflate = /* @__PURE__ */ (function() {
  function Inflate2(opts, cb) {
    if (typeof opts == "function")
      cb = opts, opts = {};
    this.ondata = cb;
    var dict = opts && opts.dictionary && opts.dictionary.subarray(-32768);
    this.s = { i: 0, b: dict ? dict.length : 0 };
    this.o = new u8(32768);
    this.p = new u8(0);
    if (dict)
      this.o.set(dict);
  }
  Inflate2.prototype.e = function(c) {
    if (!this.ondata)
      err(5);
    if (this.d)
      err(4);
    if (!this.p.length)
      this.p = c;
    else if (c.length) {
      var n = new u8(this.p.length + c.length);
      n.set(this.p), n.set(c, this.p.length), this.p = n;
    }
  };
  Inflate2.prototype.c = function(final) {
    this.s.i = +(this.d = final || false);
    var bts = this.s.b;
    var dt = inflt(this.p, this.s, this.o);
    this.ondata(slc(dt, bts, this.s.b), this.d);
    this.o = slc(dt, this.s.b - 32768), this.s.b = this.o.length;
    this.p = slc(this.p, this.s.p / 8 | 0), this.s.p &= 7;
  };
  Inflate2.prototype.push = function(chunk, final) {
    this.e(chunk), this.c(final);
  };
  return Inflate2;
})();
var Unzlib = /* @__PURE__ */ (function() {
  function Unzlib2(opts, cb) {
    Inflate.call(this, opts, cb);
    this.v = opts && opts.dictionary ? 2 : 1;
  }
  Unzlib2.prototype.push = function(chunk, final) {
    Inflate.prototype.e.call(this, chunk);
    if (this.v) {
      if (this.p.length < 6 && !final)
        return;
      this.p = this.p.subarray(zls(this.p, this.v - 1)), this.v = 0;
    }
    if (final) {
      if (this.p.length < 4)
        err(6, "invalid zlib data");
      this.p = this.p.subarray(0, -4);
    }
    Inflate.prototype.c.call(this, final);
  };
  return Unzlib2;
})();
function unzlibSync(data, opts) {
  return inflt(data.subarray(zls(data, opts && opts.dictionary), -4), { i: 2 }, opts && opts.out, opts && opts.dictionary);
}
var td = typeof TextDecoder != "undefined" && /* @__PURE__ */ new TextDecoder();
var tds = 0;
try {
  td.decode(et, { stream: true });
  tds = 1;
} catch (e) {
}

// node_modules/iobuffer/lib/text.js
function decode(bytes, encoding = "utf8") {
  const decoder = new TextDecoder(encoding);
  return decoder.decode(bytes);
}
var encoder = new TextEncoder();
function encode(str) {
  return encoder.encode(str);
}

// node_modules/iobuffer/lib/iobuffer.js
var defaultByteLength = 1024 * 8;
var hostBigEndian = (() => {
  const array = new Uint8Array(4);
  const view = new Uint32Array(array.buffer);
  return !((view[0] = 1) & array[0]);
})();
var typedArrays = {
  int8: globalThis.Int8Array,
  uint8: globalThis.Uint8Array,
  int16: globalThis.Int16Array,
  uint16: globalThis.Uint16Array,
  int32: globalThis.Int32Array,
  uint32: globalThis.Uint32Array,
  uint64: globalThis.BigUint64Array,
  int64: globalThis.BigInt64Array,
  float32: globalThis.Float32Array,
  float64: globalThis.Float64Array
};
var IOBuffer = class _IOBuffer {
  /**
   * Reference to the internal ArrayBuffer object.
   */
  buffer;
  /**
   * Byte length of the internal ArrayBuffer.
   */
  byteLength;
  /**
   * Byte offset of the internal ArrayBuffer.
   */
  byteOffset;
  /**
   * Byte length of the internal ArrayBuffer.
   */
  length;
  /**
   * The current offset of the buffer's pointer.
   */
  offset;
  lastWrittenByte;
  littleEndian;
  _data;
  _mark;
  _marks;
  /**
   * Create a new IOBuffer.
   * @param data - The data to construct the IOBuffer with.
   * If data is a number, it will be the new buffer's length<br>
   * If data is `undefined`, the buffer will be initialized with a default length of 8Kb<br>
   * If data is an ArrayBuffer, SharedArrayBuffer, an ArrayBufferView (Typed Array), an IOBuffer instance,
   * or a Node.js Buffer, a view will be created over the underlying ArrayBuffer.
   * @param options - An object for the options.
   * @returns A new IOBuffer instance.
   */
  constructor(data = defaultByteLength, options = {}) {
    let dataIsGiven = false;
    if (typeof data === "number") {
      data = new ArrayBuffer(data);
    } else {
      dataIsGiven = true;
      this.lastWrittenByte = data.byteLength;
    }
    const offset = options.offset ? options.offset >>> 0 : 0;
    const byteLength = data.byteLength - offset;
    let dvOffset = offset;
    if (ArrayBuffer.isView(data) || data instanceof _IOBuffer) {
      if (data.byteLength !== data.buffer.byteLength) {
        dvOffset = data.byteOffset + offset;
      }
      data = data.buffer;
    }
    if (dataIsGiven) {
      this.lastWrittenByte = byteLength;
    } else {
      this.lastWrittenByte = 0;
    }
    this.buffer = data;
    this.length = byteLength;
    this.byteLength = byteLength;
    this.byteOffset = dvOffset;
    this.offset = 0;
    this.littleEndian = true;
    this._data = new DataView(this.buffer, dvOffset, byteLength);
    this._mark = 0;
    this._marks = [];
  }
  /**
   * Checks if the memory allocated to the buffer is sufficient to store more
   * bytes after the offset.
   * @param byteLength - The needed memory in bytes.
   * @returns `true` if there is sufficient space and `false` otherwise.
   */
  available(byteLength = 1) {
    return this.offset + byteLength <= this.length;
  }
  /**
   * Check if little-endian mode is used for reading and writing multi-byte
   * values.
   * @returns `true` if little-endian mode is used, `false` otherwise.
   */
  isLittleEndian() {
    return this.littleEndian;
  }
  /**
   * Set little-endian mode for reading and writing multi-byte values.
   * @returns This.
   */
  setLittleEndian() {
    this.littleEndian = true;
    return this;
  }
  /**
   * Check if big-endian mode is used for reading and writing multi-byte values.
   * @returns `true` if big-endian mode is used, `false` otherwise.
   */
  isBigEndian() {
    return !this.littleEndian;
  }
  /**
   * Switches to big-endian mode for reading and writing multi-byte values.
   * @returns This.
   */
  setBigEndian() {
    this.littleEndian = false;
    return this;
  }
  /**
   * Move the pointer n bytes forward.
   * @param n - Number of bytes to skip.
   * @returns This.
   */
  skip(n = 1) {
    this.offset += n;
    return this;
  }
  /**
   * Move the pointer n bytes backward.
   * @param n - Number of bytes to move back.
   * @returns This.
   */
  back(n = 1) {
    this.offset -= n;
    return this;
  }
  /**
   * Move the pointer to the given offset.
   * @param offset - The offset to move to.
   * @returns This.
   */
  seek(offset) {
    this.offset = offset;
    return this;
  }
  /**
   * Store the current pointer offset.
   * @see {@link IOBuffer#reset}
   * @returns This.
   */
  mark() {
    this._mark = this.offset;
    return this;
  }
  /**
   * Move the pointer back to the last pointer offset set by mark.
   * @see {@link IOBuffer#mark}
   * @returns This.
   */
  reset() {
    this.offset = this._mark;
    return this;
  }
  /**
   * Push the current pointer offset to the mark stack.
   * @see {@link IOBuffer#popMark}
   * @returns This.
   */
  pushMark() {
    this._marks.push(this.offset);
    return this;
  }
  /**
   * Pop the last pointer offset from the mark stack, and set the current
   * pointer offset to the popped value.
   * @see {@link IOBuffer#pushMark}
   * @returns This.
   */
  popMark() {
    const offset = this._marks.pop();
    if (offset === void 0) {
      throw new Error("Mark stack empty");
    }
    this.seek(offset);
    return this;
  }
  /**
   * Move the pointer offset back to 0.
   * @returns This.
   */
  rewind() {
    this.offset = 0;
    return this;
  }
  /**
   * Make sure the buffer has sufficient memory to write a given byteLength at
   * the current pointer offset.
   * If the buffer's memory is insufficient, this method will create a new
   * buffer (a copy) with a length that is twice (byteLength + current offset).
   * @param byteLength - The needed memory in bytes.
   * @returns This.
   */
  ensureAvailable(byteLength = 1) {
    if (!this.available(byteLength)) {
      const lengthNeeded = this.offset + byteLength;
      const newLength = lengthNeeded * 2;
      const newArray = new Uint8Array(newLength);
      newArray.set(new Uint8Array(this.buffer));
      this.buffer = newArray.buffer;
      this.length = newLength;
      this.byteLength = newLength;
      this._data = new DataView(this.buffer);
    }
    return this;
  }
  /**
   * Read a byte and return false if the byte's value is 0, or true otherwise.
   * Moves pointer forward by one byte.
   * @returns The read boolean.
   */
  readBoolean() {
    return this.readUint8() !== 0;
  }
  /**
   * Read a signed 8-bit integer and move pointer forward by 1 byte.
   * @returns The read byte.
   */
  readInt8() {
    return this._data.getInt8(this.offset++);
  }
  /**
   * Read an unsigned 8-bit integer and move pointer forward by 1 byte.
   * @returns The read byte.
   */
  readUint8() {
    return this._data.getUint8(this.offset++);
  }
  /**
   * Alias for {@link IOBuffer#readUint8}.
   * @returns The read byte.
   */
  readByte() {
    return this.readUint8();
  }
  /**
   * Read `n` bytes and move pointer forward by `n` bytes.
   * @param n - Number of bytes to read.
   * @returns The read bytes.
   */
  readBytes(n = 1) {
    return this.readArray(n, "uint8");
  }
  /**
   * Creates an array of corresponding to the type `type` and size `size`.
   * For example, type `uint8` will create a `Uint8Array`.
   * @param size - size of the resulting array
   * @param type - number type of elements to read
   * @returns The read array.
   */
  readArray(size, type) {
    const bytes = typedArrays[type].BYTES_PER_ELEMENT * size;
    const offset = this.byteOffset + this.offset;
    const slice = this.buffer.slice(offset, offset + bytes);
    if (this.littleEndian === hostBigEndian && type !== "uint8" && type !== "int8") {
      const slice2 = new Uint8Array(this.buffer.slice(offset, offset + bytes));
      slice2.reverse();
      const returnArray2 = new typedArrays[type](slice2.buffer);
      this.offset += bytes;
      returnArray2.reverse();
      return returnArray2;
    }
    const returnArray = new typedArrays[type](slice);
    this.offset += bytes;
    return returnArray;
  }
  /**
   * Read a 16-bit signed integer and move pointer forward by 2 bytes.
   * @returns The read value.
   */
  readInt16() {
    const value = this._data.getInt16(this.offset, this.littleEndian);
    this.offset += 2;
    return value;
  }
  /**
   * Read a 16-bit unsigned integer and move pointer forward by 2 bytes.
   * @returns The read value.
   */
  readUint16() {
    const value = this._data.getUint16(this.offset, this.littleEndian);
    this.offset += 2;
    return value;
  }
  /**
   * Read a 32-bit signed integer and move pointer forward by 4 bytes.
   * @returns The read value.
   */
  readInt32() {
    const value = this._data.getInt32(this.offset, this.littleEndian);
    this.offset += 4;
    return value;
  }
  /**
   * Read a 32-bit unsigned integer and move pointer forward by 4 bytes.
   * @returns The read value.
   */
  readUint32() {
    const value = this._data.getUint32(this.offset, this.littleEndian);
    this.offset += 4;
    return value;
  }
  /**
   * Read a 32-bit floating number and move pointer forward by 4 bytes.
   * @returns The read value.
   */
  readFloat32() {
    const value = this._data.getFloat32(this.offset, this.littleEndian);
    this.offset += 4;
    return value;
  }
  /**
   * Read a 64-bit floating number and move pointer forward by 8 bytes.
   * @returns The read value.
   */
  readFloat64() {
    const value = this._data.getFloat64(this.offset, this.littleEndian);
    this.offset += 8;
    return value;
  }
  /**
   * Read a 64-bit signed integer number and move pointer forward by 8 bytes.
   * @returns The read value.
   */
  readBigInt64() {
    const value = this._data.getBigInt64(this.offset, this.littleEndian);
    this.offset += 8;
    return value;
  }
  /**
   * Read a 64-bit unsigned integer number and move pointer forward by 8 bytes.
   * @returns The read value.
   */
  readBigUint64() {
    const value = this._data.getBigUint64(this.offset, this.littleEndian);
    this.offset += 8;
    return value;
  }
  /**
   * Read a 1-byte ASCII character and move pointer forward by 1 byte.
   * @returns The read character.
   */
  readChar() {
    return String.fromCharCode(this.readInt8());
  }
  /**
   * Read `n` 1-byte ASCII characters and move pointer forward by `n` bytes.
   * @param n - Number of characters to read.
   * @returns The read characters.
   */
  readChars(n = 1) {
    let result = "";
    for (let i2 = 0; i2 < n; i2++) {
      result += this.readChar();
    }
    return result;
  }
  /**
   * Read the next `n` bytes, return a UTF-8 decoded string and move pointer
   * forward by `n` bytes.
   * @param n - Number of bytes to read.
   * @returns The decoded string.
   */
  readUtf8(n = 1) {
    return decode(this.readBytes(n));
  }
  /**
   * Read the next `n` bytes, return a string decoded with `encoding` and move pointer
   * forward by `n` bytes.
   * If no encoding is passed, the function is equivalent to @see {@link IOBuffer#readUtf8}
   * @param n - Number of bytes to read.
   * @param encoding - The encoding to use. Default is 'utf8'.
   * @returns The decoded string.
   */
  decodeText(n = 1, encoding = "utf8") {
    return decode(this.readBytes(n), encoding);
  }
  /**
   * Write 0xff if the passed value is truthy, 0x00 otherwise and move pointer
   * forward by 1 byte.
   * @param value - The value to write.
   * @returns This.
   */
  writeBoolean(value) {
    this.writeUint8(value ? 255 : 0);
    return this;
  }
  /**
   * Write `value` as an 8-bit signed integer and move pointer forward by 1 byte.
   * @param value - The value to write.
   * @returns This.
   */
  writeInt8(value) {
    this.ensureAvailable(1);
    this._data.setInt8(this.offset++, value);
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as an 8-bit unsigned integer and move pointer forward by 1
   * byte.
   * @param value - The value to write.
   * @returns This.
   */
  writeUint8(value) {
    this.ensureAvailable(1);
    this._data.setUint8(this.offset++, value);
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * An alias for {@link IOBuffer#writeUint8}.
   * @param value - The value to write.
   * @returns This.
   */
  writeByte(value) {
    return this.writeUint8(value);
  }
  /**
   * Write all elements of `bytes` as uint8 values and move pointer forward by
   * `bytes.length` bytes.
   * @param bytes - The array of bytes to write.
   * @returns This.
   */
  writeBytes(bytes) {
    this.ensureAvailable(bytes.length);
    for (let i2 = 0; i2 < bytes.length; i2++) {
      this._data.setUint8(this.offset++, bytes[i2]);
    }
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 16-bit signed integer and move pointer forward by 2
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeInt16(value) {
    this.ensureAvailable(2);
    this._data.setInt16(this.offset, value, this.littleEndian);
    this.offset += 2;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 16-bit unsigned integer and move pointer forward by 2
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeUint16(value) {
    this.ensureAvailable(2);
    this._data.setUint16(this.offset, value, this.littleEndian);
    this.offset += 2;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 32-bit signed integer and move pointer forward by 4
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeInt32(value) {
    this.ensureAvailable(4);
    this._data.setInt32(this.offset, value, this.littleEndian);
    this.offset += 4;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 32-bit unsigned integer and move pointer forward by 4
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeUint32(value) {
    this.ensureAvailable(4);
    this._data.setUint32(this.offset, value, this.littleEndian);
    this.offset += 4;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 32-bit floating number and move pointer forward by 4
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeFloat32(value) {
    this.ensureAvailable(4);
    this._data.setFloat32(this.offset, value, this.littleEndian);
    this.offset += 4;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 64-bit floating number and move pointer forward by 8
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeFloat64(value) {
    this.ensureAvailable(8);
    this._data.setFloat64(this.offset, value, this.littleEndian);
    this.offset += 8;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 64-bit signed bigint and move pointer forward by 8
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeBigInt64(value) {
    this.ensureAvailable(8);
    this._data.setBigInt64(this.offset, value, this.littleEndian);
    this.offset += 8;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write `value` as a 64-bit unsigned bigint and move pointer forward by 8
   * bytes.
   * @param value - The value to write.
   * @returns This.
   */
  writeBigUint64(value) {
    this.ensureAvailable(8);
    this._data.setBigUint64(this.offset, value, this.littleEndian);
    this.offset += 8;
    this._updateLastWrittenByte();
    return this;
  }
  /**
   * Write the charCode of `str`'s first character as an 8-bit unsigned integer
   * and move pointer forward by 1 byte.
   * @param str - The character to write.
   * @returns This.
   */
  writeChar(str) {
    return this.writeUint8(str.charCodeAt(0));
  }
  /**
   * Write the charCodes of all `str`'s characters as 8-bit unsigned integers
   * and move pointer forward by `str.length` bytes.
   * @param str - The characters to write.
   * @returns This.
   */
  writeChars(str) {
    for (let i2 = 0; i2 < str.length; i2++) {
      this.writeUint8(str.charCodeAt(i2));
    }
    return this;
  }
  /**
   * UTF-8 encode and write `str` to the current pointer offset and move pointer
   * forward according to the encoded length.
   * @param str - The string to write.
   * @returns This.
   */
  writeUtf8(str) {
    return this.writeBytes(encode(str));
  }
  /**
   * Export a Uint8Array view of the internal buffer.
   * The view starts at the byte offset and its length
   * is calculated to stop at the last written byte or the original length.
   * @returns A new Uint8Array view.
   */
  toArray() {
    return new Uint8Array(this.buffer, this.byteOffset, this.lastWrittenByte);
  }
  /**
   *  Get the total number of bytes written so far, regardless of the current offset.
   * @returns - Total number of bytes.
   */
  getWrittenByteLength() {
    return this.lastWrittenByte - this.byteOffset;
  }
  /**
   * Update the last written byte offset
   * @private
   */
  _updateLastWrittenByte() {
    if (this.offset > this.lastWrittenByte) {
      this.lastWrittenByte = this.offset;
    }
  }
};

// node_modules/fast-png/lib/helpers/crc.js
var crcTable = [];
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) {
    if (c & 1) {
      c = 3988292384 ^ c >>> 1;
    } else {
      c = c >>> 1;
    }
  }
  crcTable[n] = c;
}
var initialCrc = 4294967295;
function updateCrc(currentCrc, data, length) {
  let c = currentCrc;
  for (let n = 0; n < length; n++) {
    c = crcTable[(c ^ data[n]) & 255] ^ c >>> 8;
  }
  return c;
}
function crc(data, length) {
  return (updateCrc(initialCrc, data, length) ^ initialCrc) >>> 0;
}
function checkCrc(buffer, crcLength, chunkName) {
  const expectedCrc = buffer.readUint32();
  const actualCrc = crc(new Uint8Array(buffer.buffer, buffer.byteOffset + buffer.offset - crcLength - 4, crcLength), crcLength);
  if (actualCrc !== expectedCrc) {
    throw new Error(`CRC mismatch for chunk ${chunkName}. Expected ${expectedCrc}, found ${actualCrc}`);
  }
}

// node_modules/fast-png/lib/helpers/unfilter.js
function unfilterNone(currentLine, newLine, bytesPerLine) {
  for (let i2 = 0; i2 < bytesPerLine; i2++) {
    newLine[i2] = currentLine[i2];
  }
}
function unfilterSub(currentLine, newLine, bytesPerLine, bytesPerPixel) {
  let i2 = 0;
  for (; i2 < bytesPerPixel; i2++) {
    newLine[i2] = currentLine[i2];
  }
  for (; i2 < bytesPerLine; i2++) {
    newLine[i2] = currentLine[i2] + newLine[i2 - bytesPerPixel] & 255;
  }
}
function unfilterUp(currentLine, newLine, prevLine, bytesPerLine) {
  let i2 = 0;
  if (prevLine.length === 0) {
    for (; i2 < bytesPerLine; i2++) {
      newLine[i2] = currentLine[i2];
    }
  } else {
    for (; i2 < bytesPerLine; i2++) {
      newLine[i2] = currentLine[i2] + prevLine[i2] & 255;
    }
  }
}
function unfilterAverage(currentLine, newLine, prevLine, bytesPerLine, bytesPerPixel) {
  let i2 = 0;
  if (prevLine.length === 0) {
    for (; i2 < bytesPerPixel; i2++) {
      newLine[i2] = currentLine[i2];
    }
    for (; i2 < bytesPerLine; i2++) {
      newLine[i2] = currentLine[i2] + (newLine[i2 - bytesPerPixel] >> 1) & 255;
    }
  } else {
    for (; i2 < bytesPerPixel; i2++) {
      newLine[i2] = currentLine[i2] + (prevLine[i2] >> 1) & 255;
    }
    for (; i2 < bytesPerLine; i2++) {
      newLine[i2] = currentLine[i2] + (newLine[i2 - bytesPerPixel] + prevLine[i2] >> 1) & 255;
    }
  }
}
function unfilterPaeth(currentLine, newLine, prevLine, bytesPerLine, bytesPerPixel) {
  let i2 = 0;
  if (prevLine.length === 0) {
    for (; i2 < bytesPerPixel; i2++) {
      newLine[i2] = currentLine[i2];
    }
    for (; i2 < bytesPerLine; i2++) {
      newLine[i2] = currentLine[i2] + newLine[i2 - bytesPerPixel] & 255;
    }
  } else {
    for (; i2 < bytesPerPixel; i2++) {
      newLine[i2] = currentLine[i2] + prevLine[i2] & 255;
    }
    for (; i2 < bytesPerLine; i2++) {
      newLine[i2] = currentLine[i2] + paethPredictor(newLine[i2 - bytesPerPixel], prevLine[i2], prevLine[i2 - bytesPerPixel]) & 255;
    }
  }
}
function paethPredictor(a, b, c) {
  const p = a + b - c;
  const pa = Math.abs(p - a);
  const pb = Math.abs(p - b);
  const pc = Math.abs(p - c);
  if (pa <= pb && pa <= pc)
    return a;
  else if (pb <= pc)
    return b;
  else
    return c;
}

// node_modules/fast-png/lib/helpers/apply_unfilter.js
function applyUnfilter(filterType, currentLine, newLine, prevLine, passLineBytes, bytesPerPixel) {
  switch (filterType) {
    case 0:
      unfilterNone(currentLine, newLine, passLineBytes);
      break;
    case 1:
      unfilterSub(currentLine, newLine, passLineBytes, bytesPerPixel);
      break;
    case 2:
      unfilterUp(currentLine, newLine, prevLine, passLineBytes);
      break;
    case 3:
      unfilterAverage(currentLine, newLine, prevLine, passLineBytes, bytesPerPixel);
      break;
    case 4:
      unfilterPaeth(currentLine, newLine, prevLine, passLineBytes, bytesPerPixel);
      break;
    default:
      throw new Error(`Unsupported filter: ${filterType}`);
  }
}

// node_modules/fast-png/lib/helpers/decode_interlace_adam7.js
var uint16 = new Uint16Array([255]);
var uint8 = new Uint8Array(uint16.buffer);
var osIsLittleEndian = uint8[0] === 255;
function decodeInterlaceAdam7(params) {
  const { data, width, height, channels, depth } = params;
  const passes = [
    { x: 0, y: 0, xStep: 8, yStep: 8 },
    // Pass 1
    { x: 4, y: 0, xStep: 8, yStep: 8 },
    // Pass 2
    { x: 0, y: 4, xStep: 4, yStep: 8 },
    // Pass 3
    { x: 2, y: 0, xStep: 4, yStep: 4 },
    // Pass 4
    { x: 0, y: 2, xStep: 2, yStep: 4 },
    // Pass 5
    { x: 1, y: 0, xStep: 2, yStep: 2 },
    // Pass 6
    { x: 0, y: 1, xStep: 1, yStep: 2 }
    // Pass 7
  ];
  const bytesPerPixel = Math.ceil(depth / 8) * channels;
  const resultData = new Uint8Array(height * width * bytesPerPixel);
  let offset = 0;
  for (let passIndex = 0; passIndex < 7; passIndex++) {
    const pass = passes[passIndex];
    const passWidth = Math.ceil((width - pass.x) / pass.xStep);
    const passHeight = Math.ceil((height - pass.y) / pass.yStep);
    if (passWidth <= 0 || passHeight <= 0)
      continue;
    const passLineBytes = passWidth * bytesPerPixel;
    const prevLine = new Uint8Array(passLineBytes);
    for (let y = 0; y < passHeight; y++) {
      const filterType = data[offset++];
      const currentLine = data.subarray(offset, offset + passLineBytes);
      offset += passLineBytes;
      const newLine = new Uint8Array(passLineBytes);
      applyUnfilter(filterType, currentLine, newLine, prevLine, passLineBytes, bytesPerPixel);
      prevLine.set(newLine);
      for (let x2 = 0; x2 < passWidth; x2++) {
        const outputX = pass.x + x2 * pass.xStep;
        const outputY = pass.y + y * pass.yStep;
        if (outputX >= width || outputY >= height)
          continue;
        for (let i2 = 0; i2 < bytesPerPixel; i2++) {
          resultData[(outputY * width + outputX) * bytesPerPixel + i2] = newLine[x2 * bytesPerPixel + i2];
        }
      }
    }
  }
  if (depth === 16) {
    const uint16Data = new Uint16Array(resultData.buffer);
    if (osIsLittleEndian) {
      for (let k = 0; k < uint16Data.length; k++) {
        uint16Data[k] = swap16(uint16Data[k]);
      }
    }
    return uint16Data;
  } else {
    return resultData;
  }
}
function swap16(val) {
  return (val & 255) << 8 | val >> 8 & 255;
}

// node_modules/fast-png/lib/helpers/decode_interlace_null.js
var uint162 = new Uint16Array([255]);
var uint82 = new Uint8Array(uint162.buffer);
var osIsLittleEndian2 = uint82[0] === 255;
var empty = new Uint8Array(0);
function decodeInterlaceNull(params) {
  const { data, width, height, channels, depth } = params;
  const bytesPerPixel = Math.ceil(depth / 8) * channels;
  const bytesPerLine = Math.ceil(depth / 8 * channels * width);
  const newData = new Uint8Array(height * bytesPerLine);
  let prevLine = empty;
  let offset = 0;
  let currentLine;
  let newLine;
  for (let i2 = 0; i2 < height; i2++) {
    currentLine = data.subarray(offset + 1, offset + 1 + bytesPerLine);
    newLine = newData.subarray(i2 * bytesPerLine, (i2 + 1) * bytesPerLine);
    switch (data[offset]) {
      case 0:
        unfilterNone(currentLine, newLine, bytesPerLine);
        break;
      case 1:
        unfilterSub(currentLine, newLine, bytesPerLine, bytesPerPixel);
        break;
      case 2:
        unfilterUp(currentLine, newLine, prevLine, bytesPerLine);
        break;
      case 3:
        unfilterAverage(currentLine, newLine, prevLine, bytesPerLine, bytesPerPixel);
        break;
      case 4:
        unfilterPaeth(currentLine, newLine, prevLine, bytesPerLine, bytesPerPixel);
        break;
      default:
        throw new Error(`Unsupported filter: ${data[offset]}`);
    }
    prevLine = newLine;
    offset += bytesPerLine + 1;
  }
  if (depth === 16) {
    const uint16Data = new Uint16Array(newData.buffer);
    if (osIsLittleEndian2) {
      for (let k = 0; k < uint16Data.length; k++) {
        uint16Data[k] = swap162(uint16Data[k]);
      }
    }
    return uint16Data;
  } else {
    return newData;
  }
}
function swap162(val) {
  return (val & 255) << 8 | val >> 8 & 255;
}

// node_modules/fast-png/lib/helpers/signature.js
var pngSignature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
function checkSignature(buffer) {
  if (!hasPngSignature(buffer.readBytes(pngSignature.length))) {
    throw new Error("wrong PNG signature");
  }
}
function hasPngSignature(array) {
  if (array.length < pngSignature.length) {
    return false;
  }
  for (let i2 = 0; i2 < pngSignature.length; i2++) {
    if (array[i2] !== pngSignature[i2]) {
      return false;
    }
  }
  return true;
}

// node_modules/fast-png/lib/helpers/text.js
var textChunkName = "tEXt";
var NULL = 0;
var latin1Decoder = new TextDecoder("latin1");
function validateKeyword(keyword) {
  validateLatin1(keyword);
  if (keyword.length === 0 || keyword.length > 79) {
    throw new Error("keyword length must be between 1 and 79");
  }
}
var latin1Regex = /^[\u0000-\u00FF]*$/;
function validateLatin1(text) {
  if (!latin1Regex.test(text)) {
    throw new Error("invalid latin1 text");
  }
}
function decodetEXt(text, buffer, length) {
  const keyword = readKeyword(buffer);
  text[keyword] = readLatin1(buffer, length - keyword.length - 1);
}
function readKeyword(buffer) {
  buffer.mark();
  while (buffer.readByte() !== NULL) {
  }
  const end = buffer.offset;
  buffer.reset();
  const keyword = latin1Decoder.decode(buffer.readBytes(end - buffer.offset - 1));
  buffer.skip(1);
  validateKeyword(keyword);
  return keyword;
}
function readLatin1(buffer, length) {
  return latin1Decoder.decode(buffer.readBytes(length));
}

// node_modules/fast-png/lib/internal_types.js
var ColorType = {
  UNKNOWN: -1,
  GREYSCALE: 0,
  TRUECOLOUR: 2,
  INDEXED_COLOUR: 3,
  GREYSCALE_ALPHA: 4,
  TRUECOLOUR_ALPHA: 6
};
var CompressionMethod = {
  UNKNOWN: -1,
  DEFLATE: 0
};
var FilterMethod = {
  UNKNOWN: -1,
  ADAPTIVE: 0
};
var InterlaceMethod = {
  UNKNOWN: -1,
  NO_INTERLACE: 0,
  ADAM7: 1
};
var DisposeOpType = {
  NONE: 0,
  BACKGROUND: 1,
  PREVIOUS: 2
};
var BlendOpType = {
  SOURCE: 0,
  OVER: 1
};

// node_modules/fast-png/lib/png_decoder.js
var PngDecoder = class extends IOBuffer {
  _checkCrc;
  _inflator;
  _png;
  _apng;
  _end;
  _hasPalette;
  _palette;
  _hasTransparency;
  _transparency;
  _compressionMethod;
  _filterMethod;
  _interlaceMethod;
  _colorType;
  _isAnimated;
  _numberOfFrames;
  _numberOfPlays;
  _frames;
  _writingDataChunks;
  _chunks;
  _inflatorResult;
  constructor(data, options = {}) {
    super(data);
    const { checkCrc: checkCrc2 = false } = options;
    this._checkCrc = checkCrc2;
    this._inflator = new Unzlib((chunk, final) => {
      this._chunks.push(chunk);
      if (final) {
        const totalLength = this._chunks.reduce((sum, c) => sum + c.length, 0);
        this._inflatorResult = new Uint8Array(totalLength);
        let offset = 0;
        for (const chunk2 of this._chunks) {
          this._inflatorResult.set(chunk2, offset);
          offset += chunk2.length;
        }
        this._chunks = [];
      }
    });
    this._chunks = [];
    this._png = {
      width: -1,
      height: -1,
      channels: -1,
      data: new Uint8Array(0),
      depth: 1,
      text: {}
    };
    this._apng = {
      width: -1,
      height: -1,
      channels: -1,
      depth: 1,
      numberOfFrames: 1,
      numberOfPlays: 0,
      text: {},
      frames: []
    };
    this._end = false;
    this._hasPalette = false;
    this._palette = [];
    this._hasTransparency = false;
    this._transparency = new Uint16Array(0);
    this._compressionMethod = CompressionMethod.UNKNOWN;
    this._filterMethod = FilterMethod.UNKNOWN;
    this._interlaceMethod = InterlaceMethod.UNKNOWN;
    this._colorType = ColorType.UNKNOWN;
    this._isAnimated = false;
    this._numberOfFrames = 1;
    this._numberOfPlays = 0;
    this._frames = [];
    this._writingDataChunks = false;
    this._inflatorResult = new Uint8Array(0);
    this.setBigEndian();
  }
  decode() {
    checkSignature(this);
    while (!this._end) {
      const length = this.readUint32();
      const type = this.readChars(4);
      this.decodeChunk(length, type);
    }
    this._inflator.push(new Uint8Array(0), true);
    this.decodeImage();
    return this._png;
  }
  decodeApng() {
    checkSignature(this);
    while (!this._end) {
      const length = this.readUint32();
      const type = this.readChars(4);
      this.decodeApngChunk(length, type);
    }
    this.decodeApngImage();
    return this._apng;
  }
  // https://www.w3.org/TR/PNG/#5Chunk-layout
  decodeChunk(length, type) {
    const offset = this.offset;
    switch (type) {
      // 11.2 Critical chunks
      case "IHDR":
        this.decodeIHDR();
        break;
      case "PLTE":
        this.decodePLTE(length);
        break;
      case "IDAT":
        this.decodeIDAT(length);
        break;
      case "IEND":
        this._end = true;
        break;
      // 11.3 Ancillary chunks
      case "tRNS":
        this.decodetRNS(length);
        break;
      case "iCCP":
        this.decodeiCCP(length);
        break;
      case textChunkName:
        decodetEXt(this._png.text, this, length);
        break;
      case "pHYs":
        this.decodepHYs();
        break;
      default:
        this.skip(length);
        break;
    }
    if (this.offset - offset !== length) {
      throw new Error(`Length mismatch while decoding chunk ${type}`);
    }
    if (this._checkCrc) {
      checkCrc(this, length + 4, type);
    } else {
      this.skip(4);
    }
  }
  decodeApngChunk(length, type) {
    const offset = this.offset;
    if (type !== "fdAT" && type !== "IDAT" && this._writingDataChunks) {
      this.pushDataToFrame();
    }
    switch (type) {
      case "acTL":
        this.decodeACTL();
        break;
      case "fcTL":
        this.decodeFCTL();
        break;
      case "fdAT":
        this.decodeFDAT(length);
        break;
      default:
        this.decodeChunk(length, type);
        this.offset = offset + length;
        break;
    }
    if (this.offset - offset !== length) {
      throw new Error(`Length mismatch while decoding chunk ${type}`);
    }
    if (this._checkCrc) {
      checkCrc(this, length + 4, type);
    } else {
      this.skip(4);
    }
  }
  // https://www.w3.org/TR/PNG/#11IHDR
  decodeIHDR() {
    const image = this._png;
    image.width = this.readUint32();
    image.height = this.readUint32();
    image.depth = checkBitDepth(this.readUint8());
    const colorType = this.readUint8();
    this._colorType = colorType;
    let channels;
    switch (colorType) {
      case ColorType.GREYSCALE:
        channels = 1;
        break;
      case ColorType.TRUECOLOUR:
        channels = 3;
        break;
      case ColorType.INDEXED_COLOUR:
        channels = 1;
        break;
      case ColorType.GREYSCALE_ALPHA:
        channels = 2;
        break;
      case ColorType.TRUECOLOUR_ALPHA:
        channels = 4;
        break;
      // Kept for exhaustiveness.
      // eslint-disable-next-line unicorn/no-useless-switch-case
      case ColorType.UNKNOWN:
      default:
        throw new Error(`Unknown color type: ${colorType}`);
    }
    this._png.channels = channels;
    this._compressionMethod = this.readUint8();
    if (this._compressionMethod !== CompressionMethod.DEFLATE) {
      throw new Error(`Unsupported compression method: ${this._compressionMethod}`);
    }
    this._filterMethod = this.readUint8();
    this._interlaceMethod = this.readUint8();
  }
  decodeACTL() {
    this._numberOfFrames = this.readUint32();
    this._numberOfPlays = this.readUint32();
    this._isAnimated = true;
  }
  decodeFCTL() {
    const image = {
      sequenceNumber: this.readUint32(),
      width: this.readUint32(),
      height: this.readUint32(),
      xOffset: this.readUint32(),
      yOffset: this.readUint32(),
      delayNumber: this.readUint16(),
      delayDenominator: this.readUint16(),
      disposeOp: this.readUint8(),
      blendOp: this.readUint8(),
      data: new Uint8Array(0)
    };
    this._frames.push(image);
  }
  // https://www.w3.org/TR/PNG/#11PLTE
  decodePLTE(length) {
    if (length % 3 !== 0) {
      throw new RangeError(`PLTE field length must be a multiple of 3. Got ${length}`);
    }
    const l = length / 3;
    this._hasPalette = true;
    const palette = [];
    this._palette = palette;
    for (let i2 = 0; i2 < l; i2++) {
      palette.push([this.readUint8(), this.readUint8(), this.readUint8()]);
    }
  }
  // https://www.w3.org/TR/PNG/#11IDAT
  decodeIDAT(length) {
    this._writingDataChunks = true;
    const dataLength = length;
    const dataOffset = this.offset + this.byteOffset;
    try {
      this._inflator.push(new Uint8Array(this.buffer, dataOffset, dataLength), false);
    } catch (error) {
      throw new Error("Error while decompressing the data:", { cause: error });
    }
    this.skip(length);
  }
  decodeFDAT(length) {
    this._writingDataChunks = true;
    let dataLength = length;
    let dataOffset = this.offset + this.byteOffset;
    dataOffset += 4;
    dataLength -= 4;
    try {
      this._inflator.push(new Uint8Array(this.buffer, dataOffset, dataLength), false);
    } catch (error) {
      throw new Error("Error while decompressing the data:", { cause: error });
    }
    this.skip(length);
  }
  // https://www.w3.org/TR/PNG/#11tRNS
  decodetRNS(length) {
    switch (this._colorType) {
      case ColorType.GREYSCALE:
      case ColorType.TRUECOLOUR: {
        if (length % 2 !== 0) {
          throw new RangeError(`tRNS chunk length must be a multiple of 2. Got ${length}`);
        }
        if (length / 2 > this._png.width * this._png.height) {
          throw new Error(`tRNS chunk contains more alpha values than there are pixels (${length / 2} vs ${this._png.width * this._png.height})`);
        }
        this._hasTransparency = true;
        this._transparency = new Uint16Array(length / 2);
        for (let i2 = 0; i2 < length / 2; i2++) {
          this._transparency[i2] = this.readUint16();
        }
        break;
      }
      case ColorType.INDEXED_COLOUR: {
        if (length > this._palette.length) {
          throw new Error(`tRNS chunk contains more alpha values than there are palette colors (${length} vs ${this._palette.length})`);
        }
        let i2 = 0;
        for (; i2 < length; i2++) {
          const alpha = this.readByte();
          this._palette[i2].push(alpha);
        }
        for (; i2 < this._palette.length; i2++) {
          this._palette[i2].push(255);
        }
        break;
      }
      // Kept for exhaustiveness.
      /* eslint-disable unicorn/no-useless-switch-case */
      case ColorType.UNKNOWN:
      case ColorType.GREYSCALE_ALPHA:
      case ColorType.TRUECOLOUR_ALPHA:
      default: {
        throw new Error(`tRNS chunk is not supported for color type ${this._colorType}`);
      }
    }
  }
  // https://www.w3.org/TR/PNG/#11iCCP
  decodeiCCP(length) {
    const name = readKeyword(this);
    const compressionMethod = this.readUint8();
    if (compressionMethod !== CompressionMethod.DEFLATE) {
      throw new Error(`Unsupported iCCP compression method: ${compressionMethod}`);
    }
    const compressedProfile = this.readBytes(length - name.length - 2);
    this._png.iccEmbeddedProfile = {
      name,
      profile: unzlibSync(compressedProfile)
    };
  }
  // https://www.w3.org/TR/PNG/#11pHYs
  decodepHYs() {
    const ppuX = this.readUint32();
    const ppuY = this.readUint32();
    const unitSpecifier = this.readByte();
    this._png.resolution = {
      x: ppuX,
      y: ppuY,
      unit: unitSpecifier
    };
  }
  decodeApngImage() {
    this._apng.width = this._png.width;
    this._apng.height = this._png.height;
    this._apng.channels = this._png.channels;
    this._apng.depth = this._png.depth;
    this._apng.numberOfFrames = this._numberOfFrames;
    this._apng.numberOfPlays = this._numberOfPlays;
    this._apng.text = this._png.text;
    this._apng.resolution = this._png.resolution;
    for (let i2 = 0; i2 < this._numberOfFrames; i2++) {
      const newFrame = {
        sequenceNumber: this._frames[i2].sequenceNumber,
        delayNumber: this._frames[i2].delayNumber,
        delayDenominator: this._frames[i2].delayDenominator,
        data: this._apng.depth === 8 ? new Uint8Array(this._apng.width * this._apng.height * this._apng.channels) : new Uint16Array(this._apng.width * this._apng.height * this._apng.channels)
      };
      const frame = this._frames.at(i2);
      if (frame) {
        frame.data = decodeInterlaceNull({
          data: frame.data,
          width: frame.width,
          height: frame.height,
          channels: this._apng.channels,
          depth: this._apng.depth
        });
        if (this._hasPalette) {
          this._apng.palette = this._palette;
        }
        if (this._hasTransparency) {
          this._apng.transparency = this._transparency;
        }
        if (i2 === 0 || frame.xOffset === 0 && frame.yOffset === 0 && frame.width === this._png.width && frame.height === this._png.height) {
          newFrame.data = frame.data;
        } else {
          const prevFrame = this._apng.frames.at(i2 - 1);
          this.disposeFrame(frame, prevFrame, newFrame);
          this.addFrameDataToCanvas(newFrame, frame);
        }
        this._apng.frames.push(newFrame);
      }
    }
    return this._apng;
  }
  disposeFrame(frame, prevFrame, imageFrame) {
    switch (frame.disposeOp) {
      case DisposeOpType.NONE:
        break;
      case DisposeOpType.BACKGROUND:
        for (let row = 0; row < this._png.height; row++) {
          for (let col = 0; col < this._png.width; col++) {
            const index = (row * frame.width + col) * this._png.channels;
            for (let channel = 0; channel < this._png.channels; channel++) {
              imageFrame.data[index + channel] = 0;
            }
          }
        }
        break;
      case DisposeOpType.PREVIOUS:
        imageFrame.data.set(prevFrame.data);
        break;
      default:
        throw new Error("Unknown disposeOp");
    }
  }
  addFrameDataToCanvas(imageFrame, frame) {
    const maxValue = 1 << this._png.depth;
    const calculatePixelIndices = (row, col) => {
      const index = ((row + frame.yOffset) * this._png.width + frame.xOffset + col) * this._png.channels;
      const frameIndex = (row * frame.width + col) * this._png.channels;
      return { index, frameIndex };
    };
    switch (frame.blendOp) {
      case BlendOpType.SOURCE:
        for (let row = 0; row < frame.height; row++) {
          for (let col = 0; col < frame.width; col++) {
            const { index, frameIndex } = calculatePixelIndices(row, col);
            for (let channel = 0; channel < this._png.channels; channel++) {
              imageFrame.data[index + channel] = frame.data[frameIndex + channel];
            }
          }
        }
        break;
      // https://www.w3.org/TR/png-3/#13Alpha-channel-processing
      case BlendOpType.OVER:
        for (let row = 0; row < frame.height; row++) {
          for (let col = 0; col < frame.width; col++) {
            const { index, frameIndex } = calculatePixelIndices(row, col);
            for (let channel = 0; channel < this._png.channels; channel++) {
              const sourceAlpha = frame.data[frameIndex + this._png.channels - 1] / maxValue;
              const foregroundValue = channel % (this._png.channels - 1) === 0 ? 1 : frame.data[frameIndex + channel];
              const value = Math.floor(sourceAlpha * foregroundValue + (1 - sourceAlpha) * imageFrame.data[index + channel]);
              imageFrame.data[index + channel] += value;
            }
          }
        }
        break;
      default:
        throw new Error("Unknown blendOp");
    }
  }
  decodeImage() {
    const data = this._inflatorResult;
    if (this._filterMethod !== FilterMethod.ADAPTIVE) {
      throw new Error(`Filter method ${this._filterMethod} not supported`);
    }
    if (this._interlaceMethod === InterlaceMethod.NO_INTERLACE) {
      this._png.data = decodeInterlaceNull({
        data,
        width: this._png.width,
        height: this._png.height,
        channels: this._png.channels,
        depth: this._png.depth
      });
    } else if (this._interlaceMethod === InterlaceMethod.ADAM7) {
      this._png.data = decodeInterlaceAdam7({
        data,
        width: this._png.width,
        height: this._png.height,
        channels: this._png.channels,
        depth: this._png.depth
      });
    } else {
      throw new Error(`Interlace method ${this._interlaceMethod} not supported`);
    }
    if (this._hasPalette) {
      this._png.palette = this._palette;
    }
    if (this._hasTransparency) {
      this._png.transparency = this._transparency;
    }
  }
  pushDataToFrame() {
    this._inflator.push(new Uint8Array(0), true);
    const result = this._inflatorResult;
    const lastFrame = this._frames.at(-1);
    if (lastFrame) {
      lastFrame.data = result;
    } else {
      this._frames.push({
        sequenceNumber: 0,
        width: this._png.width,
        height: this._png.height,
        xOffset: 0,
        yOffset: 0,
        delayNumber: 0,
        delayDenominator: 0,
        disposeOp: DisposeOpType.NONE,
        blendOp: BlendOpType.SOURCE,
        data: result
      });
    }
    this._inflator = new Unzlib((chunk, final) => {
      this._chunks.push(chunk);
      if (final) {
        const totalLength = this._chunks.reduce((sum, c) => sum + c.length, 0);
        this._inflatorResult = new Uint8Array(totalLength);
        let offset = 0;
        for (const chunk2 of this._chunks) {
          this._inflatorResult.set(chunk2, offset);
          offset += chunk2.length;
        }
        this._chunks = [];
      }
    });
    this._chunks = [];
    this._writingDataChunks = false;
  }
};
function checkBitDepth(value) {
  if (value !== 1 && value !== 2 && value !== 4 && value !== 8 && value !== 16) {
    throw new Error(`invalid bit depth: ${value}`);
  }
  return value;
}

// node_modules/fast-png/lib/index.js
function decodePng(data, options) {
  const decoder = new PngDecoder(data, options);
  return decoder.decode();
}

// stage/mask_files.ts
function readIndexed(file, width, height) {
  const indices = samplesOf(file, width, height);
  return { indices, boxes: boxesOf(indices, width, height) };
}
function readMask(file, width, height) {
  const samples = samplesOf(file, width, height);
  const brightest = samples.reduce((most, sample) => Math.max(most, sample), 0);
  const indices = samples.map((sample) => sample > brightest / 2 ? 1 : 0);
  return layerOf({ indices, boxes: boxesOf(indices, width, height) }, 1);
}
var layerOf = ({ indices, boxes }, value) => ({
  indices,
  value,
  box: boxes[value] ?? null
});
function samplesOf(file, width, height) {
  const picture = decodePng(file);
  if (picture.width !== width || picture.height !== height) {
    throw new Error(`A mask has ${picture.width}x${picture.height} pixels, but the frame ${width}x${height}.`);
  }
  const { data, depth, channels } = picture;
  if (channels !== 1 || depth > 8) throw new Error("A mask has more than one byte a pixel.");
  return depth === 8 ? new Uint8Array(data) : unpacked(data, width, height, depth);
}
function unpacked(data, width, height, depth) {
  const out = new Uint8Array(width * height);
  const stride = Math.ceil(width * depth / 8);
  const most = (1 << depth) - 1;
  for (let y = 0, i2 = 0; y < height; y += 1) {
    for (let x2 = 0; x2 < width; x2 += 1, i2 += 1) {
      const bit = x2 * depth;
      out[i2] = data[y * stride + (bit >> 3)] >> 8 - depth - (bit & 7) & most;
    }
  }
  return out;
}
function boxesOf(indices, width, height) {
  const left = new Int32Array(256).fill(width);
  const right = new Int32Array(256).fill(-1);
  const top = new Int32Array(256).fill(height);
  const bottom = new Int32Array(256).fill(-1);
  for (let y = 0, i2 = 0; y < height; y += 1) {
    for (let x2 = 0; x2 < width; x2 += 1, i2 += 1) {
      const value = indices[i2];
      if (!value) continue;
      if (x2 < left[value]) left[value] = x2;
      if (x2 > right[value]) right[value] = x2;
      if (top[value] === height) top[value] = y;
      bottom[value] = y;
    }
  }
  return Array.from(
    left,
    (x2, value) => right[value] < 0 ? null : [x2, top[value], right[value] + 1, bottom[value] + 1]
  );
}

// stage/frames.ts
var PICTURE_BYTES = 192e6;
var MASK_BYTES = 64e6;
var MOST_AHEAD = 24;
var AT_ONCE = 3;
var Frames = class {
  constructor(store) {
    this.store = store;
  }
  store;
  pictures = new ByteCache(PICTURE_BYTES, (picture) => picture.close());
  masks = new ByteCache(MASK_BYTES);
  underWay = /* @__PURE__ */ new Map();
  ahead = [];
  loadingAhead = 0;
  // A frame with the newest masks of its objects. Raises an ApiError with a sentence for the visitor.
  async load(index) {
    const opened = this.opened();
    const { video } = opened.project;
    const found = await Promise.all([
      this.picture(video, index),
      ...sourcesOf(opened, index).map(async ({ object, track }) => {
        const file = await this.indexed(video, track, index);
        return [object, layerOf(file, track.objects.indexOf(object) + 1)];
      })
    ]);
    const [picture, ...masks] = found;
    return { picture, masks: new Map(masks) };
  }
  // The same if it is here already; null if it has to be loaded.
  now(index) {
    const { opened } = this.store;
    const picture = opened && this.pictures.get(pictureKey(opened.project.video, index));
    if (!opened || !picture) return null;
    const masks = /* @__PURE__ */ new Map();
    for (const { object, track } of sourcesOf(opened, index)) {
      const file = this.masks.get(maskKey(track, index));
      if (!file) return null;
      masks.set(object, layerOf(file, track.objects.indexOf(object) + 1));
    }
    return { picture, masks };
  }
  // Loads what is shown next: from a frame on, in steps of `step` frames (negative: backward).
  prefetch(index, step) {
    const { opened } = this.store;
    if (!opened || !step) return;
    const { width, height, num_frames } = opened.project.video;
    const count = Math.min(MOST_AHEAD, Math.floor(PICTURE_BYTES / 3 / (width * height * 4)));
    this.ahead = Array.from({ length: count }, (_, i2) => index + i2 * step).filter((i2) => 0 <= i2 && i2 < num_frames);
    this.loadAhead();
  }
  loadAhead() {
    while (this.loadingAhead < AT_ONCE && this.ahead.length) {
      const index = this.ahead.shift();
      if (!this.store.opened || this.now(index)) continue;
      this.loadingAhead += 1;
      const done = () => {
        this.loadingAhead -= 1;
        this.loadAhead();
      };
      this.load(index).then(done, done);
    }
  }
  opened() {
    const { opened } = this.store;
    if (!opened) throw new ApiError("No video is open.");
    return opened;
  }
  picture(video, index) {
    return this.kept(this.pictures, pictureKey(video, index), async () => {
      const blob = await getPicture(frameUrl(video, index));
      try {
        return [await createImageBitmap(blob), video.width * video.height * 4];
      } catch {
        throw new ApiError(`Frame ${index + 1} can't be shown.`);
      }
    });
  }
  indexed(video, track, index) {
    return this.kept(this.masks, maskKey(track, index), async () => {
      const blob = await getPicture(maskUrl(track, index));
      try {
        const file = readIndexed(new Uint8Array(await blob.arrayBuffer()), video.width, video.height);
        return [file, file.indices.length];
      } catch {
        throw new ApiError(`The masks of frame ${index + 1} can't be shown.`);
      }
    });
  }
  // Of several calls for the same value only the first loads it.
  kept(cache, key, load) {
    const here = cache.get(key);
    if (here !== void 0) return Promise.resolve(here);
    const underWay = this.underWay.get(key);
    if (underWay) return underWay;
    const loading = load().then(([value, bytes]) => {
      cache.set(key, value, bytes);
      return value;
    }).finally(() => this.underWay.delete(key));
    this.underWay.set(key, loading);
    return loading;
  }
};
function sourcesOf({ doc, project }, frame) {
  return doc.objects.flatMap(({ id }) => {
    const track = trackOf(project.tracks, id, frame);
    return track ? [{ object: id, track }] : [];
  });
}
var pictureKey = (video, index) => `frame/${video.id}/${index}`;
var maskKey = (track, index) => `mask/${track.id}/${index}`;

// stage/click_target.ts
var NEAR = 0.06;
function targetOfClick(scene, at2, foreground, marked = null) {
  const { doc, masks } = scene;
  const { active } = doc;
  const found = marked === null ? objectsAt(scene, at2) : [marked];
  const other = active !== null && found.includes(active) ? void 0 : found.at(-1);
  const isSought = active !== null && (!isMarked2(doc, active) || isLost(scene, active));
  if (other !== void 0 && !(isSought && foreground)) return { kind: "choose", object: other };
  if (!foreground && (active === null || !isStarted(scene, active))) {
    return { kind: "refuse", sentence: "Click on the object first. Then remove what does not belong to it." };
  }
  const add = { kind: "add", maskOf: active === null ? null : maskToRefine(scene, active) };
  if (active === null || isSought || !foreground || found.includes(active)) return add;
  const own = masks.get(active);
  if (!own) return add;
  const near = NEAR * Math.hypot(scene.width, scene.height);
  if (distanceTo(own, scene.width, at2, near) <= near) return add;
  return ask2(active, nearest2(scene, at2, near));
}
function targetOfBox(scene, box) {
  const { doc, masks, width } = scene;
  const { active } = doc;
  const add = { kind: "add", maskOf: null };
  const own = active === null ? void 0 : masks.get(active);
  if (active === null || !own?.box || !isMarked2(doc, active)) return add;
  if (hasPixelIn(own, width, box)) return add;
  return ask2(active, [...masks].find(([, layer]) => hasPixelIn(layer, width, box))?.[0] ?? null);
}
var ask2 = (active, other) => ({
  kind: "ask",
  objects: other === null ? [active] : [active, other]
});
function maskToRefine({ doc, tracks, frame, masks }, object) {
  if (markOf(doc, object, frame) || !masks.get(object)?.box) return null;
  return trackOf(tracks, object, frame)?.id ?? null;
}
function objectsAt({ doc, masks, width }, { x: x2, y }) {
  return doc.objects.map(({ id }) => id).filter((id) => {
    const layer = masks.get(id);
    return layer?.box && layer.indices[y * width + x2] === layer.value;
  });
}
var isMarked2 = (doc, object) => doc.marks.some((mark) => mark.object === object);
var isLost = ({ doc, frame, masks }, object) => masks.get(object)?.box === null && markOf(doc, object, frame) === null;
function isStarted(scene, object) {
  const mark = markOf(scene.doc, object, scene.frame);
  if (mark?.box || mark?.clicks.some(({ foreground }) => foreground)) return true;
  return (scene.masks.get(object)?.box ?? null) !== null;
}
function nearest2(scene, at2, near) {
  let found = null;
  let least = near;
  for (const [object, layer] of scene.masks) {
    const distance = distanceTo(layer, scene.width, at2, near);
    if (distance <= least) [found, least] = [object, distance];
  }
  return found;
}
function distanceTo({ indices, value, box }, width, at2, most) {
  if (!box) return Infinity;
  let least = Infinity;
  const top = Math.max(box[1], Math.floor(at2.y - most));
  const bottom = Math.min(box[3], Math.ceil(at2.y + most) + 1);
  const left = Math.max(box[0], Math.floor(at2.x - most));
  const right = Math.min(box[2], Math.ceil(at2.x + most) + 1);
  for (let y = top; y < bottom; y += 1) {
    for (let x2 = left; x2 < right; x2 += 1) {
      if (indices[y * width + x2] === value) least = Math.min(least, (x2 - at2.x) ** 2 + (y - at2.y) ** 2);
    }
  }
  const distance = Math.sqrt(least);
  return distance <= most ? distance : Infinity;
}
function hasPixelIn({ indices, value, box }, width, [x1, y1, x2, y2]) {
  if (!box) return false;
  for (let y = Math.max(box[1], Math.floor(y1)); y < Math.min(box[3], y2); y += 1) {
    for (let x3 = Math.max(box[0], Math.floor(x1)); x3 < Math.min(box[2], x2); x3 += 1) {
      if (indices[y * width + x3] === value) return true;
    }
  }
  return false;
}

// stage/edges.ts
function coverageOf(layer, width, height, edges) {
  if (!layer.box) return null;
  const { expand, feather, isSmooth } = edges;
  const reach = Math.floor((feather + 1) / 2);
  const margin = expand || feather ? Math.max(expand, 0) + 1 + reach : 0;
  const [x1, y1, x2, y2] = layer.box;
  const area = [
    Math.max(0, x1 - margin),
    Math.max(0, y1 - margin),
    Math.min(width, x2 + margin),
    Math.min(height, y2 + margin)
  ];
  let values = cutOut(layer, width, area);
  const across = area[2] - area[0];
  const down = area[3] - area[1];
  if (expand) values = expanded(values, across, down, expand, isSmooth);
  if (feather) values = feathered(values, across, down, reach);
  return { area, values };
}
function cutOut({ indices, value }, width, [left, top, right, bottom]) {
  const values = new Uint8Array((right - left) * (bottom - top));
  for (let y = top, to = 0; y < bottom; y += 1) {
    for (let from = y * width + left, end = y * width + right; from < end; from += 1, to += 1) {
      if (indices[from] === value) values[to] = 255;
    }
  }
  return values;
}
function expanded(values, width, height, pixels, isSmooth) {
  const squares = squaredDistances(values, width, height, pixels > 0 ? 255 : 0);
  return values.map((_, i2) => {
    const distance = Math.sqrt(squares[i2]);
    const share = pixels > 0 ? pixels + 1 - distance : distance + pixels;
    if (isSmooth) return Math.round(Math.min(Math.max(share, 0), 1) * 255);
    return (pixels > 0 ? distance <= pixels : distance > -pixels) ? 255 : 0;
  });
}
function squaredDistances(values, width, height, value) {
  const far = 1e6;
  const column = new Float64Array(width * height);
  for (let x2 = 0; x2 < width; x2 += 1) {
    let distance = far;
    for (let y = 0, i2 = x2; y < height; y += 1, i2 += width) {
      distance = values[i2] === value ? 0 : distance + 1;
      column[i2] = distance;
    }
    for (let y = height - 1, i2 = x2 + (height - 1) * width, below = far; y >= 0; y -= 1, i2 -= width) {
      below = Math.min(column[i2], below + 1);
      column[i2] = below;
    }
  }
  const out = new Float64Array(width * height);
  const places = new Int32Array(width);
  const starts = new Float64Array(width + 1);
  const heights = new Float64Array(width);
  for (let row = 0; row < width * height; row += width) {
    for (let x2 = 0; x2 < width; x2 += 1) heights[x2] = column[row + x2] ** 2;
    let last = 0;
    places[0] = 0;
    starts[0] = -Infinity;
    starts[1] = Infinity;
    for (let x2 = 1; x2 < width; x2 += 1) {
      let meet = 0;
      for (; ; ) {
        const place = places[last];
        meet = (heights[x2] + x2 * x2 - heights[place] - place * place) / (2 * (x2 - place));
        if (meet > starts[last]) break;
        last -= 1;
      }
      last += 1;
      places[last] = x2;
      starts[last] = meet;
      starts[last + 1] = Infinity;
    }
    for (let x2 = 0, k = 0; x2 < width; x2 += 1) {
      while (starts[k + 1] < x2) k += 1;
      out[row + x2] = (x2 - places[k]) ** 2 + heights[places[k]];
    }
  }
  return out;
}
function feathered(values, width, height, reach) {
  const across = width + 2 * reach;
  const down = height + 2 * reach;
  let wide = new Float64Array(across * down);
  for (let y = 0, to = 0; y < down; y += 1) {
    const row = Math.min(Math.max(y - reach, 0), height - 1) * width;
    for (let x2 = 0; x2 < across; x2 += 1, to += 1) {
      wide[to] = values[row + Math.min(Math.max(x2 - reach, 0), width - 1)] * 256;
    }
  }
  for (const third of [0, 1, 2]) wide = boxBlurred(wide, across, down, Math.floor((reach + third) / 3));
  const out = new Uint8Array(width * height);
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x2 = 0, from = (y + reach) * across + reach; x2 < width; x2 += 1, from += 1, to += 1) {
      out[to] = wide[from] + 128 >> 8;
    }
  }
  return out;
}
function boxBlurred(values, width, height, radius) {
  if (!radius) return values;
  const side = 2 * radius + 1;
  const sums = new Float64Array(width * height);
  for (let row = 0; row < width * height; row += width) {
    let sum = 0;
    for (let x2 = 0; x2 < width; x2 += 1) {
      sum += values[row + x2];
      if (x2 >= side) sum -= values[row + x2 - side];
      if (x2 >= radius) sums[row + x2 - radius] = sum;
    }
  }
  const out = new Float64Array(width * height);
  const column = new Float64Array(width);
  const area = side * side;
  for (let y = 0; y < height; y += 1) {
    for (let x2 = 0, i2 = y * width; x2 < width; x2 += 1, i2 += 1) {
      let sum = column[x2] + sums[i2];
      if (y >= side) sum -= sums[i2 - side * width];
      column[x2] = sum;
      if (y >= radius) out[i2 - radius * width] = Math.round(sum / area);
    }
  }
  return out;
}

// stage/compose.ts
var HALF = 128;
var CHECKS = [
  [102, 102, 102],
  [153, 153, 153]
];
function piecesOf(doc, masks, previews, isStale2, colourOf2) {
  const ids = doc.objects.filter(({ hidden }) => !hidden).map(({ id }) => id);
  const ordered = [...ids.filter((id) => !previews.has(id)), ...ids.filter((id) => previews.has(id))];
  return ordered.flatMap((id) => {
    const layer = previews.get(id) ?? masks.get(id);
    return layer ? [{ layer, colour: colourOf2(id), isStale: !previews.has(id) && isStale2(id) }] : [];
  });
}
function compose(out, width, height, pieces, style) {
  const pixels = new Uint32Array(out.buffer, out.byteOffset, width * height);
  const feather = style.view === "matte" ? 0 : style.feather;
  const edges = { expand: style.expand, feather, isSmooth: style.view === "cutout" || feather > 0 };
  const drawn = pieces.flatMap((piece) => {
    const coverage = coverageOf(piece.layer, width, height, edges);
    return coverage ? [{ ...piece, coverage }] : [];
  });
  if (style.view === "highlight") {
    pixels.fill(0);
    if (style.marking !== "box") for (const piece of drawn) tint(pixels, width, piece, style);
  } else {
    fillGround(pixels, width, height, style);
    for (const { coverage } of drawn) uncover(pixels, width, coverage, style.view === "matte");
  }
  const isOutlined = style.view === "highlight" && style.outline && style.marking !== "box";
  for (const { coverage, colour, isStale: isStale2 } of drawn) {
    if (isStale2 || isOutlined) outline(pixels, width, height, coverage, packed(colour), style.line, isStale2);
    if (style.view === "highlight" && style.marking !== "mask") {
      drawBox(pixels, width, height, coverage, packed(colour));
    }
  }
}
function rgbOf(colour) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  const parts = hex ? hex.slice(1).map((part) => Number.parseInt(part, 16)) : (colour.match(/\d+/g) ?? []).map(Number);
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}
var packed = ([red, green, blue], alpha = 255) => (alpha << 24 | blue << 16 | green << 8 | red) >>> 0;
function tint(pixels, width, { coverage, colour, isStale: isStale2 }, style) {
  const [left, top, right, bottom] = coverage.area;
  const full = Math.round(style.opacity * 255);
  const solid = packed(colour, full);
  const faint = packed(colour, Math.round(full / 4));
  for (let y = top, from = 0; y < bottom; y += 1) {
    for (let x2 = left, i2 = y * width + left; x2 < right; x2 += 1, i2 += 1, from += 1) {
      const share = coverage.values[from];
      if (!share) continue;
      const whole = isStale2 && (x2 + y) / style.cell & 1 ? faint : solid;
      pixels[i2] = share === 255 ? whole : mixed(pixels[i2], whole, share / 255);
    }
  }
}
function mixed(below, above, share) {
  const over = (above >>> 24) * share;
  const under = (below >>> 24) * (1 - share);
  const alpha = over + under;
  if (alpha < 0.5) return 0;
  const part = (shift) => Math.round(((above >>> shift & 255) * over + (below >>> shift & 255) * under) / alpha);
  return packed([part(0), part(8), part(16)], Math.round(alpha));
}
function fillGround(pixels, width, height, style) {
  if (style.view === "matte") pixels.fill(packed([0, 0, 0]));
  else if (style.view === "color") pixels.fill(packed(rgbOf(style.color)));
  else {
    const [even, odd] = [0, 1].map(
      (first) => Uint32Array.from({ length: width }, (_, x2) => packed(CHECKS[(Math.floor(x2 / style.cell) + first) % 2]))
    );
    for (let y = 0; y < height; y += 1) pixels.set(Math.floor(y / style.cell) % 2 ? odd : even, y * width);
  }
}
function uncover(pixels, width, { area, values }, isMatte) {
  const [left, top, right, bottom] = area;
  const white = packed([255, 255, 255]);
  for (let y = top, from = 0; y < bottom; y += 1) {
    for (let i2 = y * width + left, end = y * width + right; i2 < end; i2 += 1, from += 1) {
      const share = values[from];
      if (isMatte) {
        if (share >= HALF) pixels[i2] = white;
      } else if (share) {
        const pixel = pixels[i2];
        pixels[i2] = (Math.max(0, (pixel >>> 24) - share) << 24 | pixel & 16777215) >>> 0;
      }
    }
  }
}
function outline(pixels, width, height, { area, values }, colour, line, isDashed) {
  const [left, top, right, bottom] = area;
  const across = right - left;
  const dash = 4 * line;
  for (let y = top, from = 0; y < bottom; y += 1) {
    for (let x2 = left; x2 < right; x2 += 1, from += 1) {
      if (values[from] < HALF) continue;
      const isEdge = x2 >= line && (x2 - line < left || values[from - line] < HALF) || x2 + line < width && (x2 + line >= right || values[from + line] < HALF) || y >= line && (y - line < top || values[from - line * across] < HALF) || y + line < height && (y + line >= bottom || values[from + line * across] < HALF);
      if (isEdge && !(isDashed && (x2 + y) / dash & 1)) pixels[y * width + x2] = colour;
    }
  }
}
function drawBox(pixels, width, height, { area, values }, colour) {
  const across = area[2] - area[0];
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (let i2 = 0; i2 < values.length; i2 += 1) {
    if (values[i2] < HALF) continue;
    const x3 = area[0] + i2 % across;
    const y = area[1] + Math.floor(i2 / across);
    [x1, y1, x2, y2] = [Math.min(x1, x3), Math.min(y1, y), Math.max(x2, x3 + 1), Math.max(y2, y + 1)];
  }
  if (x1 >= x2) return;
  const line = Math.max(2, Math.round(Math.min(height, width) / 240));
  const left = Math.max(0, x1 - line + 1);
  const top = Math.max(0, y1 - line + 1);
  const right = Math.min(width, x2 + line - 1);
  const bottom = Math.min(height, y2 + line - 1);
  for (let y = top; y < bottom; y += 1) {
    const isEnd = y < top + line || y >= bottom - line;
    for (let x3 = left; x3 < right; x3 += 1) {
      if (isEnd || x3 < left + line || x3 >= right - line) pixels[y * width + x3] = colour;
    }
  }
}

// stage/marks.ts
var CORNERS = ["top left", "top right", "bottom left", "bottom right"];
var Marks = class {
  // of boxes, by object
  constructor(store, viewport, leave) {
    this.store = store;
    this.viewport = viewport;
    this.leave = leave;
    store.subscribe((state, before) => {
      const isSame = state.doc?.marks === before.doc?.marks && state.doc?.objects === before.doc?.objects && state.doc?.active === before.doc?.active && state.project?.id === before.project?.id && state.frame === before.frame && state.selected === before.selected && state.isPlaying === before.isPlaying;
      if (!isSame) this.render(state);
    });
  }
  store;
  viewport;
  leave;
  element = h("div", { class: "stage-marks" });
  buttons = /* @__PURE__ */ new Map();
  frames = /* @__PURE__ */ new Map();
  // The handle at a place of the window, and whether the place is on its dot: what reacts to a
  // finger is larger than that, and may lie over another dot, so the nearest one is meant.
  handleAt(event) {
    if (!event.target.closest(".stage-handle")) return null;
    let nearest3 = null;
    let least = Infinity;
    for (const { button, handle } of this.buttons.values()) {
      const box = button.getBoundingClientRect();
      const far = Math.hypot(event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
      if (far >= least) continue;
      least = far;
      nearest3 = { handle, isOnDot: far <= box.width / 2 + 1 };
    }
    return nearest3;
  }
  select(handle) {
    const { doc, selected } = this.store.state;
    const click = typeof handle.part === "number" ? handle.part : "box";
    if (!doc || selected?.object === handle.object && selected.click === click) return;
    this.store.adjust((now) => chooseObject(now, handle.object), { selected: { object: handle.object, click } });
  }
  focus(handle) {
    this.buttons.get(keyOf(handle))?.button.focus({ preventScroll: true });
  }
  // Moves a click, or a corner of a box, without a step of undo. Gives the handle that now is there.
  move(handle, to) {
    const { opened } = this.store;
    const { object, part } = handle;
    if (!opened) return handle;
    const { width, height } = opened.project.video;
    const { frame } = opened;
    if (typeof part === "number") {
      const at2 = { x: clamp(Math.floor(to.x), width - 1), y: clamp(Math.floor(to.y), height - 1) };
      this.store.adjust((doc) => moveClick(doc, object, frame, part, at2));
      return handle;
    }
    const box = markOf(opened.doc, object, frame)?.box;
    if (!box) return handle;
    const fixed = placeOf2(box, opposite(part));
    const x2 = clamp(Math.round(to.x), width);
    const y = clamp(Math.round(to.y), height);
    if (x2 === fixed.x || y === fixed.y) return handle;
    const moved = [Math.min(x2, fixed.x), Math.min(y, fixed.y), Math.max(x2, fixed.x), Math.max(y, fixed.y)];
    this.store.adjust((doc) => addBox(chooseObject(doc, object), frame, moved, null));
    const now = CORNERS.find((corner) => placeOf2(moved, corner).x === x2 && placeOf2(moved, corner).y === y);
    return { object, part: now ?? part };
  }
  // Removes the selected click or box; false if there is none.
  removeSelected() {
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
  place() {
    const { opened } = this.store;
    if (!opened) return;
    for (const { button, handle } of this.buttons.values()) {
      const at2 = whereIs(opened, handle);
      if (!at2) continue;
      const { x: x2, y } = this.viewport.areaAt(at2);
      button.style.left = `${x2}px`;
      button.style.top = `${y}px`;
    }
    for (const [object, element] of this.frames) {
      const box = markOf(opened.doc, object, opened.frame)?.box;
      if (box) putBox(element, box, this.viewport);
    }
  }
  render(state) {
    const { opened } = this.store;
    const marks = opened && !state.isPlaying ? visibleMarks(opened) : [];
    const kept = /* @__PURE__ */ new Set();
    const boxes = /* @__PURE__ */ new Set();
    for (const { object, clicks, box } of marks) {
      const isActive2 = object === state.doc.active;
      const name = state.doc.objects.find(({ id }) => id === object)?.name ?? object;
      const colour = colourOf(state, object);
      const selected = state.selected?.object === object ? state.selected.click : null;
      clicks.forEach((click, index) => {
        const button = this.buttonOf({ object, part: index }, kept);
        button.className = `stage-handle stage-dot${click.foreground ? "" : " stage-out"}${isActive2 ? "" : " stage-other"}`;
        button.classList.toggle("stage-selected", selected === index);
        button.style.setProperty("--colour", colour);
        const kind = click.foreground ? "Part of it" : "Not part of it";
        label(
          button,
          `${name}, point ${index + 1} of ${clicks.length}: ${kind}, at ${click.x}, ${click.y}. Arrow keys move it, Delete removes it.`
        );
      });
      if (!box) continue;
      boxes.add(object);
      const frame = this.frames.get(object) ?? h("div", { class: "stage-box" });
      if (!this.frames.has(object)) this.element.prepend(frame);
      this.frames.set(object, frame);
      frame.classList.toggle("stage-other", !isActive2);
      frame.style.setProperty("--colour", colour);
      for (const corner of CORNERS) {
        const button = this.buttonOf({ object, part: corner }, kept);
        button.className = `stage-handle stage-corner${isActive2 ? "" : " stage-other"}`;
        button.classList.toggle("stage-selected", selected === "box");
        button.dataset.corner = corner;
        button.style.setProperty("--colour", colour);
        const at2 = placeOf2(box, corner);
        label(
          button,
          `${name}, box, ${corner} corner at ${at2.x}, ${at2.y}. Arrow keys move it, Delete removes the box.`
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
  buttonOf(handle, kept) {
    const key = keyOf(handle);
    kept.add(key);
    const known = this.buttons.get(key);
    if (known) return known.button;
    const button = h("button", {
      type: "button",
      onfocus: () => this.select(handle),
      onkeydown: (event) => this.key(event, handle)
    });
    this.buttons.set(key, { button, handle });
    this.element.append(button);
    return button;
  }
  key(event, handle) {
    const { opened } = this.store;
    const at2 = opened && whereIs(opened, handle);
    if (!at2 || event.ctrlKey || event.metaKey) return;
    const far = event.shiftKey ? 10 : 1;
    const steps = {
      ArrowLeft: [-far, 0],
      ArrowRight: [far, 0],
      ArrowUp: [0, -far],
      ArrowDown: [0, far]
    };
    const step = steps[event.key];
    if (step) {
      if (!event.repeat) this.store.remember();
      this.focus(this.move(handle, { x: at2.x + step[0], y: at2.y + step[1] }));
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
};
function putBox(element, [x1, y1, x2, y2], viewport) {
  const start = viewport.areaAt({ x: x1, y: y1 });
  const end = viewport.areaAt({ x: x2, y: y2 });
  element.style.left = `${start.x}px`;
  element.style.top = `${start.y}px`;
  element.style.width = `${end.x - start.x}px`;
  element.style.height = `${end.y - start.y}px`;
}
function visibleMarks({ doc, frame }) {
  const isSeen = (object) => object === doc.active || !doc.objects.find(({ id }) => id === object)?.hidden;
  return doc.marks.filter((mark) => mark.frame === frame && isSeen(mark.object));
}
function whereIs({ doc, frame }, { object, part }) {
  const mark = markOf(doc, object, frame);
  if (typeof part !== "number") return mark?.box ? placeOf2(mark.box, part) : null;
  const click = mark?.clicks[part];
  return click ? { x: click.x + 0.5, y: click.y + 0.5 } : null;
}
function label(button, text) {
  if (button.getAttribute("aria-label") !== text) button.setAttribute("aria-label", text);
}
var keyOf = ({ object, part }) => `${object}/${part}`;
var clamp = (value, most) => Math.min(Math.max(value, 0), most);
var placeOf2 = ([x1, y1, x2, y2], corner) => ({
  x: corner.endsWith("left") ? x1 : x2,
  y: corner.startsWith("top") ? y1 : y2
});
var opposite = (corner) => {
  const [row, side] = corner.split(" ");
  return `${row === "top" ? "bottom" : "top"} ${side === "left" ? "right" : "left"}`;
};

// stage/preview.ts
var KEPT_BYTES = 48e6;
var QUIET_MS3 = 40;
var BUSY_MS = 400;
var STARTING_MS = 800;
var PATIENT_MS = 250;
var Previews = class {
  constructor(store, tell) {
    this.store = store;
    this.tell = tell;
    store.subscribe((state, before) => {
      const isSame = state.doc?.marks === before.doc?.marks && state.frame === before.frame && state.project?.tracks === before.project?.tracks && state.project?.id === before.project?.id && state.tracking === before.tracking && state.isPlaying === before.isPlaying;
      if (!isSame) this.refresh(state, before);
    });
  }
  store;
  tell;
  status = { kind: "idle" };
  // By object: what replaces the tracked masks of the shown frame.
  shown = /* @__PURE__ */ new Map();
  masks = new ByteCache(KEPT_BYTES);
  asked = "";
  // what the model is being asked for
  giveUp = new AbortController();
  refresh(state, before) {
    const { opened } = this.store;
    const wanted = opened ? wantedOf(opened) : [];
    const isSameFrame = state.frame === before.frame && state.project?.id === before.project?.id;
    const old = isSameFrame ? this.shown : /* @__PURE__ */ new Map();
    const found = /* @__PURE__ */ new Map();
    for (const { object, key } of wanted) {
      const layer = this.masks.get(key) ?? old.get(object);
      if (layer) found.set(object, layer);
    }
    this.shown = found;
    const missing = wanted.filter(({ key }) => !this.masks.get(key));
    const isQuiet = state.tracking !== null || state.isPlaying;
    const asked = isQuiet ? "" : missing.map(({ key }) => key).join();
    if (asked !== this.asked) {
      this.asked = asked;
      this.giveUp.abort();
      this.giveUp = new AbortController();
      this.status = { kind: asked ? "working" : "idle" };
      if (opened && asked) void this.askFor(opened.project, missing, this.giveUp.signal);
    }
    this.tell();
  }
  async askFor(project, missing, signal) {
    let failed = null;
    try {
      await pause(QUIET_MS3, signal);
      for (const { object, prompt, key } of missing) {
        try {
          const layer = await this.ask(project, prompt, signal);
          this.masks.set(key, layer, layer.indices.length);
          this.shown = new Map([...this.shown, [object, layer]]);
          this.report({ kind: "working" });
        } catch (error) {
          if (signal.aborted) throw error;
          failed = { kind: "failed", sentence: error instanceof Error ? error.message : String(error) };
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.report(failed ?? { kind: "idle" });
  }
  // Retries until the model is free.
  async ask(project, prompt, signal) {
    for (; ; ) {
      try {
        const blob = await previewMask(project, prompt, signal);
        const { width, height } = project.video;
        return readMask(new Uint8Array(await blob.arrayBuffer()), width, height);
      } catch (error) {
        const status = error.status;
        const isStarting = status === 503;
        if (!isStarting && status !== 409 && !(error instanceof BusyError)) throw error;
        const patient = setTimeout(() => this.report({ kind: isStarting ? "starting" : "waiting" }), PATIENT_MS);
        try {
          await pause(isStarting ? STARTING_MS : BUSY_MS, signal);
        } finally {
          clearTimeout(patient);
        }
      }
    }
  }
  report(status) {
    this.status = status;
    this.tell();
  }
};
function wantedOf({ doc, project, frame }) {
  const ids = doc.objects.map(({ id }) => id).filter((id) => isMarkNew(doc, project.tracks, id, frame));
  ids.sort((a, b) => Number(b === doc.active) - Number(a === doc.active));
  return ids.map((object) => {
    const prompt = promptOf(markOf(doc, object, frame));
    return { object, prompt, key: JSON.stringify([project.id, prompt]) };
  });
}
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("given up", "AbortError"));
    });
  });
}

// stage/question.ts
var Question = class {
  constructor(done) {
    this.done = done;
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.close();
      else if (event.key === "ArrowDown") this.turn(1);
      else if (event.key === "ArrowUp") this.turn(-1);
      else return;
      event.preventDefault();
    });
    this.element.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.element.addEventListener("contextmenu", (event) => event.stopPropagation());
  }
  done;
  element = h("div", {
    class: "stage-question",
    role: "group",
    "aria-label": "What is this for?",
    hidden: true
  });
  spot = h("div", { class: "stage-spot", hidden: true });
  // marks the place that it is about
  at = { x: 0, y: 0 };
  get isOpen() {
    return !this.element.hidden;
  }
  // `at`: the place of the picture that it is about. The first choice is the default, if there is one.
  ask(at2, choices, hasDefault) {
    this.at = at2;
    const buttons = choices.map(
      ({ text, act }) => h("button", {
        type: "button",
        textContent: text,
        onclick: () => {
          this.close();
          act();
        }
      })
    );
    if (hasDefault) buttons[0]?.classList.add("stage-default");
    this.element.replaceChildren(...buttons);
    this.element.hidden = this.spot.hidden = false;
  }
  focus() {
    this.element.querySelector("button")?.focus({ preventScroll: true });
  }
  close() {
    if (!this.isOpen) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = this.spot.hidden = true;
    this.done(hadFocus);
  }
  // Beside the point, inside of the area.
  place(areaAt, across, down) {
    if (!this.isOpen) return;
    const { x: x2, y } = areaAt(this.at);
    this.spot.style.left = `${x2}px`;
    this.spot.style.top = `${y}px`;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x2 + 18 + width > across ? x2 - 18 - width : x2 + 18;
    this.element.style.left = `${Math.max(8, Math.min(left, across - width - 8))}px`;
    this.element.style.top = `${Math.max(8, Math.min(y - height / 2, down - height - 8))}px`;
  }
  turn(step) {
    const buttons = [...this.element.querySelectorAll("button")];
    const focused = buttons.indexOf(document.activeElement);
    buttons.at((focused + step) % buttons.length)?.focus();
  }
};

// stage/status.ts
function statusOf(shown) {
  const { doc, frame, masks, preview, tool, isTouch } = shown;
  if (preview.kind === "failed") return { kind: "failed", text: preview.sentence };
  if (preview.kind === "starting") return { kind: "working", text: "The model is starting…" };
  if (preview.kind === "waiting") return { kind: "working", text: "Waiting for the model…" };
  if (preview.kind === "working") return { kind: "working", text: "Finding the object…" };
  const active = doc.objects.find(({ id }) => id === doc.active);
  const click = isTouch ? "Tap" : "Click";
  if (!active || !doc.marks.some(({ object }) => object === active.id)) {
    const how = tool === "box" ? "Drag a box around" : `${click} on`;
    return { kind: "hint", text: `${how} what you want to cut out.` };
  }
  const isOne = doc.objects.length === 1;
  if (shown.isStale(active.id)) {
    return { kind: "hint", text: `${isOne ? "This mask" : active.name} is out of date. Track again to renew it.` };
  }
  if (masks.get(active.id)?.box) {
    const how = isOne ? `Selected. ${click}` : `${active.name}: ${click.toLowerCase()}`;
    if (tool === "remove") return { kind: "ready", text: `${how} to remove.` };
    const other = isTouch ? "press and hold" : "right-click";
    return { kind: "ready", text: `${how} to add, ${other} to remove.` };
  }
  if (markOf(doc, active.id, frame)) return { kind: "hint", text: `Nothing was found there. ${click} elsewhere.` };
  return trackOf(shown.tracks, active.id, frame) ? { kind: "hint", text: `${active.name} is not in sight here. If it is, ${click.toLowerCase()} on it.` } : { kind: "hint", text: `Not tracked here yet. ${click} to mark ${active.name} on this frame too.` };
}

// stage/viewport.ts
var MOST_ZOOM = 16;
var MOST_SCALE = 8;
var EDGE = 12;
var Viewport = class {
  zoom = 1;
  left = 0;
  // of the picture's corner, in CSS pixels of the area
  top = 0;
  across = 1;
  // of the area
  down = 1;
  width = 1;
  // of the picture
  height = 1;
  // CSS pixels that a pixel of the picture is wide.
  get scale() {
    return this.fit * this.zoom;
  }
  get fit() {
    const across = Math.max(this.across - 2 * EDGE, 1) / this.width;
    const down = Math.max(this.down - 2 * EDGE, 1) / this.height;
    return Math.min(across, down);
  }
  // For another area or picture; what is in the middle stays there.
  resize(area, picture) {
    const middle = this.pictureAt({ x: this.across / 2, y: this.down / 2 });
    this.across = Math.max(area.width, 1);
    this.down = Math.max(area.height, 1);
    this.width = picture.width;
    this.height = picture.height;
    this.left = this.across / 2 - middle.x * this.scale;
    this.top = this.down / 2 - middle.y * this.scale;
    this.clamp();
  }
  // 1 shows the whole picture. What is at `about` (the middle by default) stays there.
  zoomTo(zoom, about = { x: this.across / 2, y: this.down / 2 }) {
    const most = Math.max(MOST_ZOOM, MOST_SCALE / this.fit);
    const fixed = this.pictureAt(about);
    this.zoom = Math.min(Math.max(zoom, 1), most);
    this.left = about.x - fixed.x * this.scale;
    this.top = about.y - fixed.y * this.scale;
    this.clamp();
  }
  move(x2, y) {
    this.left += x2;
    this.top += y;
    this.clamp();
  }
  // From the area to the picture, in its pixels, and back.
  pictureAt({ x: x2, y }) {
    return { x: (x2 - this.left) / this.scale, y: (y - this.top) / this.scale };
  }
  areaAt({ x: x2, y }) {
    return { x: this.left + x2 * this.scale, y: this.top + y * this.scale };
  }
  clamp() {
    this.left = clamped(this.left, this.across, this.width * this.scale);
    this.top = clamped(this.top, this.down, this.height * this.scale);
  }
};
function clamped(start, area, picture) {
  if (picture <= area - 2 * EDGE) return (area - picture) / 2;
  return Math.min(EDGE, Math.max(area - EDGE - picture, start));
}

// stage/stage.ts
var STILL = 5;
var LONG_PRESS_MS = 450;
var SMALLEST_BOX = 4;
var Stage = class {
  constructor(store, root, frames, stay, say) {
    this.store = store;
    this.frames = frames;
    this.stay = stay;
    this.say = say;
    this.question = new Question((hadFocus) => {
      this.band.hidden = true;
      if (hadFocus) this.focus();
    });
    this.marks = new Marks(store, this.viewport, () => this.focus());
    this.area = h(
      "div",
      {
        class: "stage-area",
        tabIndex: 0,
        role: "application",
        "aria-label": "Picture",
        "aria-describedby": "stage-keys",
        onpointerdown: (event) => this.press(event),
        onpointermove: (event) => this.drag(event),
        onpointerup: (event) => this.release(event),
        onpointercancel: (event) => this.drop(event),
        oncontextmenu: (event) => this.menu(event),
        onkeydown: (event) => this.key(event),
        onblur: () => this.setCross(null)
      },
      this.layer,
      this.band,
      this.marks.element,
      this.cross,
      this.question.spot,
      this.question.element
    );
    this.area.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    root.append(
      this.area,
      this.status,
      h("p", {
        id: "stage-keys",
        class: "hidden-text",
        textContent: "Enter shows a crosshair, which the arrow keys move. Enter then adds a point, Alt and Enter one that is not part of the object. Delete removes the selected point."
      })
    );
    addEventListener("keydown", (event) => this.space(event, true));
    addEventListener("keyup", (event) => this.space(event, false));
    addEventListener("blur", () => {
      this.onSpaceUp = null;
      this.holdSpace(false);
    });
    new ResizeObserver(() => this.resize()).observe(this.area);
    this.previews = new Previews(store, () => this.draw());
    store.subscribe((state, before) => this.render(state, before));
  }
  store;
  frames;
  stay;
  say;
  viewport = new Viewport();
  picture = h("canvas", { "aria-hidden": "true" });
  overlay = h("canvas", { "aria-hidden": "true" });
  layer = h("div", { class: "stage-layer" }, this.picture, this.overlay);
  cross = h("div", { class: "stage-cross", hidden: true });
  band = h("div", { class: "stage-box stage-band", hidden: true });
  status = h("p", { class: "stage-status", hidden: true });
  question;
  area;
  marks;
  previews;
  masks = /* @__PURE__ */ new Map();
  // tracked ones of the shown frame
  shownPicture = null;
  // what the canvas shows: project and frame
  failed = null;
  // why the shown frame is not here
  refusal = null;
  // why the last click did nothing
  image = null;
  // what is painted on the overlay
  loading = 0;
  // counts what was asked for
  isLoading = false;
  isDrawing = false;
  pointers = /* @__PURE__ */ new Map();
  grip = null;
  crossAt = null;
  // in pixels of the picture
  askedBox = null;
  // the last one that was drawn
  isSpaceDown = false;
  onSpaceUp = null;
  isTouch = matchMedia("(pointer: coarse)").matches;
  get zoom() {
    return this.viewport.zoom;
  }
  // Zooms about the middle; 1 shows the whole picture.
  setZoom(zoom, about) {
    this.viewport.zoomTo(zoom, about);
    this.place();
  }
  focus() {
    this.area.focus({ preventScroll: true });
  }
  // Does what Space is for: at once if there is nothing to pan, else when Space goes up without
  // having panned.
  afterSpace(act) {
    if (this.isSpaceDown && this.zoom > 1) this.onSpaceUp = act;
    else act();
  }
  // Removes the selected click or box; false if there is none.
  removeSelected() {
    return this.marks.removeSelected();
  }
  // What is shown.
  render(state, before) {
    const { doc, project } = state;
    if (project?.id !== before.project?.id) this.open();
    if (!doc || !project) return;
    const isMoved = state.frame !== before.frame || project.id !== before.project?.id;
    if (isMoved) this.setCross(null);
    if (isMoved || doc.objects !== before.doc?.objects || doc.active !== before.doc.active) this.question.close();
    if (isMoved || state.doc !== before.doc) this.refusal = null;
    if (isMoved || project.tracks !== before.project?.tracks || doc.objects !== before.doc?.objects) this.load();
    else this.draw();
  }
  open() {
    this.shownPicture = null;
    this.masks = /* @__PURE__ */ new Map();
    this.failed = null;
    for (const canvas of [this.picture, this.overlay]) {
      const video = this.store.state.project?.video;
      canvas.width = video?.width ?? 1;
      canvas.height = video?.height ?? 1;
    }
    this.viewport.zoom = 1;
    this.resize();
  }
  // Shows the frame of the state once it is here; what is on the stage stays until then.
  load() {
    const { opened } = this.store;
    if (!opened) return;
    const { frame, project } = opened;
    this.loading += 1;
    const loaded = this.frames.now(frame);
    if (loaded) {
      this.show(loaded);
      return;
    }
    const load = this.loading;
    const isCurrent = () => this.loading === load && this.store.state.project?.id === project.id;
    this.isLoading = true;
    this.area.setAttribute("aria-busy", "true");
    this.frames.load(frame).then(
      (found) => {
        if (isCurrent()) this.show(found);
      },
      (error) => {
        if (!isCurrent()) return;
        this.isLoading = false;
        this.failed = problemOf(error).sentence;
        this.draw();
      }
    );
  }
  show({ picture, masks }) {
    const { project, frame } = this.store.state;
    const key = `${project?.id}/${frame}`;
    if (this.shownPicture !== key)
      this.picture.getContext("2d")?.drawImage(picture, 0, 0, this.picture.width, this.picture.height);
    this.shownPicture = key;
    this.masks = masks;
    this.failed = null;
    this.isLoading = false;
    this.paint();
  }
  // Paints the overlay before the next picture of the screen.
  draw() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      if (this.isDrawing) this.paint();
    });
  }
  paint() {
    this.isDrawing = false;
    this.tell();
    const { opened } = this.store;
    const context = this.overlay.getContext("2d");
    if (!opened || !context || this.isLoading || this.shownPicture !== `${opened.project.id}/${opened.frame}`) return;
    const { doc, frame, project } = opened;
    const stale = (object) => isStale(doc, project.tracks, object, frame);
    const colours = (object) => rgbOf(colourOf(opened, object));
    const pieces = piecesOf(doc, this.masks, this.previews.shown, stale, colours);
    const { width, height } = this.overlay;
    if (this.image?.width !== width || this.image.height !== height) this.image = new ImageData(width, height);
    const { image } = this;
    compose(image.data, width, height, pieces, this.style(doc));
    context.putImageData(image, 0, 0);
    this.overlay.dataset.objects = String(pieces.filter(({ layer }) => layer.box).length);
  }
  // Lines and stripes that are as wide on the screen whatever the size of the picture is.
  style(doc) {
    const { line, cell } = linesAt(this.viewport.scale);
    return { ...doc.look, line, cell };
  }
  get masksShown() {
    return new Map([...this.masks, ...this.previews.shown]);
  }
  tell() {
    const { opened } = this.store;
    const isQuiet = !opened || opened.tracking !== null || opened.isPlaying;
    this.status.hidden = isQuiet;
    const isBusy = opened !== null && (this.shownPicture === null || this.previews.status.kind === "working");
    if (isBusy && !this.failed) this.area.setAttribute("aria-busy", "true");
    else this.area.removeAttribute("aria-busy");
    if (isQuiet) return;
    const { doc, frame, project } = opened;
    const previewed = this.previews.shown;
    const found = this.failed ? { kind: "failed", text: this.failed } : this.refusal ? { kind: "hint", text: this.refusal } : statusOf({
      doc,
      frame,
      tracks: project.tracks,
      masks: this.masksShown,
      isStale: (object) => !previewed.has(object) && isStale(doc, project.tracks, object, frame),
      preview: this.previews.status,
      tool: opened.tool,
      isTouch: this.isTouch
    });
    this.status.dataset.kind = found.kind;
    if (this.status.textContent === found.text) return;
    this.status.textContent = found.text;
    this.say(found.text);
  }
  // Where it is shown.
  resize() {
    const { clientWidth: width, clientHeight: height } = this.area;
    this.viewport.resize({ width, height }, this.picture);
    this.place();
  }
  place() {
    const { left, top, scale, zoom } = this.viewport;
    this.layer.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    this.layer.classList.toggle("stage-coarse", scale * devicePixelRatio > 3);
    this.area.classList.toggle("stage-zoomed", zoom > 1);
    this.marks.place();
    if (this.askedBox) putBox(this.band, this.askedBox, this.viewport);
    this.question.place((at2) => this.viewport.areaAt(at2), this.area.clientWidth, this.area.clientHeight);
    if (this.crossAt) {
      const { x: x2, y } = this.viewport.areaAt({ x: this.crossAt.x + 0.5, y: this.crossAt.y + 0.5 });
      this.cross.style.left = `${x2}px`;
      this.cross.style.top = `${y}px`;
    }
    this.draw();
  }
  inArea({ clientX, clientY }) {
    const box = this.area.getBoundingClientRect();
    return { x: clientX - box.left - this.area.clientLeft, y: clientY - box.top - this.area.clientTop };
  }
  // The pixel of the picture at a point of the window; null outside of the picture.
  pixelAt(event) {
    const at2 = this.viewport.pictureAt(this.inArea(event));
    const x2 = Math.floor(at2.x);
    const y = Math.floor(at2.y);
    return x2 >= 0 && y >= 0 && x2 < this.picture.width && y < this.picture.height ? { x: x2, y } : null;
  }
  // Pointers.
  press(event) {
    if (this.isTouch !== (event.pointerType === "touch")) {
      this.isTouch = !this.isTouch;
      this.tell();
    }
    if (!this.store.opened) return;
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size > 1) {
      this.endGrip();
      return;
    }
    this.stay();
    if (event.button > 1) return;
    const { tool } = this.store.state;
    this.question.close();
    const held = this.marks.handleAt(event);
    const isOnOwnDot = held?.isOnDot === true && this.isOfActive(held.handle);
    const doesPan = event.button === 1 || this.isSpaceDown;
    const does = doesPan ? "pan" : held ? "move" : tool === "box" || event.shiftKey ? "box" : "click";
    this.grip = {
      start: { x: event.clientX, y: event.clientY },
      does,
      isOnDot: held?.isOnDot ?? false,
      handle: does === "move" ? held?.handle ?? null : null,
      isDragged: false,
      longPress: 0
    };
    if (event.pointerType === "touch" && (does === "click" || does === "move" && !isOnOwnDot)) {
      this.grip.longPress = window.setTimeout(() => this.pressLong(event), LONG_PRESS_MS);
    }
    this.area.setPointerCapture(event.pointerId);
    this.area.classList.toggle("stage-panning", doesPan);
    if (doesPan || held) event.preventDefault();
    if (does === "move" && held && isOnOwnDot) this.take(held.handle);
    else if (!doesPan) this.focus();
  }
  pressLong(event) {
    const grip = this.grip;
    if (!grip || grip.isDragged) return;
    grip.isDragged = true;
    navigator.vibrate?.(15);
    const pixel = this.pixelAt(event);
    if (pixel) this.click(pixel, false, grip.isOnDot ? grip.handle : null);
  }
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) this.pinch(before, event);
    this.pointers.set(event.pointerId, event);
    const grip = this.grip;
    if (!grip || this.pointers.size > 1) return;
    const isFar = Math.hypot(event.clientX - grip.start.x, event.clientY - grip.start.y) > STILL;
    if (!grip.isDragged && !isFar) return;
    if (!grip.isDragged) {
      grip.isDragged = true;
      clearTimeout(grip.longPress);
      if (grip.does === "move" && grip.handle) {
        this.take(grip.handle);
        this.store.remember();
      }
      if (grip.does === "pan") this.onSpaceUp = null;
    }
    if (grip.does === "move" && grip.handle) {
      grip.handle = this.marks.move(grip.handle, this.viewport.pictureAt(this.inArea(event)));
    } else if (grip.does === "box") {
      this.band.hidden = false;
      putBox(this.band, this.boxOf(grip, event), this.viewport);
    } else {
      this.viewport.move(event.clientX - before.clientX, event.clientY - before.clientY);
      this.place();
    }
  }
  pinch(before, now) {
    const other = [...this.pointers.values()].find(({ pointerId }) => pointerId !== now.pointerId);
    if (!other) return;
    const span = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
    this.viewport.move((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
    const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 };
    this.setZoom(this.zoom * span(now) / Math.max(1, span(before)), this.inArea(middle));
  }
  release(event) {
    this.pointers.delete(event.pointerId);
    const grip = this.grip;
    this.endGrip();
    if (!grip) return;
    const box = this.boxOf(grip, event);
    if (grip.does === "box" && grip.isDragged) {
      const least = SMALLEST_BOX / this.viewport.scale;
      if (box[2] - box[0] >= Math.max(1, least) && box[3] - box[1] >= Math.max(1, least)) this.drawBox(box);
      return;
    }
    const dot = grip.isOnDot ? grip.handle : null;
    if (grip.isDragged || grip.does === "pan" || dot && this.isOfActive(dot) || event.ctrlKey) return;
    const pixel = this.pixelAt(event);
    if (pixel) this.click(pixel, !event.altKey && this.store.state.tool !== "remove", dot);
    else if (dot) this.take(dot);
  }
  drop(event) {
    this.pointers.delete(event.pointerId);
    this.endGrip();
  }
  endGrip() {
    if (this.grip) clearTimeout(this.grip.longPress);
    this.grip = null;
    this.band.hidden = true;
    this.area.classList.remove("stage-panning");
  }
  // In pixels of the picture, inside of it.
  boxOf({ start }, event) {
    const { width, height } = this.picture;
    const from = this.viewport.pictureAt(this.inArea({ clientX: start.x, clientY: start.y }));
    const to = this.viewport.pictureAt(this.inArea(event));
    const inside = (value, most) => Math.min(Math.max(Math.round(value), 0), most);
    return [
      inside(Math.min(from.x, to.x), width),
      inside(Math.min(from.y, to.y), height),
      inside(Math.max(from.x, to.x), width),
      inside(Math.max(from.y, to.y), height)
    ];
  }
  // A right click; a press of a finger has its own timer.
  menu(event) {
    event.preventDefault();
    const held = this.marks.handleAt(event);
    const dot = held?.isOnDot ? held.handle : null;
    if (this.isTouch || this.grip?.isDragged || dot && this.isOfActive(dot)) return;
    if (event.button !== 2 && !event.ctrlKey) return;
    this.endGrip();
    this.pointers.clear();
    const pixel = this.pixelAt(event);
    if (!pixel) return;
    this.focus();
    this.click(pixel, false, dot);
  }
  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.setZoom(this.zoom * Math.exp(-event.deltaY / 200), this.inArea(event));
    } else if (this.zoom > 1) {
      event.preventDefault();
      this.viewport.move(-event.deltaX, -event.deltaY);
      this.place();
    }
  }
  space(event, isDown) {
    if (event.code !== "Space" || event.repeat) return;
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea, select");
    this.holdSpace(isDown && !isTyping);
  }
  holdSpace(isDown) {
    this.isSpaceDown = isDown;
    this.area.classList.toggle("stage-grab", isDown && this.zoom > 1);
    const act = this.onSpaceUp;
    this.onSpaceUp = null;
    if (!isDown) act?.();
  }
  // What clicks and boxes do.
  scene() {
    const { opened } = this.store;
    if (!opened) return null;
    const { doc, frame, project } = opened;
    const hidden = new Set(doc.objects.filter((object) => object.hidden).map(({ id }) => id));
    return {
      doc,
      frame,
      tracks: project.tracks,
      width: project.video.width,
      height: project.video.height,
      masks: new Map([...this.masksShown].filter(([object]) => !hidden.has(object)))
    };
  }
  // `dot`: of a point or box of another object, if the click is on one.
  click(at2, foreground, dot = null) {
    const scene = this.scene();
    if (!scene) return;
    const add = (doc, maskOf) => addClick(doc, scene.frame, { ...at2, foreground }, maskOf);
    const target = targetOfClick(scene, at2, foreground, dot?.object ?? null);
    const middle = { x: at2.x + 0.5, y: at2.y + 0.5 };
    this.apply(target, middle, add, (object) => maskToRefine(scene, object));
    const { active } = scene.doc;
    if (target.kind !== "choose" || active === null) return;
    if (dot) this.take(dot);
    const text = `${foreground ? "Add to" : "Remove from"} ${this.nameOf(active)} instead`;
    const act = () => this.edit((doc) => add(chooseObject(doc, active), maskToRefine(scene, active)));
    this.question.ask(middle, [{ text, act }], false);
    this.place();
  }
  drawBox(box) {
    const scene = this.scene();
    if (!scene) return;
    const add = (doc, maskOf) => addBox(doc, scene.frame, box, maskOf);
    this.askedBox = box;
    this.apply(targetOfBox(scene, box), { x: box[2], y: (box[1] + box[3]) / 2 }, add, () => null);
    this.band.hidden = !this.question.isOpen;
  }
  apply(target, at2, add, maskOf) {
    if (target.kind === "refuse") {
      this.refusal = target.sentence;
      this.tell();
    } else if (target.kind === "choose") {
      this.store.adjust((doc) => chooseObject(doc, target.object), { selected: null });
      this.say(`${this.nameOf(target.object)} is selected.`);
    } else if (target.kind === "add") {
      this.edit((doc) => add(doc, target.maskOf));
    } else {
      const choices = [
        { text: "New object", act: () => this.edit((doc) => add(addObject(doc), null)) },
        ...target.objects.map((object) => ({
          text: `Add to ${this.nameOf(object)}`,
          act: () => this.edit((doc) => add(chooseObject(doc, object), maskOf(object)))
        }))
      ];
      this.question.ask(at2, choices, true);
      this.place();
      this.question.focus();
    }
  }
  // One step of undo; what it adds is selected, and seen.
  edit(change) {
    const { doc, frame } = this.store.state;
    if (!doc) return;
    const after = change(doc);
    const active = after.active;
    const mark = markOf(after, active, frame);
    const hasNewBox = mark?.box && mark.box !== markOf(doc, active, frame)?.box;
    const click = hasNewBox ? "box" : (mark?.clicks.length ?? 0) - 1;
    this.store.edit(() => hideObject(after, active, false), { selected: { object: active, click } });
  }
  take(handle) {
    this.marks.select(handle);
    this.marks.focus(handle);
  }
  isOfActive({ object }) {
    return object === this.store.state.doc?.active;
  }
  nameOf(object) {
    return this.store.state.doc?.objects.find(({ id }) => id === object)?.name ?? object;
  }
  // The keyboard on the picture; keys of the whole page are in timeline/keys.ts.
  key(event) {
    if (event.target !== this.area || event.ctrlKey || event.metaKey || !this.store.opened) return;
    const { width, height } = this.picture;
    const arrows = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1]
    };
    const arrow = arrows[event.key];
    if (this.crossAt && arrow) {
      const stride = event.shiftKey ? 1 : Math.max(1, Math.round(width / 64));
      this.setCross({
        x: Math.min(Math.max(this.crossAt.x + arrow[0] * stride, 0), width - 1),
        y: Math.min(Math.max(this.crossAt.y + arrow[1] * stride, 0), height - 1)
      });
    } else if (event.key === "Enter") {
      this.stay();
      const isBackground = event.altKey || this.store.state.tool === "remove";
      if (this.crossAt) this.click(this.crossAt, !isBackground);
      else this.setCross({ x: width >> 1, y: height >> 1 });
    } else if (event.key === "Escape" && this.crossAt) this.setCross(null);
    else if (event.key === "Escape" && this.store.state.selected) this.store.update({ selected: null });
    else if (event.key === "Delete" || event.key === "Backspace") {
      if (!this.removeSelected()) return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  setCross(at2) {
    if (!at2 && !this.crossAt) return;
    this.crossAt = at2;
    this.cross.hidden = !at2;
    if (at2) this.say(`Crosshair at ${at2.x}, ${at2.y}. Enter places a point.`);
    this.place();
  }
};
function linesAt(scale) {
  return {
    line: Math.min(Math.max(Math.round(1.6 / scale), 1), 8),
    cell: Math.min(Math.max(Math.round(8 / scale), 2), 64)
  };
}

// timeline/lanes.ts
var SCORE_STEPS = 8;
var NONE = -1;
function ownersOf(tracks, object, numFrames) {
  const owners = new Int32Array(numFrames).fill(NONE);
  tracks.forEach((track, index) => {
    if (!track.objects.includes(object)) return;
    for (const [first, last] of track.frames) owners.fill(index, first, last + 1);
  });
  return owners;
}
function plannedOf(tracks, object, numFrames) {
  const planned = new Int32Array(numFrames).fill(NONE);
  tracks.forEach((track, index) => {
    if (isMeantFor(track, object)) planned.fill(index, track.start_frame, track.end_frame + 1);
  });
  return planned;
}
function tracksInUse(tracks, objects, numFrames) {
  const used = /* @__PURE__ */ new Set();
  for (const object of objects) for (const owner of ownersOf(tracks, object, numFrames)) used.add(owner);
  return tracks.filter((track, index) => used.has(index) && !isActive(track));
}
function segmentsOf(tracks, lanes, object, numFrames, from) {
  const owners = ownersOf(tracks, object, numFrames);
  const planned = plannedOf(tracks, object, numFrames);
  const known = tracks.map(({ id }) => lanes.get(id));
  const segments = [];
  for (let frame = 0; frame < numFrames; frame += 1) {
    const owner = owners[frame];
    const lane = owner === NONE ? void 0 : known[owner];
    const found = lane?.objects[object]?.[frame - lane.start_frame];
    const presence = owner === NONE ? "untracked" : found === void 0 ? "tracked" : found === null ? "gone" : "seen";
    const score = typeof found === "number" ? Math.round(Math.min(Math.max(found, 0), 1) * SCORE_STEPS) / SCORE_STEPS : 1;
    const isStale2 = owner !== NONE && (from !== null && frame >= from || planned[frame] > owner);
    const before = segments.at(-1);
    if (before && before.presence === presence && before.score === score && before.isStale === isStale2) {
      segments[segments.length - 1] = { ...before, last: frame };
    } else {
      segments.push({ first: frame, last: frame, presence, score, isStale: isStale2 });
    }
  }
  return segments;
}
var markedFrames = (doc, object) => doc.marks.filter((mark) => mark.object === object).map(({ frame }) => frame).sort((a, b) => a - b);
function lanesOf(doc, tracks, lanes, numFrames) {
  return doc.objects.map(({ id }) => ({
    object: id,
    segments: segmentsOf(tracks, lanes, id, numFrames, staleFrom(doc, tracks, id)),
    marks: markedFrames(doc, id)
  }));
}
function nextMarked(doc, frame, direction) {
  const frames = doc.marks.map((mark) => mark.frame).filter((one) => (one - frame) * direction > 0);
  return frames.length ? Math.min(...frames.map((one) => one * direction)) * direction : null;
}
function laneText({ segments }) {
  if (segments.every(({ presence }) => presence === "untracked")) return "Not tracked yet.";
  const parts = [
    framesText("in sight", segments, ({ presence }) => presence === "seen"),
    framesText("gone", segments, ({ presence }) => presence === "gone"),
    framesText("tracked", segments, ({ presence }) => presence === "tracked"),
    framesText("not tracked yet", segments, ({ presence }) => presence === "untracked"),
    framesText("out of date", segments, ({ isStale: isStale2 }) => isStale2)
  ].filter((part) => part !== "");
  const text = parts.join("; ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
var MOST_SPOKEN = 4;
function framesText(what, segments, fits) {
  const ranges = [];
  for (const segment of segments) {
    if (!fits(segment)) continue;
    const before = ranges.at(-1);
    if (before && before[1] + 1 === segment.first) before[1] = segment.last;
    else ranges.push([segment.first, segment.last]);
  }
  if (!ranges.length) return "";
  const spoken = ranges.slice(0, MOST_SPOKEN).map(([first, last]) => first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`);
  const rest = ranges.length > MOST_SPOKEN ? " and later" : "";
  return `${what} on ${ranges.length === 1 && ranges[0][0] === ranges[0][1] ? "frame" : "frames"} ${spoken.join(", ")}${rest}`;
}
function markText(doc, object, frame) {
  const mark = markOf(doc, object, frame);
  const clicks = mark?.clicks.length ?? 0;
  const parts = [clicks ? `${clicks} click${clicks === 1 ? "" : "s"}` : "", mark?.box ? "a box" : ""];
  return parts.filter((part) => part !== "").join(" and ");
}
var isSameLane = (a, b) => a.length === b.length && a.every((one, index) => {
  const other = b[index];
  return one.first === other.first && one.last === other.last && one.presence === other.presence && one.score === other.score && one.isStale === other.isStale;
});

// timeline/playback.ts
var FASTEST = 8;
function advanced(frame, count, range, loops) {
  const next = frame + count;
  if (range.start <= next && next <= range.end) return next;
  if (next < range.start && count > 0) return range.start;
  if (next > range.end && count < 0) return range.end;
  if (!loops) return null;
  const length = range.end - range.start + 1;
  return range.start + ((next - range.start) % length + length) % length;
}
function firstPlayed(frame, speed, range) {
  if (speed > 0 && (frame < range.start || frame >= range.end)) return range.start;
  if (speed < 0 && (frame > range.end || frame <= range.start)) return range.end;
  return frame;
}
function shuttled(speed, direction) {
  return speed * direction > 0 ? direction * Math.min(Math.abs(speed) * 2, FASTEST) : direction;
}
var speedText = (speed) => `${speed < 0 ? "−" : ""}${Math.abs(speed)}×`;

// timeline/keys.ts
var ZOOM_STEP2 = 1.5;
var WITHOUT_SPACE = { button: "other", choice: "slider" };
var TYPED = "text search url email password number tel date time";
function listenForKeys(store, transport, stage) {
  let byPointer = false;
  addEventListener("pointerdown", () => byPointer = true, true);
  addEventListener("keydown", (event) => byPointer &&= event.key !== "Tab", true);
  let isTaken = false;
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
      isAltGraph: event.getModifierState("AltGraph")
    });
    if (!action || document.querySelector("dialog[open]")) return;
    const focus = focusOf(document.activeElement);
    if (!isFree(action, byPointer ? WITHOUT_SPACE[focus] ?? focus : focus)) return;
    if (action === "help") openHelp();
    else if (store.opened) perform(action, event.key, store, store.opened, transport, stage);
    else return;
    isTaken = event.key === " ";
    if (action !== "close") event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => document.hidden && transport.pause());
}
function focusOf(element) {
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
function perform(action, key, store, { doc, project, frame, isPlaying, speed, loop, selected }, transport, stage) {
  const count = project.video.num_frames;
  const current = isPlaying ? speed : 0;
  const active = doc.objects.find(({ id }) => id === doc.active);
  const goToMarked = (direction) => {
    const found = nextMarked(doc, transport.target, direction);
    if (found !== null) void transport.seek(found);
  };
  const deeds = {
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
    "zoom in": () => stage.setZoom(stage.zoom * ZOOM_STEP2),
    "zoom out": () => stage.setZoom(stage.zoom / ZOOM_STEP2),
    "zoom fit": () => stage.setZoom(1),
    help: openHelp,
    close: () => {
      if (selected) store.update({ selected: null });
    }
  };
  deeds[action]();
}

// timeline/time.ts
var USUAL_RATE = 30;
var rateOf = (video) => video.frame_rate ?? USUAL_RATE;
var countedRate = (rate) => {
  const whole = Math.round(rate);
  return whole > 0 && Math.abs(rate - whole) / whole < 2e-3 ? whole : rate;
};
var two = (value) => String(value).padStart(2, "0");
function timecode(frame, rate) {
  const counted = countedRate(rate);
  const seconds = Math.floor(frame / counted + 1e-9);
  const rest = frame - Math.ceil(seconds * counted - 1e-6);
  return `${clock(seconds, true)}:${two(rest)}`;
}
function clock(seconds, hasHours) {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hasHours) return `${two(hours)}:${two(minutes)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
var frameText = (frame, count, rate) => `Frame ${frame + 1} of ${count}, ${timecode(frame, rate)}`;
var SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
var FRAMES = [1, 2, 5, 10];
function ticksOf(count, rate, width, gap = 72) {
  const counted = countedRate(rate);
  const least = gap * count / Math.max(width, 1);
  const frames = least * 4 < counted ? FRAMES.find((step2) => step2 >= least) : void 0;
  const seconds = SECONDS.find((step2) => step2 * counted >= least) ?? Math.ceil(least / counted / 3600) * 3600;
  const step = frames ?? seconds * counted;
  const parts = frames ? frames : seconds % 5 === 0 && seconds <= 60 ? 5 : seconds === 2 ? 2 : 4;
  const ticks = [];
  for (let index = 0; ; index += 1) {
    const frame = Math.ceil(index * step / parts - 1e-6);
    if (frame >= count) return ticks;
    if (frame === ticks.at(-1)?.frame) continue;
    const isLabelled = index % parts === 0;
    const whole = frame / counted;
    const label2 = Math.abs(whole - Math.round(whole)) < 1 / counted / 2 ? clock(Math.round(whole), false) : `${frame + 1}f`;
    ticks.push({ frame, label: isLabelled ? label2 : "" });
  }
}

// timeline/bar.ts
function buildBar(store, transport, leave) {
  const last = () => (store.opened?.project.video.num_frames ?? 1) - 1;
  const button = (name, label2, keys, act, extra = "") => {
    const made = iconButton(name, label2, act);
    made.title = `${label2} (${keys})`;
    made.setAttribute("aria-keyshortcuts", keys);
    if (extra) made.classList.add(extra);
    return made;
  };
  const play = button("play", "Play", "Space", () => transport.toggle(), "tl-play");
  const loop = button("loop", "Loop", "Shift+L", () => store.update({ loop: !store.state.loop }), "tl-loop");
  const buttons = h(
    "div",
    { class: "tl-buttons", role: "group", "aria-label": "Playing" },
    button("toStart", "First frame", "Home", () => void transport.seek(0), "tl-wide"),
    button("left", "One frame back", "ArrowLeft", () => transport.step(-1)),
    play,
    button("right", "One frame on", "ArrowRight", () => transport.step(1)),
    button("toEnd", "Last frame", "End", () => void transport.seek(last()), "tl-wide"),
    loop
  );
  const number = h("input", {
    type: "text",
    inputMode: "numeric",
    class: "tl-number",
    autocomplete: "off",
    "aria-label": "Frame number",
    onfocus: () => number.select(),
    onblur: () => commit(),
    onkeydown: (event) => {
      if (event.key === "Escape") number.value = String(store.state.frame + 1);
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      leave();
    }
  });
  const commit = () => {
    const wanted = Number(number.value);
    const index = Number.isInteger(wanted) && number.value.trim() ? Math.min(Math.max(wanted - 1, 0), last()) : null;
    const { frame } = store.state;
    number.value = String((index ?? frame) + 1);
    if (index !== null && index !== frame) void transport.seek(index);
  };
  const total = h("span", { class: "tl-total" });
  const code = h("span", { class: "tl-code" });
  const speed = h("span", { class: "tl-speed" });
  const place = h("div", { class: "tl-place" }, number, total, h("span", { class: "tl-dot" }, "·"), code, speed);
  const edges = h("span", { class: "tl-edges" });
  const edit = (change) => () => store.adjust((doc) => change(doc, store.state.frame, last() + 1));
  const whole = button("close", "Take the whole video", "X", () => {
    setIn.focus();
    store.adjust((doc) => setRange(doc, 0, last(), last() + 1));
  });
  const setIn = button("setIn", "Begin the range here", "I", edit(setStart));
  const range = h(
    "div",
    { class: "tl-range", role: "group", "aria-label": "Range" },
    h("span", { class: "tl-edges-box" }, edges, whole),
    setIn,
    button("setOut", "End the range here", "O", edit(setEnd))
  );
  store.subscribe((state, before) => {
    const { opened } = store;
    if (!opened) return;
    const { doc, frame, isPlaying, project } = opened;
    const { video } = project;
    const isOther = project.id !== before.project?.id;
    if (isOther || frame !== before.frame) {
      if (document.activeElement !== number || isPlaying) number.value = String(frame + 1);
      code.textContent = timecode(frame, rateOf(video));
    }
    if (isOther) {
      total.textContent = `/ ${video.num_frames}`;
      number.style.width = `${Math.max(2, String(video.num_frames).length) + 1.6}ch`;
      code.title = `Hours, minutes, seconds and frames, of ${timecode(video.num_frames, rateOf(video))}`;
    }
    if (isOther || isPlaying !== before.isPlaying) {
      play.replaceChildren(icon(isPlaying ? "pause" : "play"));
      play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
      play.title = isPlaying ? "Pause (Space)" : "Play (Space)";
    }
    speed.textContent = isPlaying && state.speed !== 1 ? speedText(state.speed) : "";
    loop.setAttribute("aria-pressed", String(state.loop));
    const isWhole = doc.range.start === 0 && doc.range.end === video.num_frames - 1;
    edges.textContent = isWhole ? "Whole video" : `Frames ${doc.range.start + 1}–${doc.range.end + 1}`;
    whole.style.visibility = isWhole ? "hidden" : "";
  });
  return h("div", { class: "tl-bar" }, buttons, place, range);
}

// timeline/lane_view.ts
var LOWEST = 0.3;
var TRACKED = 0.4;
var STALE = 0.4;
var LaneView = class {
  // an active lane has another ground
  constructor(object, store, transport, choose) {
    this.object = object;
    this.transport = transport;
    this.name = h("button", { type: "button", class: "tl-name", onclick: choose }, h("i"), this.label, this.about);
    this.lane = h("div", { class: "tl-lane" }, this.canvas, this.marks);
    this.element = h("div", { class: "tl-row", role: "group" }, this.name, this.lane);
    this.marks.addEventListener("click", (event) => this.jump(event, store));
  }
  object;
  transport;
  element;
  name;
  label = h("span", { class: "tl-label" });
  about = h("span", { class: "hidden-text" });
  canvas = h("canvas", { class: "tl-canvas", "aria-hidden": "true" });
  lane;
  marks = h("div", { class: "tl-marks" });
  shownMarks = "";
  shown = null;
  wasActive = false;
  // Shows a lane; draws only if it has changed, or `isForced`.
  show(lane, state, isForced) {
    const object = state.doc.objects.find(({ id }) => id === this.object);
    const colour = colourOf(state, this.object);
    const isActive2 = state.doc.active === this.object;
    this.element.style.setProperty("--colour", colour);
    this.element.setAttribute("aria-label", object.name);
    this.element.classList.toggle("tl-active", isActive2);
    this.element.classList.toggle("tl-hidden", object.hidden);
    this.name.setAttribute("aria-pressed", String(isActive2));
    this.label.textContent = object.name;
    if (lane !== this.shown) this.showMarks(lane, state);
    const isNew = !this.shown || !isSameLane(lane.segments, this.shown.segments);
    this.shown = lane;
    if (isNew) {
      const text = laneText(lane);
      this.about.textContent = `. ${text}`;
      this.name.title = `${object.name}: ${text}`;
    }
    if (isNew || isForced || isActive2 !== this.wasActive) this.draw(colour, state.project.video.num_frames);
    this.wasActive = isActive2;
  }
  showMarks(lane, { doc, project: { video } }) {
    const key = JSON.stringify(lane.marks.map((frame2) => [frame2, markText(doc, this.object, frame2)]));
    if (key === this.shownMarks) return;
    this.shownMarks = key;
    const focused = this.marks.contains(document.activeElement) ? document.activeElement : null;
    const frame = focused instanceof HTMLElement ? Number(focused.dataset.frame) : null;
    const buttons = lane.marks.map((at2) => {
      const text = `${frameText(at2, video.num_frames, rateOf(video))}: ${markText(doc, this.object, at2)}`;
      const button = h("button", {
        type: "button",
        class: "tl-mark",
        "aria-label": text,
        title: text,
        "data-frame": at2
      });
      button.style.left = `${(at2 + 0.5) * 100 / video.num_frames}%`;
      return button;
    });
    this.marks.replaceChildren(...buttons);
    if (frame === null) return;
    (buttons.find((one) => Number(one.dataset.frame) === frame) ?? buttons[0] ?? this.name).focus();
  }
  // Marks near one another overlap: the nearest to the pointer counts.
  jump(event, store) {
    const button = event.target.closest(".tl-mark");
    const { opened } = store;
    if (!button || !opened || !this.shown) return;
    let frame = Number(button.dataset.frame);
    if (event.detail > 0) {
      const box = this.marks.getBoundingClientRect();
      const at2 = (event.clientX - box.left) / box.width * opened.project.video.num_frames - 0.5;
      frame = this.shown.marks.reduce((best, one) => Math.abs(one - at2) < Math.abs(best - at2) ? one : best, frame);
    }
    void this.transport.seek(frame);
  }
  draw(colour, numFrames) {
    const ratio = window.devicePixelRatio;
    const width = Math.round(this.lane.clientWidth * ratio);
    const height = Math.round(this.lane.clientHeight * ratio);
    if (!width || !height) return;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.lane);
    const x2 = (frame) => Math.round(frame * width / numFrames);
    const segments = this.shown.segments;
    const rectangles = (fits, top, bottom2) => {
      context.beginPath();
      for (const segment of segments) {
        if (!fits(segment)) continue;
        const left = x2(segment.first);
        const y = Math.round(top(segment));
        context.rect(left, y, Math.max(1, x2(segment.last + 1) - left), bottom2 - y);
      }
      context.fill();
    };
    const margin = 4 * ratio;
    const full = height - 2 * margin;
    const bottom = height - margin;
    context.fillStyle = style.backgroundColor;
    rectangles(
      ({ presence }) => presence !== "untracked",
      () => 0,
      height
    );
    context.fillStyle = colour;
    for (const isStale2 of [false, true]) {
      const fade = isStale2 ? STALE : 1;
      const is = (presence) => (one) => one.presence === presence && one.isStale === isStale2;
      context.globalAlpha = TRACKED * fade;
      rectangles(is("tracked"), () => margin, bottom);
      context.globalAlpha = fade;
      rectangles(is("seen"), ({ score }) => bottom - full * (LOWEST + (1 - LOWEST) * score), bottom);
      rectangles(is("gone"), () => bottom - ratio, bottom);
    }
    context.globalAlpha = 1;
    this.stripe(context, style.backgroundColor, ({ isStale: isStale2 }) => isStale2, x2, ratio);
    context.fillStyle = style.getPropertyValue("--warn");
    rectangles(
      ({ isStale: isStale2 }) => isStale2,
      () => 0,
      Math.round(2 * ratio)
    );
  }
  // Stripes over segments.
  stripe(context, colour, fits, x2, ratio) {
    const { width, height } = this.canvas;
    const striped = this.shown.segments.filter(fits);
    if (!striped.length) return;
    context.save();
    context.beginPath();
    for (const { first, last } of striped) context.rect(x2(first), 0, x2(last + 1) - x2(first), height);
    context.clip();
    context.beginPath();
    for (let left = -height; left < width; left += 7 * ratio) {
      context.moveTo(left, height);
      context.lineTo(left + height, 0);
    }
    context.strokeStyle = colour;
    context.lineWidth = 2 * ratio;
    context.stroke();
    context.restore();
  }
};

// timeline/strip.ts
var WIDTH = 90;
var WIDEST = 135;
var NARROWEST = 64;
var AT_ONCE2 = 3;
var Strip = class {
  element = h("div", { class: "tl-strip", "aria-hidden": "true" });
  video = null;
  count = 0;
  run = 0;
  // counts fills; an older one stops loading
  // Fills `width` CSS pixels with pictures of a video.
  show(video, width) {
    if (!width) return;
    const each = width / this.count;
    const fits = NARROWEST <= each && each <= WIDEST || this.count === video.num_frames;
    if (video.id === this.video?.id && fits && each >= NARROWEST) return;
    this.video = video;
    this.count = Math.min(Math.max(1, Math.round(width / WIDTH)), video.num_frames);
    void this.fill(video, this.count);
  }
  async fill(video, count) {
    this.run += 1;
    const run = this.run;
    const pictures = Array.from({ length: count }, () => h("img", { alt: "", draggable: false, decoding: "async" }));
    this.element.replaceChildren(...pictures);
    const waiting = pictures.entries();
    const loadOne = async () => {
      for (const [index, picture] of waiting) {
        if (run !== this.run) return;
        picture.src = thumbnailUrl(video, Math.floor((index + 0.5) * video.num_frames / count));
        await picture.decode().catch(() => picture.removeAttribute("src"));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE2 }, loadOne));
  }
};

// timeline/timeline.ts
var STILL2 = 4;
function buildTimeline(store, root, transport) {
  const timeline = new Timeline(store, root, transport);
  store.subscribe((_state, before) => timeline.render(before));
}
var Timeline = class {
  // it draws what has not changed, too
  constructor(store, root, transport) {
    this.store = store;
    this.root = root;
    this.transport = transport;
    const slider2 = (name, label2, moved) => h("div", {
      class: name,
      role: "slider",
      tabIndex: 0,
      "aria-label": label2,
      onkeydown: (event) => this.key(event, moved)
    });
    this.playhead = slider2("tl-playhead", "Playhead", (to) => void transport.seek(to));
    this.inHandle = slider2("tl-handle tl-in", "Beginning of the range", (to) => this.setEdge("start", to));
    this.outHandle = slider2("tl-handle tl-out", "End of the range", (to) => this.setEdge("end", to));
    this.track.append(this.before, this.behind, this.inHandle, this.outHandle, this.playhead);
    this.area = h(
      "div",
      { class: "tl-area" },
      h("div", { class: "tl-head" }, this.ruler, this.strip.element),
      this.lanesBox,
      this.track
    );
    root.append(
      buildBar(store, transport, () => this.playhead.focus()),
      this.area
    );
    this.area.addEventListener("pointerdown", (event) => this.press(event));
    this.dragEdge(this.inHandle, "start");
    this.dragEdge(this.outHandle, "end");
    new ResizeObserver(() => this.drawSoon(true)).observe(this.ruler);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawSoon(true));
  }
  store;
  root;
  transport;
  strip = new Strip();
  ruler = h("div", { class: "tl-ruler", "aria-hidden": "true" });
  rows = h("div", { class: "tl-rows" });
  empty = h("p", { class: "tl-empty" }, "Objects that you mark on the picture get a lane here.");
  lanesBox = h("div", { class: "tl-lanes" }, this.rows, this.empty);
  track = h("div", { class: "tl-track" });
  // spans all frames, over everything
  before = h("div", { class: "tl-shade" });
  // outside the range
  behind = h("div", { class: "tl-shade" });
  playhead;
  inHandle;
  outHandle;
  area;
  views = /* @__PURE__ */ new Map();
  known = /* @__PURE__ */ new Map();
  // by the id of their track
  asked = /* @__PURE__ */ new Set();
  // tracks whose lanes were asked for
  lanes = [];
  inputs = [];
  // that `lanes` was made from
  scrubbed = null;
  // the frame under the pointer, until it is shown
  pending = 0;
  // the next drawing
  isForced = true;
  render(before) {
    const { opened } = this.store;
    this.root.hidden = !opened || opened.project.video.num_frames === 1;
    if (!opened) return;
    const isOther = opened.project.id !== before.project?.id;
    if (isOther) {
      this.known.clear();
      this.asked.clear();
      this.scrubbed = null;
    }
    const { doc, project } = opened;
    this.place(opened);
    if (isOther || project.tracks !== before.project?.tracks || doc.objects !== before.doc?.objects) this.ask(opened);
    if (isOther || project.tracks !== before.project?.tracks || doc !== before.doc) this.drawSoon(isOther);
  }
  // The playhead and the range.
  place({ doc, frame, project: { video } }) {
    const { num_frames: count } = video;
    const rate = rateOf(video);
    const at2 = this.scrubbed ?? frame;
    this.playhead.style.left = `${(at2 + 0.5) * 100 / count}%`;
    const { start, end } = doc.range;
    this.before.style.width = this.inHandle.style.left = `${start * 100 / count}%`;
    this.behind.style.left = this.outHandle.style.left = `${(end + 1) * 100 / count}%`;
    for (const [handle, value, least, most] of [
      [this.playhead, at2, 0, count - 1],
      [this.inHandle, start, 0, end],
      [this.outHandle, end, start, count - 1]
    ]) {
      handle.setAttribute("aria-valuemin", String(least + 1));
      handle.setAttribute("aria-valuemax", String(most + 1));
      handle.setAttribute("aria-valuenow", String(value + 1));
      handle.setAttribute("aria-valuetext", frameText(value, count, rate));
    }
  }
  ask({ doc, project }) {
    const objects = doc.objects.map(({ id }) => id);
    for (const track of tracksInUse(project.tracks, objects, project.video.num_frames)) {
      if (this.asked.has(track.id)) continue;
      this.asked.add(track.id);
      const isOld = () => this.store.state.project?.id !== project.id;
      getLanes(track).then((lanes) => {
        if (isOld()) return;
        this.known.set(track.id, lanes);
        this.drawSoon(false);
      }).catch((error) => {
        if (!isOld()) this.store.update({ problem: problemOf(error) });
      });
    }
  }
  drawSoon(isForced) {
    this.isForced ||= isForced;
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      const { opened } = this.store;
      if (!opened || this.root.hidden) return;
      if (this.isForced) this.drawRuler(opened);
      this.drawLanes(opened, this.isForced);
      this.isForced = false;
    });
  }
  drawRuler({ project: { video } }) {
    const { num_frames: count } = video;
    const width = this.ruler.clientWidth;
    this.strip.show(video, width);
    const ticks = ticksOf(count, rateOf(video), width).map(({ frame, label: label2 }) => {
      const tick = h("span", { class: label2 ? "tl-tick tl-labelled" : "tl-tick" }, label2);
      tick.style.left = `${frame * 100 / count}%`;
      return tick;
    });
    this.ruler.replaceChildren(...ticks);
  }
  drawLanes(opened, isForced) {
    const { doc, project } = opened;
    const inputs = [project.tracks, doc.marks, doc.objects, this.known.size];
    if (inputs.some((input, index) => input !== this.inputs[index])) {
      this.inputs = inputs;
      this.lanes = lanesOf(doc, project.tracks, this.known, project.video.num_frames);
    }
    const ids = this.lanes.map(({ object }) => object);
    for (const [id, view] of this.views) {
      if (ids.includes(id)) continue;
      if (view.element.contains(document.activeElement)) this.playhead.focus();
      view.element.remove();
      this.views.delete(id);
    }
    this.empty.hidden = this.lanes.length > 0;
    const order = [...this.rows.children];
    this.lanes.forEach((lane, index) => {
      let view = this.views.get(lane.object);
      const isNew = !view;
      if (!view) {
        const choose = () => this.store.adjust((one) => chooseObject(one, lane.object));
        view = new LaneView(lane.object, this.store, this.transport, choose);
        this.views.set(lane.object, view);
      }
      if (order[index] !== view.element) this.rows.insertBefore(view.element, this.rows.children[index] ?? null);
      view.show(lane, opened, isForced || isNew);
      if (isNew && lane.object === doc.active) view.element.scrollIntoView({ block: "nearest" });
    });
  }
  frameAt(clientX) {
    const box = this.track.getBoundingClientRect();
    const count = this.store.opened?.project.video.num_frames ?? 1;
    return Math.min(Math.max(Math.floor((clientX - box.left) / box.width * count), 0), count - 1);
  }
  // Dragging anywhere goes through the frames; a click on a mark stays a click.
  press(event) {
    const target = event.target;
    if (event.button !== 0 || target.closest(".tl-name, .tl-handle, .tl-empty")) return;
    const onMark = target.closest(".tl-mark") !== null;
    const isTouch = event.pointerType === "touch";
    const area = this.area;
    let isDragged = false;
    let going = null;
    const drag = () => {
      isDragged = true;
      area.setPointerCapture(event.pointerId);
      area.classList.add("tl-scrubbing");
    };
    const go2 = (clientX) => {
      this.scrubbed = this.frameAt(clientX);
      const { opened } = this.store;
      if (opened) this.place(opened);
      going = this.transport.seek(this.scrubbed);
    };
    const move = (moved) => {
      if (moved.pointerId !== event.pointerId) return;
      if (!isDragged && Math.abs(moved.clientX - event.clientX) > STILL2) drag();
      if (isDragged) go2(moved.clientX);
    };
    const end = (ended) => {
      if (ended.pointerId !== event.pointerId) return;
      area.removeEventListener("pointermove", move);
      area.removeEventListener("pointerup", end);
      area.removeEventListener("pointercancel", end);
      area.classList.remove("tl-scrubbing");
      if (ended.type === "pointerup" && !isDragged && !onMark) go2(ended.clientX);
      void going?.then(() => this.settle());
    };
    area.addEventListener("pointermove", move);
    area.addEventListener("pointerup", end);
    area.addEventListener("pointercancel", end);
    if (onMark || isTouch) return;
    drag();
    go2(event.clientX);
  }
  // What was scrubbed to is shown.
  settle() {
    this.scrubbed = null;
    if (this.store.opened) this.place(this.store.opened);
  }
  dragEdge(handle, edge) {
    const side = edge === "start" ? 0 : 1;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      const rect = this.track.getBoundingClientRect();
      const { opened } = this.store;
      if (!opened) return;
      const { num_frames: count } = opened.project.video;
      const grip = event.clientX - (rect.left + (opened.doc.range[edge] + side) / count * rect.width);
      const move = ({ clientX }) => {
        const { left, width } = this.track.getBoundingClientRect();
        this.setEdge(edge, Math.round((clientX - grip - left) / width * count) - side);
      };
      const end = () => handle.removeEventListener("pointermove", move);
      handle.addEventListener("pointermove", move);
      handle.addEventListener("pointerup", end, { once: true });
      handle.addEventListener("pointercancel", end, { once: true });
    });
  }
  // Moves one end of the range, no further than the other.
  setEdge(edge, to) {
    const { opened } = this.store;
    if (!opened) return;
    const { start, end } = opened.doc.range;
    const { num_frames: count } = opened.project.video;
    const range = edge === "start" ? [Math.min(to, end), end] : [start, Math.max(to, start)];
    this.store.adjust((doc) => setRange(doc, range[0], range[1], count));
  }
  key(event, moved) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const handle = event.currentTarget;
    const count = this.store.opened?.project.video.num_frames ?? 1;
    const isPlayhead = handle === this.playhead;
    const now = isPlayhead ? this.transport.target : Number(handle.getAttribute("aria-valuenow")) - 1;
    const step = event.shiftKey ? 10 : 1;
    const steps = {
      ArrowLeft: now - step,
      ArrowDown: now - step,
      ArrowRight: now + step,
      ArrowUp: now + step,
      PageDown: now - 10,
      PageUp: now + 10,
      Home: 0,
      End: count - 1
    };
    const to = steps[event.key];
    if (to === void 0) return;
    event.preventDefault();
    moved(Math.min(Math.max(to, 0), count - 1));
  }
};

// timeline/transport.ts
var MOST_AHEAD_MS = 2e3;
var CLOCK = {
  now: () => performance.now(),
  tick: () => new Promise((resolve) => requestAnimationFrame(resolve))
};
var Transport = class {
  // what this has shown
  constructor(store, frames, clock2 = CLOCK) {
    this.store = store;
    this.frames = frames;
    this.clock = clock2;
  }
  store;
  frames;
  clock;
  wanted = null;
  // the frame that is being loaded, or is next
  loading = null;
  run = 0;
  // counts calls of `play`; an older loop ends
  latency = 0;
  // milliseconds that a frame takes to load
  problem = null;
  // The frame that is being loaded, or else the shown one.
  get target() {
    return this.wanted ?? this.store.state.frame;
  }
  // Shows a frame once it is loaded; if several are asked for meanwhile, then the last one.
  // Resolves when none is left to be loaded.
  goTo(index) {
    const { opened } = this.store;
    if (!opened) return Promise.resolve();
    this.pause();
    this.wanted = Math.min(Math.max(index, 0), opened.project.video.num_frames - 1);
    this.loading ??= this.loadWanted().finally(() => {
      this.loading = this.wanted = null;
    });
    return this.loading;
  }
  // Goes to a frame by hand: the shown frame follows the tracking no longer.
  seek(index) {
    this.leaveTracking();
    return this.goTo(index);
  }
  // Keeps the shown frame: ends playing and following, and drops the frame that is being loaded.
  stay() {
    this.pause();
    this.leaveTracking();
    this.wanted = null;
  }
  step(count) {
    void this.seek(this.target + count);
  }
  // Plays the range at a multiple of the video's speed (negative: backward), in the video's time:
  // frames that are not loaded in time are skipped. Stops at the end of the range, unless it loops.
  play(speed) {
    const { opened } = this.store;
    if (!opened || opened.project.video.num_frames < 2) return;
    this.leaveTracking();
    this.run += 1;
    this.store.update({ isPlaying: true, speed, selected: null });
    void this.playOn(this.run);
  }
  pause() {
    if (this.store.state.isPlaying) this.store.update({ isPlaying: false });
  }
  toggle() {
    if (this.store.state.isPlaying) this.pause();
    else this.play(1);
  }
  async loadWanted() {
    for (let next = this.wanted; next !== null; next = this.wanted) {
      const project = this.store.state.project?.id;
      const isOld = () => this.store.state.project?.id !== project;
      try {
        await this.frames.load(next);
      } catch (error) {
        if (isOld() || next !== this.wanted) continue;
        this.fail(error);
        return;
      }
      if (isOld()) {
        if (!this.store.opened) return;
        continue;
      }
      if (this.wanted === null) return;
      this.show(next);
      if (next === this.wanted) return;
    }
  }
  async playOn(run) {
    const goesOn = () => run === this.run && this.store.state.isPlaying;
    await this.loading;
    if (!goesOn()) return;
    const { speed, doc } = this.store.state;
    let frame = firstPlayed(this.store.state.frame, speed, doc.range);
    let isFirst = frame !== this.store.state.frame;
    let due = this.clock.now();
    while (goesOn()) {
      const { project, doc: doc2, loop } = this.store.opened;
      const period = 1e3 / rateOf(project.video) / Math.abs(speed);
      const direction = Math.sign(speed);
      const ahead = Math.min(this.latency, MOST_AHEAD_MS);
      const count = isFirst ? 0 : Math.max(1, Math.ceil((this.clock.now() + ahead - due) / period));
      const next = isFirst ? frame : advanced(frame, count * direction, doc2.range, loop);
      const shown = next ?? (direction > 0 ? doc2.range.end : doc2.range.start);
      const after = advanced(shown, Math.max(1, count) * direction, doc2.range, loop);
      try {
        const loaded = this.load(shown);
        if (after !== null) this.frames.prefetch(after, Math.max(1, count) * direction);
        await loaded;
      } catch (error) {
        if (goesOn()) this.fail(error);
        return;
      }
      due = isFirst ? this.clock.now() : due + count * period;
      isFirst = false;
      while (goesOn() && this.clock.now() < due) await this.clock.tick();
      if (!goesOn()) return;
      this.show(shown);
      if (next === null) this.pause();
      frame = shown;
      await this.clock.tick();
    }
  }
  async load(index) {
    const from = this.clock.now();
    await this.frames.load(index);
    const took = this.clock.now() - from;
    this.latency = Math.max(took, this.latency * 0.8);
  }
  show(frame) {
    const { state } = this.store;
    const patch = state.problem && state.problem === this.problem ? { problem: null } : {};
    this.problem = null;
    this.store.update({ frame, selected: frame === state.frame ? state.selected : null, ...patch });
  }
  fail(error) {
    this.problem = problemOf(error);
    this.store.update({ isPlaying: false, problem: this.problem });
  }
  leaveTracking() {
    if (this.store.state.follow) this.store.update({ follow: false });
  }
};

// main.ts
async function main() {
  const [start, schema] = await connect();
  const store = new Store(start, fieldsOf(schema));
  const say = (text) => byId("spoken").textContent = text;
  const frames = new Frames(store);
  const transport = new Transport(store, frames);
  const stage = new Stage(store, byId("stage"), frames, () => transport.stay(), say);
  const tracker = new Tracker(store, frames, transport);
  buildTimeline(store, byId("timeline"), transport);
  const saver = new Saver(store);
  buildPanel(store, byId("panel"), tracker, stage, transport, saver);
  buildTopBar(store, byId("project-bar"), byId("top-actions"));
  listenForKeys(store, transport, stage);
  buildNotice(store, byId("notice"));
  store.subscribe((state, before) => {
    document.body.dataset.view = state.project ? "editor" : "start";
    byId("editor").hidden = !state.project;
    byId("start").hidden = state.project !== null;
    if (state.project && state.project.id !== before.project?.id) {
      const { width, height } = state.project.video;
      byId("editor").style.setProperty("--ratio", `${width / height}`);
      void transport.goTo(state.frame);
    }
  });
  await buildStart(store, byId("start"));
}
async function connect() {
  const place = byId("loading");
  for (; ; ) {
    try {
      return await Promise.all([getStart(), getSchema()]);
    } catch (error) {
      place.textContent = problemOf(error).sentence;
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
  }
}
void main().catch((error) => {
  byId("notice").hidden = false;
  byId("notice").textContent = `The page failed: ${problemOf(error).sentence}`;
});
