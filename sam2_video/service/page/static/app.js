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
  const answer = await call(path, {
    method,
    ...body === void 0 ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
    signal: signal ?? null,
    keepalive: method === "PUT" && JSON.stringify(body).length < MOST_KEPT_ALIVE
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
  play: "M8 5.500v13l10.500-6.500z",
  pause: "M8 5.500v13M16 5.500v13",
  check: "m5 12.500 4.500 4.500L19 7.500",
  help: "M9.200 9.300a2.900 2.900 0 1 1 4.500 2.400c-1.100.800-1.700 1.300-1.700 2.600M12 17.500v.100",
  video: "M4 6h11v12H4zM15 10.500l5-3v9l-5-3"
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
function iconButton(name, label, onclick) {
  return h("button", { type: "button", class: "icon-button", title: label, "aria-label": label, onclick }, icon(name));
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

// panels/controls.ts
var counter = 0;
var newId = (name) => `${name}-${++counter}`;
function numberBox({ label, min, max, change }) {
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
    onkeydown: (event) => {
      if (event.key === "Enter") element.dispatchEvent(new Event("change"));
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      current = Math.min(Math.max(current + (event.key === "ArrowUp" ? 1 : -1), min), max);
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
  const { label, min, max, unit = "", hint, step = 1, change } = options;
  const id = newId("slider");
  const fill = (value) => range.style.setProperty("--part", `${(value - min) / (max - min) * 100}%`);
  const range = h("input", {
    type: "range",
    class: "slider",
    id,
    min: String(min),
    max: String(max),
    step: String(step),
    ...hint ? { "aria-describedby": `${id}-hint` } : {},
    oninput: () => change(Number(range.value))
  });
  const box = numberBox({ ...options, label: `${label}, number` });
  const element = h(
    "div",
    { class: "field" },
    h(
      "div",
      { class: "field-head" },
      h("label", { for: id, class: "field-label" }, label),
      h("span", { class: "field-value" }, box.element, unit && h("span", { class: "muted" }, unit))
    ),
    range,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null
  );
  const show2 = (value) => {
    range.value = String(value);
    fill(value);
    box.show(value);
  };
  return { element, show: show2 };
}
function toggle(label, hint, change) {
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
    h("label", { for: id, class: "field-label" }, label),
    input,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null
  );
  return { element, show: (on) => input.checked = on };
}
function choice(name, options, change) {
  const group = newId("choice");
  const inputs = options.map(
    ({ value, title }) => h("input", { type: "radio", name: group, value, ...title ? { title } : {}, onchange: () => change(value) })
  );
  const labels = options.map(
    ({ label, picture, title }, index) => h(
      "label",
      { class: `segment${picture ? " with-picture" : ""}`, ...title ? { title } : {} },
      inputs[index],
      h("span", {}, picture ?? null, label)
    )
  );
  const element = h("div", { class: "segments", role: "radiogroup", "aria-label": name }, ...labels);
  return {
    element,
    show: (value) => {
      for (const input of inputs) input.checked = input.value === value;
    },
    offer: (values) => {
      for (const [index, label] of labels.entries()) label.hidden = !values.includes(options[index].value);
    }
  };
}
function field(label, control, hint = null) {
  return h("div", { class: "field" }, h("p", { class: "field-label" }, label), control, hint);
}
function progress(label) {
  const element = h("progress", { max: 1, "aria-label": label });
  const show2 = (part) => {
    if (part === null) element.removeAttribute("value");
    else element.value = part;
  };
  return { element, show: show2 };
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
function inputsOf(look, video, range) {
  const makesVideo = isVideo(look.form);
  const sourceRate = Math.min(Math.max(Math.round(video.frame_rate ?? 30), 1), 60);
  return {
    mask_type: MASK_TYPES[look.view],
    annotation_type: look.marking,
    output_video: makesVideo,
    video_format: makesVideo ? look.form : "mp4",
    video_fps: look.fps ?? sourceRate,
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
  const title = name.replaceAll("_", " ").replace(/\bids\b/, "IDs").replace(/\bfps\b/, "FPS");
  return {
    name,
    title: title.charAt(0).toUpperCase() + title.slice(1),
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
function valueFrom(field2, given) {
  if (field2.kind === "boolean") {
    return given === true || given === "true" ? true : given === false || given === "false" ? false : void 0;
  }
  if (field2.kind === "integer" || field2.kind === "number") {
    const number = typeof given === "number" ? given : typeof given === "string" && given.trim() ? Number(given) : NaN;
    return Number.isFinite(number) ? number : void 0;
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
    click_coordinates: clicks.map(({ x, y }) => `[${rounded(x)},${rounded(y)}]`).join(","),
    click_labels: clicks.map(({ foreground }) => foreground ? 1 : 0).join(",") || "1",
    click_frames: clicks.map(({ frame }) => frame).join(",") || "0",
    click_object_ids: clicks.map(({ object }) => nameOf(object)).join(","),
    box_coordinates: boxes.map(({ box }) => `[${box.map(rounded).join(",")}]`).join(","),
    box_frames: boxes.map(({ frame }) => frame).join(",") || "0",
    box_object_ids: boxes.map(({ object }) => nameOf(object)).join(","),
    ...inputsOf(doc.look, video, doc.range)
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
  const plain = (text) => text.toLowerCase().replace(/[^a-z]/g, "");
  const like = fields.find(
    (field2) => plain(field2.name).includes(plain(name)) || plain(name).includes(plain(field2.name))
  );
  return like && plain(name) ? ` Did you mean "${like.name}"?` : "";
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
  const isNumber = kind === "integer" || kind === "number";
  const value = isNumber && typeof given !== "number" ? void 0 : valueFrom(field2, given);
  const hasKind = kind === "boolean" ? typeof given === "boolean" : kind !== "integer" || Number.isInteger(given);
  if (value === void 0 || !hasKind) throw new InputError(`${name} has to be ${KINDS[kind]}.`);
  if (kind === "choice" && !choices.includes(String(value))) {
    throw new InputError(`${name} has to be one of ${choices.join(", ")}.`);
  }
  const number = Number(value);
  if (isNumber && (minimum !== null && number < minimum || maximum !== null && number > maximum)) {
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
  const isInside = (x, y) => x >= 0 && x <= video.width && y >= 0 && y <= video.height;
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
  points.forEach(([x, y], k) => {
    if (!isInside(x, y)) throw new InputError(`Point ${k + 1} of click_coordinates is outside the ${size} picture.`);
    const click = { x, y, foreground: labels[k % labels.length] === "1" };
    const frame = Number(frames[k % frames.length]);
    change(idOf(clickNames[k]), frame, (mark) => ({ ...mark, clicks: [...mark.clicks, click] }));
  });
  const boxNames = namesOf("box_object_ids", String(inputs.box_object_ids), boxes.length, (k) => `object_${k + 1}`);
  boxes.forEach((box, k) => {
    const [x1, y1, x2, y2] = box;
    if (!isInside(x1, y1) || !isInside(x2, y2)) {
      throw new InputError(`Box ${k + 1} of box_coordinates is outside the ${size} picture.`);
    }
    if (x1 >= x2 || y1 >= y2) throw new InputError(`Box ${k + 1} of box_coordinates has to be [left,top,right,bottom].`);
    const frame = Number(boxFrames[k % boxFrames.length]);
    change(idOf(boxNames[k]), frame, (mark) => ({ ...mark, box: [x1, y1, x2, y2] }));
  });
  const kept = hidden.filter(({ id }) => !objects.some((one) => one.id === id));
  const order = doc.objects.map(({ id }) => id);
  const place = ({ id }) => order.includes(id) ? order.indexOf(id) : order.length;
  const unmarked = doc.objects.filter(
    ({ id, hidden: isHidden }) => !isHidden && !doc.marks.some(({ object }) => object === id)
  );
  const empty = unmarked.filter(({ id }) => !objects.some((one) => one.id === id));
  const all = [...objects, ...kept, ...empty].sort((a, b) => place(a) - place(b));
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
  const plain = text.trim().replace(/,$/, "");
  if (!plain) return [];
  let found;
  try {
    found = JSON.parse(plain.startsWith("[[") ? plain : `[${plain}]`);
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
    hasFolders(asked) ? '    name = "_".join(url.split("/")[-2:])' : '    name = url.split("/")[-1]',
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
    if (!opened || json.value === jsonOf(opened)) return say("");
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
      doc.marks.some(({ mask_of }) => mask_of) ? "Corrections go on from tracked masks here; a program gives all points at once, so its masks may differ a little." : ""
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
        `${description}${choices.length ? ` One of ${choices.join(", ")}.` : ""} `,
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

// state/document.ts
function emptyDoc(video) {
  return {
    objects: [],
    active: null,
    marks: [],
    range: { start: 0, end: video.num_frames - 1 },
    look: LOOK,
    frame: 0
  };
}
function docOf(saved, video) {
  const empty = emptyDoc(video);
  const doc = saved;
  if (!doc || !Array.isArray(doc.objects) || !Array.isArray(doc.marks)) return empty;
  return { ...empty, ...doc, look: { ...LOOK, ...doc.look } };
}
function exampleDoc(clicks, video) {
  let doc = emptyDoc(video);
  for (const { object, name, frame, x, y, foreground } of clicks) {
    if (!doc.objects.some(({ id }) => id === object)) {
      doc = { ...doc, objects: [...doc.objects, { id: object, name, hidden: false }] };
    }
    doc = addClick({ ...doc, active: object }, frame, { x, y, foreground }, null);
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
    points: clicks.map(({ x, y }) => [x, y]),
    labels: clicks.map(({ foreground }) => foreground ? 1 : 0),
    box,
    mask_of
  };
}

// state/tracked.ts
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
function staleFrom(doc, tracks, object) {
  const own = tracks.filter(({ objects }) => objects.includes(object));
  const frames = new Set(own.flatMap(({ prompts }) => prompts.filter((p) => p.object === object).map((p) => p.frame)));
  for (const mark of doc.marks) if (mark.object === object) frames.add(mark.frame);
  const changed = [...frames].filter((frame) => {
    const track = own.findLast(({ start_frame, end_frame }) => start_frame <= frame && frame <= end_frame);
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
function planAll(doc) {
  const { start, end } = doc.range;
  const prompts = doc.marks.filter(({ frame }) => start <= frame && frame <= end).map(promptOf);
  const objects = doc.objects.map(({ id }) => id).filter((id) => prompts.some(({ object }) => object === id));
  return objects.length ? { objects, prompts, start, end } : null;
}
function planFrom(doc, tracks, frame, isInSight) {
  const end = Math.max(doc.range.end, frame);
  const ids = doc.objects.map(({ id }) => id);
  const isChanged = (id) => staleFrom(doc, tracks, id) !== null || !trackOf(tracks, id, frame);
  const changed = ids.filter(isChanged);
  const prompts = (changed.length ? changed : ids).flatMap((object) => {
    const marked = doc.marks.filter((mark) => mark.object === object && frame <= mark.frame && mark.frame <= end);
    const found = marked.map(promptOf);
    const track = trackOf(tracks, object, frame);
    if (track && isInSight(object) && !marked.some((mark) => mark.frame === frame)) {
      found.unshift({ object, frame, points: [], labels: [], box: null, mask_of: track.id });
    }
    return found;
  });
  const objects = ids.filter((id) => prompts.some(({ object }) => object === id));
  return objects.length ? { objects, prompts, start: frame, end } : null;
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
    min: 0,
    max: 100,
    unit: "%",
    change: (value) => changeLook(store, { opacity: value / 100 })
  });
  const outline = toggle("Outline", "", (on) => changeLook(store, { outline: on }));
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
  root.append(
    tool.element,
    h("div", { class: "tools-group" }, undo, redo),
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
  const nothing = { from: null, isTracked, isComplete: false };
  if (!marked.length) {
    const why = doc.objects.length ? "Click in the picture on what you want." : "Click on what you want to cut out.";
    return { ...nothing, sentence: why, why };
  }
  const unusable = marked.find(({ id }) => !isMarked(doc, id));
  if (unusable) {
    const why = `Click on ${unusable.name} itself: so far it is only marked where it is not.`;
    return { ...nothing, sentence: why, why };
  }
  const { start, end } = doc.range;
  if (!doc.marks.some((mark) => start <= mark.frame && mark.frame <= end)) {
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
    return { sentence: sentence2, from: first.from, isTracked, isComplete: false, why: null };
  }
  if (missing.length) {
    const only = stopped || `${rangesText(missing)} ${missing.length === 1 && missing[0][0] === missing[0][1] ? "is" : "are"} not tracked yet.`;
    return { sentence: only.trim(), from: resumeFrom(doc, tracks), isTracked, isComplete: false, why: null };
  }
  const sentence = isPicture ? "Cut out." : "All frames are tracked.";
  return { sentence, from: frame, isTracked, isComplete: true, why: null };
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
function buildExport(store, list) {
  const form = choice("Format", FORMS, (value) => changeLook(store, { form: value }));
  const use = h("p", { class: "hint", role: "status" });
  const speed = choice(
    "Speed",
    [
      { value: "source", label: "As the video" },
      { value: "fps", label: "Frames a second" }
    ],
    (value) => changeLook(store, { fps: value === "source" ? null : sourceRate() })
  );
  const fps = numberBox({ label: "Frames a second", min: 1, max: 60, change: (value) => changeLook(store, { fps: value }) });
  const speedField = field("Speed", h("div", { class: "field-row" }, speed.element, fps.element));
  const sound = toggle("Sound", "", (on) => changeLook(store, { sound: on }));
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
  const separate = toggle("Each object apart", "A file or folder for each.", (on) => changeLook(store, { separate: on }));
  const masks = toggle("masks.json", "The masks as COCO, for programs.", (on) => changeLook(store, { masks: on }));
  const what = h("p", { class: "export-what", id: "export-what", role: "status" });
  const start = h(
    "button",
    { type: "button", class: "primary export-start", id: "export", "aria-describedby": "export-what" },
    icon("download"),
    "Export"
  );
  let isStarting = false;
  const sourceRate = () => Math.min(Math.max(Math.round(store.opened?.project.video.frame_rate ?? 30), 1), 60);
  start.onclick = async () => {
    const { opened } = store;
    if (!opened || isStarting || exportProblem(opened)) return;
    isStarting = true;
    store.update({ problem: null });
    try {
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
    fps.show(look.fps ?? sourceRate());
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
var isActive = ({ status }) => status === "waiting" || status === "running";
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
    try {
      this.set(await cancelExport(one.id));
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
      h("a", { class: "button", href: url, download: only?.name ?? "", "aria-label": `Download ${title}` }, icon("download"), only ? "Download" : "Download all"),
      "act"
    ) : null;
    const isShown = files.some(({ media_type, name }) => /^image\//.test(media_type) || /\.(mp4|webm)$/.test(name));
    const look = isShown ? keyed(iconButton("play", `Look at ${title}`, () => showPreview(one)), "look") : null;
    const some = files.length > 1 && files.length <= MOST_FILES;
    const links = some ? h(
      "ul",
      { class: "export-files" },
      ...files.map(
        (file) => h("li", {}, h("a", { href: downloadUrl(file), download: file.name }, file.name), ` ${bytesText(file.size)}`)
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
    return h("li", {}, h("div", { class: "export-text" }, h("strong", {}, title), line), get, look, remove, links, more);
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
      isSaved: true
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
    const tracking = project.tracks.find(({ status }) => status === "waiting" || status === "running") ?? null;
    const frame = Math.min(doc.frame, project.video.num_frames - 1);
    this.update({ project, doc, frame, tracking, isPlaying: false, selected: null, problem: null, tool: "add" });
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
    const isActive2 = track.status === "waiting" || track.status === "running";
    this.update({ project: { ...project, tracks }, tracking: isActive2 ? track : null });
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
      }
    },
    icon("plus"),
    "Add object"
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
    empty
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
  const count = [points || !boxes ? countOf(points, "point") : "", boxes ? boxes === 1 ? "1 box" : `${boxes} boxes` : ""].filter(Boolean).join(", ");
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
      const renamed = store.opened && renameObject(store.opened.doc, id, title.value);
      if (renamed && title.value !== name) store.edit(() => renamed);
      else title.value = name;
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
  const all = h("button", { type: "button", id: "track-all" }, "Track all again");
  const toExport = h("button", { type: "button", class: "primary", id: "to-export", onclick: showExport }, icon("download"), "Export");
  const bar = progress("Frames tracked");
  const stop = h("button", { type: "button", id: "stop-track", onclick: () => void tracker.cancel() }, "Stop");
  const follow = toggle("Following", "", (on) => store.update({ follow: on }));
  const idle = h("div", { class: "track-buttons" }, main2, all, toExport);
  const busy = h("div", { class: "track-busy" }, bar.element, h("div", { class: "track-buttons" }, follow.element, stop));
  root.append(sentence, idle, busy);
  main2.onclick = async () => {
    const { opened } = store;
    if (!opened || main2.getAttribute("aria-disabled") === "true") return;
    const { from } = offerOf(opened);
    if (from === null) return tracker.trackAll();
    if (from !== opened.frame) await transport.goTo(from);
    await tracker.trackFromHere();
  };
  all.onclick = () => void tracker.trackAll();
  store.subscribe((state, before) => {
    const { opened } = store;
    if (!opened) return;
    const { tracking } = state;
    const hadFocus = root.contains(document.activeElement);
    idle.hidden = tracking !== null;
    busy.hidden = tracking === null;
    follow.show(state.follow);
    if (tracking) {
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
    all.hidden = !offer.isTracked || offer.from === null || isPicture;
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
function buildPanel(store, root, tracker, stage, transport) {
  buildTools(store, byId("tools"), stage);
  const edit = h("div", {}, buildObjects(store, stage), buildLook(store));
  const pages = /* @__PURE__ */ new Map([
    ["Edit", edit],
    ["Export", buildExport(store, new ExportList(store))],
    ["API", buildApi(store)]
  ]);
  const tabs = new Tabs(pages);
  const bar = h("section", { class: "track-bar", "aria-label": "Tracking" });
  buildTracking(store, bar, tracker, transport, () => {
    tabs.choose("Export");
    byId("export").focus();
  });
  root.append(tabs.list, tabs.body, bar);
  store.subscribe((state, before) => {
    if (state.project?.id !== before.project?.id) tabs.choose("Edit");
    root.dataset.tab = tabs.chosen;
  });
}
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
    this.list = h(
      "div",
      { class: "panel-tabs", role: "tablist", "aria-label": "Panel" },
      ...this.buttons.values()
    );
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
  input = h("input", { type: "file", accept: "video/*,image/*,.mkv", hidden: true, tabIndex: -1 });
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
      const empty = exampleDoc(clicks, video);
      const document2 = { ...empty, look: withView(empty.look, "highlight", video) };
      const project = await makeProject(video);
      const { revision } = await saveProject(project, { name: title, document: document2 });
      return { ...project, name: title, document: document2, revision };
    });
  }
  async upload(file) {
    const { max_upload_bytes: most } = this.store.state.start;
    if (file.type !== "" && !/^(video|image)\//.test(file.type)) {
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
      if (!signal.aborted) this.opened(project);
    } catch (error) {
      if (signal.aborted) return;
      const { sentence, field: field2 } = problemOf(error);
      this.fail({ sentence: sentence.replace(/^(input_video|url)\b/, () => name), field: field2 });
    } finally {
      if (this.giveUp.signal === signal) this.card.close();
    }
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
  const ask2 = (id) => {
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
      const keep = h("button", { type: "button", "data-keep": id, onclick: () => ask2(null) }, "Keep");
      const sure = h("button", { type: "button", class: "danger", onclick: () => void remove(project) }, "Delete");
      return h(
        "li",
        { class: "recent-item is-asked" },
        h("p", {}, `Delete “${name}” with its masks and exports?`),
        h("div", { class: "recent-buttons" }, sure, keep)
      );
    }
    const tracked = tracked_frames ? `${countOf(tracked_frames, "frame")} tracked` : "not tracked";
    const bin = iconButton("trash", `Delete ${name}`, () => ask2(id));
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
          h("p", { class: "start-lead" }, "Click on it once. It is found in every frame, ready to export with transparency."),
          h("div", { class: "start-drop" }, choose, form, h("p", { class: "hint" }, "Or drop one anywhere. A still picture gives a picture.")),
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
  byId("project-name").focus({ preventScroll: true });
  byId("project-name").blur();
  byId("editor").focus({ preventScroll: true });
}
async function go(store) {
  const place = placeOf(location.hash);
  if (place.kind === "project" && place.id === store.state.project?.id) return;
  const { hash } = location;
  try {
    if (place.kind !== "start") {
      const project = place.kind === "project" ? await getProject(place.id) : await openShared(place.token);
      if (location.hash !== hash) return;
      if (place.kind === "share") history.replaceState(null, "", projectHash(project.id));
      show(store, project);
      return;
    }
    const wasOpen = store.state.project !== null;
    store.close();
    const start = await getStart();
    if (location.hash === hash) store.update({ start });
    if (wasOpen) byId("choose-video").focus({ preventScroll: true });
  } catch (error) {
    if (location.hash !== hash) return;
    history.replaceState(null, "", location.pathname);
    store.close();
    const isGone = error instanceof ApiError && error.status === 404;
    const gone = place.kind === "share" ? "This shared work is not here any more: its owner stopped sharing it, or it was deleted." : "This work is not here: it was deleted, or it belongs to another browser. Its owner can share it with “Copy link”.";
    store.update({ problem: isGone ? { sentence: gone, field: null } : problemOf(error) });
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
  new IntersectionObserver(([entry]) => {
    if (isCalm) return;
    if (entry.isIntersecting) void film.play().catch(() => void 0);
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

// timeline/help.ts
function openHelp() {
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
  const label = h("span", { class: "wide-text" });
  const button = h("button", { type: "button", class: "quiet model-button", id: "model" }, h("i", {}), label);
  button.setAttribute("popovertarget", "model-card");
  const title = h("strong", {});
  const sentence = h("p", { role: "status" });
  const card = h(
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
    label.textContent = state?.label ?? model?.name ?? "Ready";
    button.setAttribute("aria-label", `Model: ${state?.label ?? model?.name ?? "ready"}`);
    title.textContent = model ? `SAM 2 ${model.name}` : "The model";
    const text = state?.sentence ?? (model ? modelText(model) : "Ready.");
    if (sentence.textContent !== text) sentence.textContent = text;
  }
  async function ask2() {
    try {
      const found = await getStatus();
      status = found.status;
      const { start } = store.state;
      if (found.model && found.model.name !== start.model?.name) store.update({ start: { ...start, model: found.model } });
    } catch {
      status = "OFFLINE";
    }
    show2();
    setTimeout(() => void ask2(), STATES[status] ? SOON_MS : LATER_MS);
  }
  show2();
  void ask2();
  return [button, card];
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
  store.subscribe(({ project, isSaved }, before) => {
    bar.hidden = !project;
    change.hidden = !project;
    if (!project) return;
    if (project.name !== before.project?.name || project.id !== before.project?.id) name.value = project.name;
    name.size = Math.min(Math.max(name.value.length, 6), 40);
    about.textContent = videoText(project.video);
    const text = isSaved ? "Saved" : "Saving…";
    if (saved.textContent !== text) saved.textContent = text;
  });
}
function shareButton(store) {
  const label = h("span", { class: "wide-text" }, "Copy link");
  const button = h("button", { type: "button", class: "quiet", id: "share", "aria-label": "Copy link" }, icon("link"), label);
  const link = h("input", { type: "text", readOnly: true, "aria-label": "Link to a copy of this work", onfocus: () => link.select() });
  const copy = h("button", { type: "button", class: "primary", onclick: () => void copyText(link.value, copy) }, "Copy");
  const stop = h("button", { type: "button" }, "Stop sharing");
  const line = h("p", { role: "status" });
  const card = h(
    "div",
    { class: "card-popover", id: "share-card", popover: "auto", role: "dialog", "aria-label": "Shared" },
    line,
    h("div", { class: "field-row" }, link, copy),
    h("p", { class: "hint" }, "Whoever has the link gets a copy of their own: video, points, masks and look, without exports. Nobody can change yours."),
    stop
  );
  const set = (share) => {
    const { project } = store.state;
    if (project) store.update({ project: { ...project, share, is_shared: share !== null } });
  };
  button.onclick = async () => {
    const { project } = store.state;
    if (!project) return;
    try {
      const share = project.share ?? (await shareProject(project)).share;
      set(share);
      link.value = shareUrl(location.href, share);
      line.textContent = await isCopied(link.value) ? "Link copied. This work is shared." : "This work is shared.";
      card.showPopover();
    } catch (error) {
      store.update({ problem: problemOf(error) });
    }
  };
  stop.onclick = async () => {
    const { project } = store.state;
    if (!project) return;
    try {
      await unshareProject(project);
      set(null);
      card.hidePopover();
      button.focus();
    } catch (error) {
      store.update({ problem: problemOf(error) });
    }
  };
  store.subscribe(({ project }) => {
    button.hidden = !project;
    button.classList.toggle("is-on", project?.share != null);
    const text = project?.share ? "Shared" : "Copy link";
    if (label.textContent !== text) label.textContent = text;
    button.setAttribute("aria-label", project?.share ? "Shared: copy link" : "Copy link");
  });
  return [button, card];
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
  // Tracks from the shown frame on, from the masks that are there.
  trackFromHere() {
    const { opened } = this.store;
    if (!opened) return Promise.resolve();
    const masks = this.frames.now(opened.frame)?.masks;
    const isInSight = (object) => {
      const layer = masks?.get(object);
      return layer?.indices.includes(layer.value) ?? false;
    };
    return this.start(planFrom(opened.doc, opened.project.tracks, opened.frame, isInSight));
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
      if (report.status === "waiting" || report.status === "running") return;
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

// stage/frames.ts
var Frames = class {
  constructor(store) {
    this.store = store;
  }
  store;
  // A frame with the newest masks of its objects.
  async load(_index) {
    throw new Error("to be written");
  }
  // The same if it is here already; null if it has to be loaded.
  now(_index) {
    void this.store;
    return null;
  }
  // Loads what is shown next: from a frame on, in steps of `step` frames (negative: backward).
  prefetch(_index, _step) {
  }
};

// stage/stage.ts
var Stage = class {
  constructor(_store, _root, _frames, _say) {
  }
  get zoom() {
    return 1;
  }
  // Zooms about the middle; 1 shows the whole picture.
  setZoom(_zoom) {
  }
  focus() {
  }
};

// timeline/keys.ts
function listenForKeys(_store, _transport, _stage) {
}

// timeline/timeline.ts
function buildTimeline(_store, _root, _transport) {
}

// timeline/transport.ts
var Transport = class {
  constructor(store, frames) {
    this.store = store;
    this.frames = frames;
  }
  store;
  frames;
  // Shows a frame once it is loaded; if several are asked for meanwhile, the last one.
  async goTo(index) {
    void index;
    void this.store;
    void this.frames;
  }
  step(_count) {
  }
  // Plays at a multiple of the video's speed; negative: backward.
  play(_speed) {
  }
  pause() {
  }
};

// main.ts
async function main() {
  const [start, schema] = await connect();
  const store = new Store(start, fieldsOf(schema));
  const say = (text) => byId("spoken").textContent = text;
  const frames = new Frames(store);
  const transport = new Transport(store, frames);
  const stage = new Stage(store, byId("stage"), frames, say);
  const tracker = new Tracker(store, frames, transport);
  buildTimeline(store, byId("timeline"), transport);
  buildPanel(store, byId("panel"), tracker, stage, transport);
  buildTopBar(store, byId("project-bar"), byId("top-actions"));
  listenForKeys(store, transport, stage);
  buildNotice(store, byId("notice"));
  new Saver(store);
  store.subscribe((state, before) => {
    document.body.dataset.view = state.project ? "editor" : "start";
    byId("editor").hidden = !state.project;
    byId("start").hidden = state.project !== null;
    if (state.project && state.project.id !== before.project?.id) void transport.goTo(state.frame);
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
