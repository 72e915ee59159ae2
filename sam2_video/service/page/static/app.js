// api.ts
var ApiError = class extends Error {
  constructor(sentence, field = null, status = 0) {
    super(sentence);
    this.sentence = sentence;
    this.field = field;
    this.status = status;
  }
  sentence;
  field;
  status;
};
var BusyError = class extends Error {
};
async function call(path, options2 = {}) {
  let answer;
  try {
    answer = await fetch(path, options2);
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
function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return call(path, { method: "POST", headers, body: JSON.stringify(body), signal: signal ?? null });
}
var getStart = async () => (await call("/api/start")).json();
var getSchema = async () => (await call("/openapi.json")).json();
var getStatus = async () => (await (await call("/api/status")).json()).status;
var getVideo = async (id) => (await call(`/api/videos/${encodeURIComponent(id)}`)).json();
var fetchVideo = async (url, signal) => (await post("/api/videos/fetch", { url }, signal)).json();
var exampleVideo = async (signal) => (await post("/api/videos/example", {}, signal)).json();
var resolveClicks = async (strings, video, signal) => (await post("/api/clicks", { ...strings, video }, signal)).json();
var startRun = async (video, inputs) => (await post("/api/runs", { video, inputs })).json();
var cancelRun = async (id) => (await post(`/api/runs/${id}/cancel`, {})).json();
async function maskOf(video, prompt, signal) {
  const { frame, points, labels } = prompt;
  const answer = await post(`/api/videos/${video.id}/mask`, { frame, points, labels }, signal);
  return createImageBitmap(await answer.blob());
}
var frameUrl = (video, index) => `/api/videos/${video.id}/frames/${index}`;
var sourceUrl = (video) => `/api/videos/${video.id}/file`;
var resultUrl = (run, name) => `/api/runs/${run.id}/files/${name}`;
var zipUrl = (run) => `/api/runs/${run.id}/zip`;
var eventsUrl = (run) => `/api/runs/${run.id}/events`;
function uploadVideo(file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/videos?name=${encodeURIComponent(file.name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
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
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"
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

// schema.ts
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
function defaultsOf(fields) {
  return Object.fromEntries(fields.map((field) => [field.name, field.default ?? ""]));
}
function valueFrom(field, given) {
  if (field.kind === "boolean") {
    return given === true || given === "true" ? true : given === false || given === "false" ? false : void 0;
  }
  if (field.kind === "integer" || field.kind === "number") {
    const number = typeof given === "number" ? given : typeof given === "string" && given.trim() ? Number(given) : NaN;
    return Number.isFinite(number) ? number : void 0;
  }
  return typeof given === "string" ? given : void 0;
}

// store.ts
var CLICK_FIELDS = ["click_coordinates", "click_labels", "click_frames", "click_object_ids"];
var NOTHING = { clicks: [], objects: [], active: "" };
var UNRESOLVED = { clicks: [], objects: [], error: null };
var Store = class {
  listeners = [];
  past = [];
  future = [];
  current;
  constructor(start, fields) {
    this.current = {
      start,
      fields,
      values: defaultsOf(fields),
      video: null,
      frame: 0,
      drawing: NOTHING,
      selected: null,
      marking: "in",
      resolved: UNRESOLVED,
      problem: null,
      isRunning: false
    };
  }
  get state() {
    return this.current;
  }
  get canUndo() {
    return this.past.length > 0;
  }
  get canRedo() {
    return this.future.length > 0;
  }
  subscribe(listener) {
    this.listeners.push(listener);
    listener(this.current, this.current);
  }
  update(patch) {
    const before = this.current;
    this.current = { ...before, ...patch };
    for (const listener of this.listeners) listener(this.current, before);
  }
  // Sets an input and clears the problem that was reported for it.
  setValue(name, value) {
    const { values, problem } = this.current;
    this.update({ values: { ...values, [name]: value }, problem: problem?.field === name ? null : problem });
  }
  // Sets inputs from a link or from JSON; returns the names of values with the wrong type.
  setValues(given) {
    const wrong = [];
    const values = { ...this.current.values };
    for (const field of this.current.fields) {
      if (!(field.name in given)) continue;
      const value = valueFrom(field, given[field.name]);
      if (value === void 0) wrong.push(field.name);
      else values[field.name] = value;
    }
    this.update({ values });
    return wrong;
  }
  // Changes the clicks and updates the click strings. `keep` adds an undo step.
  draw(drawing, { keep = true, selected = this.current.selected } = {}) {
    if (keep) this.remember();
    this.show(drawing, selected);
  }
  remember() {
    this.past = [...this.past.slice(-199), this.current.drawing];
    this.future = [];
  }
  undo() {
    const drawing = this.past.pop();
    if (!drawing) return;
    this.future.push(this.current.drawing);
    this.show(drawing, null);
  }
  redo() {
    const drawing = this.future.pop();
    if (!drawing) return;
    this.past.push(this.current.drawing);
    this.show(drawing, null);
  }
  // Sets clicks that were typed; the strings stay as typed.
  adopt(clicks) {
    const { active } = this.current.drawing;
    const objects = namesOf(clicks);
    this.remember();
    this.update({
      drawing: { clicks, objects, active: objects.includes(active) ? active : objects[0] ?? "" },
      selected: null
    });
  }
  // Removes all clicks, for another video.
  clear(patch) {
    this.past = this.future = [];
    this.update({ drawing: NOTHING, selected: null, resolved: UNRESOLVED, problem: null, frame: 0, ...patch });
  }
  show(drawing, selected) {
    const used = namesOf(drawing.clicks);
    const objects = [...used, ...drawing.objects.filter((name) => !used.includes(name))];
    const { problem, values } = this.current;
    const isAboutClicks = CLICK_FIELDS.some((name) => name === problem?.field);
    this.update({
      drawing: { ...drawing, objects },
      selected,
      values: { ...values, ...stringsOf(drawing.clicks, this.current.fields) },
      problem: isAboutClicks ? null : problem
    });
  }
};
function namesOf(clicks) {
  return [...new Set(clicks.map((click) => click.name).filter(Boolean))];
}
function colourOf(state, name) {
  const { palette } = state.start;
  return palette[Math.max(0, state.drawing.objects.indexOf(name)) % palette.length] ?? "gray";
}
function stringsOf(clicks, fields) {
  if (!clicks.length) {
    const defaults = defaultsOf(fields);
    return Object.fromEntries(CLICK_FIELDS.map((name) => [name, defaults[name] ?? ""]));
  }
  return {
    click_coordinates: clicks.map((click) => `[${click.x},${click.y}]`).join(","),
    click_labels: clicks.map((click) => click.foreground ? "1" : "0").join(","),
    click_frames: clicks.map((click) => click.frame).join(","),
    click_object_ids: clicks.map((click) => click.name).join(",")
  };
}

// editing.ts
function addClick(store, x, y, foreground) {
  const { drawing, frame } = store.state;
  const name = drawing.active || freeName(drawing.objects);
  const clicks = [...drawing.clicks, { x, y, foreground, frame, name }];
  const objects = drawing.objects.includes(name) ? drawing.objects : [...drawing.objects, name];
  store.draw({ clicks, objects, active: name }, { selected: clicks.length - 1 });
}
function moveClick(store, index, x, y, keep) {
  const { drawing, video } = store.state;
  const click = drawing.clicks[index];
  if (!click || !video) return;
  const moved = { ...click, x: within(x, video.width), y: within(y, video.height) };
  const clicks = drawing.clicks.map((other, i) => i === index ? moved : other);
  store.draw({ ...drawing, clicks }, { keep, selected: index });
}
function removeClick(store, index) {
  const { drawing } = store.state;
  store.draw({ ...drawing, clicks: drawing.clicks.filter((_, i) => i !== index) }, { selected: null });
}
function selectClick(store, index) {
  const { drawing } = store.state;
  const active = drawing.clicks[index]?.name || drawing.active;
  store.update({ selected: index, drawing: { ...drawing, active } });
}
function addObject(store) {
  const { drawing } = store.state;
  const name = freeName(drawing.objects);
  store.draw({ ...drawing, objects: [...drawing.objects, name], active: name });
}
function chooseObject(store, name) {
  store.update({ drawing: { ...store.state.drawing, active: name } });
}
function renameObject(store, before, wanted) {
  const { drawing } = store.state;
  const name = wanted.replaceAll(",", " ").replace(/\s+/g, " ").trim();
  if (name === before) return true;
  if (!name || drawing.objects.includes(name)) return false;
  const renamed = (old) => old === before ? name : old;
  store.draw({
    clicks: drawing.clicks.map((click) => ({ ...click, name: renamed(click.name) })),
    objects: drawing.objects.map(renamed),
    active: renamed(drawing.active)
  });
  return true;
}
function removeObject(store, name) {
  const { drawing } = store.state;
  const clicks = drawing.clicks.filter((click) => click.name !== name);
  const objects = drawing.objects.filter((other) => other !== name);
  const active = drawing.active === name ? namesOf(clicks)[0] ?? objects[0] ?? "" : drawing.active;
  store.draw({ clicks, objects, active }, { selected: null });
}
function freeName(taken) {
  let number = 1;
  while (taken.includes(`Object ${number}`)) number += 1;
  return `Object ${number}`;
}
function within(value, size) {
  return Math.min(Math.max(Math.floor(value), 0), size - 1);
}

// form.ts
function buildForm(store, places, opened) {
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
var HINTS = {
  input_video: "A video or picture: paste its URL, or choose a file with “Other video”.",
  click_coordinates: "One [x,y] per point, in pixels from the top left corner: [320,180],[40,60]",
  click_labels: "One per point: 1 belongs to the object, 0 does not. The list repeats if it is shorter.",
  click_frames: "The frame of each point, from 0. The list repeats if it is shorter.",
  click_object_ids: "The name of each point's object: dog,dog,ball. Points with one name mark one object.",
  mask_type: "White objects on black, objects coloured in the video, objects on green, objects alone, or object numbers.",
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
  background_color: "The colour behind a green screen: #00ff00"
};
function buildControl(store, field, opened) {
  const { control, show } = inputFor(store, field, opened);
  const hint = `hint-${field.name}`;
  const complaint = `problem-${field.name}`;
  const isGroup = control.getAttribute("role") === "radiogroup";
  const described = control.matches("input,textarea") ? control : control.querySelector("input") ?? control;
  (isGroup ? control : described).setAttribute("aria-describedby", `${hint} ${complaint}`);
  if (isGroup) control.setAttribute("aria-labelledby", `label-${field.name}`);
  else described.id = `input-${field.name}`;
  const label = isGroup ? h("span", { class: "label", id: `label-${field.name}` }, field.title) : h("label", { class: "label", for: `input-${field.name}` }, field.title);
  const row = h(
    "div",
    { class: `field kind-${field.kind}`, "data-field": field.name },
    h("div", { class: "field-head" }, label, h("span", { class: "changed", id: `changed-${field.name}` })),
    control,
    h("p", { class: "hint", id: hint }, HINTS[field.name] ?? field.description + boundsOf(field)),
    h("p", { class: "problem", id: complaint, hidden: true })
  );
  return { field, row, show };
}
function inputFor(store, field, opened) {
  const set = (value) => store.setValue(field.name, value);
  if (field.kind === "choice") {
    return options(
      field.name,
      field.choices.map((choice) => [choice, nameOf(choice)]),
      (value) => set(value)
    );
  }
  if (field.kind === "boolean") {
    const box = h("input", { type: "checkbox", role: "switch", onchange: () => set(box.checked) });
    const control = h("span", { class: "switch" }, box);
    return { control, show: (value) => box.checked = value === true };
  }
  if (field.kind === "integer" || field.kind === "number") return numberInput(field, set);
  if (field.name === "input_masks") {
    const input = h("input", { type: "file", accept: ".png,.zip", onchange: () => void read() });
    const read = async () => set(input.files?.[0] ? await dataUri(input.files[0]) : "");
    return {
      control: input,
      show: (value) => {
        if (!value) input.value = "";
      }
    };
  }
  if (field.kind === "file") {
    const input = h("input", {
      type: "text",
      inputMode: "url",
      spellcheck: false,
      placeholder: "https://…",
      onchange: () => opened(input.value.trim())
    });
    return { control: input, show: (value) => input.value = String(value) };
  }
  const area = h("textarea", {
    rows: field.name === "click_coordinates" ? 2 : 1,
    spellcheck: false,
    oninput: () => {
      set(area.value);
      area.dispatchEvent(new CustomEvent("typed", { bubbles: true }));
    }
  });
  const show = (value) => {
    if (area.value !== String(value)) area.value = String(value);
  };
  return { control: area, show };
}
function dataUri(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
function numberInput(field, set) {
  const bounds = {
    min: field.minimum === null ? "" : String(field.minimum),
    max: field.maximum === null ? "" : String(field.maximum),
    step: field.kind === "integer" ? "1" : "any"
  };
  const read = (text) => set(text.trim() && Number.isFinite(Number(text)) ? Number(text) : text);
  const exact = h("input", { type: "number", ...bounds, oninput: () => read(exact.value) });
  const hasSlider = field.minimum !== null && field.maximum !== null;
  const slider = h("input", {
    type: "range",
    ...bounds,
    "aria-label": `${field.title}, slider`,
    oninput: () => read(slider.value)
  });
  const show = (value) => {
    if (exact.value !== String(value)) exact.value = String(value);
    slider.value = String(value);
  };
  return { control: h("span", { class: "number" }, exact, hasSlider && slider), show };
}
function options(name, choices, set) {
  const inputs = choices.map(
    ([value]) => h("input", { type: "radio", name: `option-${name}`, value, onchange: () => set(value) })
  );
  const labels = choices.map(
    ([value, text], i) => h("label", { class: "option", "data-value": value }, inputs[i], h("span", {}, text))
  );
  const show = (value) => {
    for (const input of inputs) input.checked = input.value === value;
  };
  return { control: h("span", { class: "options", role: "radiogroup" }, ...labels), show };
}
function markChanged({ field, row }, state) {
  const changed = row.querySelector(".changed");
  if (!changed || field.default === null) return;
  const value = state.values[field.name];
  changed.textContent = value === field.default ? "" : `default: ${nameOf(String(field.default)) || "empty"}`;
}
function markProblem({ field, row }, state, text) {
  const isWrong = state.problem?.field === field.name;
  row.classList.toggle("wrong", isWrong);
  const complaint = row.querySelector(".problem");
  complaint.hidden = !isWrong;
  complaint.textContent = isWrong ? state.problem?.sentence ?? "" : "";
  for (const input of row.querySelectorAll("input,textarea")) input.setAttribute("aria-invalid", String(isWrong));
  if (isWrong && text.contains(row)) text.open = true;
}
function boundsOf(field) {
  if (field.minimum !== null && field.maximum !== null && !field.description.includes(`${field.maximum}`)) {
    return ` (${field.minimum} to ${field.maximum})`;
  }
  return "";
}
function nameOf(choice) {
  const names = {
    binary: "Black & white",
    highlighted: "Highlight",
    greenscreen: "Green screen",
    alpha: "Transparent",
    indexed: "Object numbers"
  };
  return names[choice] ?? (choice === "true" ? "on" : choice === "false" ? "off" : choice);
}

// intake.ts
var Intake = class {
  constructor(start, arrived, failed) {
    this.start = start;
    this.arrived = arrived;
    this.failed = failed;
    const input = byId("file");
    input.onchange = () => {
      if (input.files?.[0]) this.upload(input.files[0]);
      input.value = "";
    };
    byId("url-form").onsubmit = (event) => {
      event.preventDefault();
      this.fetch(byId("url").value.trim());
    };
    byId("cancel-upload").onclick = () => this.giveUp.abort();
    byId("example").hidden = !start.has_example;
    byId("example").onclick = () => this.take("Opening the example", "The example", exampleVideo);
    for (const button of document.querySelectorAll("[data-choose]")) button.onclick = () => input.click();
    this.listenForDrops();
  }
  start;
  arrived;
  failed;
  giveUp = new AbortController();
  fetch(url) {
    if (url) this.take("Fetching the video", "The video", (signal) => fetchVideo(url, signal));
  }
  upload(file) {
    if (!/^(video|image)\//.test(file.type) && file.type !== "") {
      this.failed({
        sentence: `${file.name} is not a video or picture. Choose an mp4, mov, webm or gif, for example.`,
        field: "input_video"
      });
    } else if (file.size > this.start.max_upload_bytes) {
      const most = Math.floor(this.start.max_upload_bytes / 1e6);
      this.failed({ sentence: `${file.name} is larger than the ${most} MB allowed.`, field: "input_video" });
    } else {
      const upload = (signal) => uploadVideo(file, (part) => this.showProgress(part), signal);
      this.take(`Uploading ${file.name}`, file.name, upload);
    }
  }
  // `title` stands for the input's name in errors.
  async take(text, title, work) {
    this.giveUp.abort();
    this.giveUp = new AbortController();
    const { signal } = this.giveUp;
    byId("arriving-text").textContent = `${text}…`;
    byId("arriving").hidden = false;
    byId("arriving-bar").removeAttribute("value");
    document.body.classList.add("arriving");
    try {
      this.arrived(await work(signal));
    } catch (error) {
      if (signal.aborted) return;
      const { sentence, field } = error;
      const told = (sentence ?? String(error)).replace(/^input_video\b/, () => title);
      this.failed({ sentence: told, field: field ?? null });
    } finally {
      if (this.giveUp.signal === signal) {
        byId("arriving").hidden = true;
        document.body.classList.remove("arriving");
      }
    }
  }
  showProgress(part) {
    const bar = byId("arriving-bar");
    if (part < 1) {
      bar.value = part;
      return;
    }
    bar.removeAttribute("value");
    byId("arriving-text").textContent = "Reading the video…";
  }
  listenForDrops() {
    const veil = h("div", { class: "veil", hidden: true }, "Drop the video anywhere");
    document.body.append(veil);
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      veil.hidden = false;
    });
    window.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) veil.hidden = true;
    });
    window.addEventListener("drop", (event) => {
      veil.hidden = true;
      if (!hasFiles(event)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) this.upload(file);
    });
  }
};

// link.ts
function linkOf(state) {
  const defaults = defaultsOf(state.fields);
  const parts = new URLSearchParams();
  for (const field of state.fields) {
    const value = state.values[field.name] ?? "";
    if (value !== defaults[field.name]) parts.set(field.name, String(value));
  }
  if (state.video) parts.set("video", state.video.id);
  if (state.frame) parts.set("frame", String(state.frame));
  return `${location.origin}${location.pathname}#${parts}`;
}
function followLink(store) {
  let timer = 0;
  store.subscribe((state, before) => {
    if (state.values === before.values && state.video === before.video && state.frame === before.frame) return;
    clearTimeout(timer);
    timer = window.setTimeout(() => history.replaceState(null, "", linkOf(store.state)), 200);
  });
}
function readLink() {
  const text = location.hash.slice(1);
  return text ? Object.fromEntries(new URLSearchParams(text)) : null;
}

// objects.ts
function buildObjects(store) {
  const list = byId("objects");
  byId("add-object").onclick = () => {
    addObject(store);
    list.querySelector(".object.active input[type=text]")?.select();
  };
  store.subscribe((state, before) => {
    if (state.drawing !== before.drawing || state === before) render(store, list, state);
  });
}
function render(store, list, state) {
  const { objects, active, clicks } = state.drawing;
  byId("no-objects").hidden = objects.length > 0;
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : void 0;
  list.replaceChildren(
    ...objects.map((name) => {
      const count = clicks.filter((click) => click.name === name).length;
      const choose = h("input", {
        type: "radio",
        name: "active-object",
        checked: name === active,
        "aria-label": `Points go to ${name}`,
        "data-key": `radio ${name}`,
        onchange: () => chooseObject(store, name)
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
        }
      });
      const swatch = h("label", { class: "swatch", title: `Points go to ${name}` }, choose, h("i"));
      swatch.style.setProperty("--colour", colourOf(state, name));
      return h(
        "li",
        { class: `object${name === active ? " active" : ""}` },
        swatch,
        title,
        h("span", { class: "count" }, countOf(count, "point")),
        iconButton("close", `Remove ${name}`, () => removeObject(store, name))
      );
    })
  );
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

// preview.ts
var RETRY_MS = 800;
var KEPT_MASKS = 60;
var Preview = class {
  constructor(store, canvas, tell) {
    this.canvas = canvas;
    this.tell = tell;
    store.subscribe((state, before) => {
      const isNew = state.resolved !== before.resolved || state.frame !== before.frame || state.video !== before.video;
      if (isNew) void this.show(state);
    });
  }
  canvas;
  tell;
  masks = /* @__PURE__ */ new Map();
  giveUp = new AbortController();
  async show(state) {
    this.giveUp.abort();
    this.giveUp = new AbortController();
    const { signal } = this.giveUp;
    const { video } = state;
    if (!video) return;
    const here = state.resolved.objects.flatMap(
      ({ name, prompts }) => prompts.filter((prompt) => prompt.frame === state.frame).map((prompt) => ({ name, prompt }))
    );
    const wanted = here.filter(({ prompt }) => prompt.is_conditioning);
    const later = here.filter(({ prompt }) => !prompt.is_conditioning).map(({ name }) => name);
    const found = () => wanted.flatMap(({ name, prompt }) => {
      const mask = this.masks.get(keyOf(video, prompt));
      return mask ? [{ mask, colour: colourOf(state, name) }] : [];
    });
    paint(this.canvas, video, found());
    const { error } = state.resolved;
    if (error) {
      this.tell({ kind: "failed", sentence: error.sentence });
      return;
    }
    try {
      for (const { prompt } of wanted) {
        const key = keyOf(video, prompt);
        if (this.masks.has(key)) continue;
        this.tell({ kind: "working" });
        this.keep(key, await this.ask(video, prompt, signal));
        paint(this.canvas, video, found());
      }
      if (later.length) this.tell({ kind: "later", names: later });
      else this.tell({ kind: wanted.length ? "ready" : "nothing" });
    } catch (error2) {
      if (signal.aborted) return;
      this.tell({ kind: "failed", sentence: error2 instanceof Error ? error2.message : String(error2) });
    }
  }
  // Retries until the worker is free.
  async ask(video, prompt, signal) {
    for (; ; ) {
      try {
        return await readMask(await maskOf(video, prompt, signal));
      } catch (error) {
        const isStarting = error.status === 503;
        if (!isStarting && !(error instanceof BusyError)) throw error;
        const quiet = setTimeout(() => this.tell({ kind: isStarting ? "starting" : "waiting" }), 250);
        try {
          await pause(isStarting ? RETRY_MS : RETRY_MS / 2, signal);
        } finally {
          clearTimeout(quiet);
        }
      }
    }
  }
  keep(key, mask) {
    this.masks.set(key, mask);
    for (const oldest of this.masks.keys()) {
      if (this.masks.size <= KEPT_MASKS) break;
      this.masks.delete(oldest);
    }
  }
};
function keyOf(video, prompt) {
  return JSON.stringify([video.id, prompt.frame, prompt.points, prompt.labels]);
}
async function readMask(bitmap) {
  const scratch = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = scratch.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser cannot read pictures.");
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const mask = new Uint8Array(bitmap.width * bitmap.height);
  for (let i = 0; i < mask.length; i += 1) mask[i] = pixels[4 * i] > 127 ? 255 : 0;
  return mask;
}
function paint(canvas, video, layers) {
  const { width, height } = video;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context) return;
  context.clearRect(0, 0, width, height);
  canvas.dataset.objects = String(layers.length);
  if (!layers.length) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (const { mask, colour } of layers) {
    const [red, green, blue] = (colour.match(/\d+/g) ?? []).map(Number);
    const rgb = (blue ?? 0) << 16 | (green ?? 0) << 8 | (red ?? 0);
    const filled = (rgb | 128 << 24) >>> 0;
    const edge = (rgb | 255 << 24) >>> 0;
    const thick = Math.max(1, Math.round(width / 900));
    for (let y = 0, i = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, i += 1) {
        if (!mask[i]) continue;
        const isEdge = x >= thick && !mask[i - thick] || x < width - thick && !mask[i + thick] || y >= thick && !mask[i - thick * width] || y < height - thick && !mask[i + thick * width];
        pixels[i] = isEdge ? edge : filled;
      }
    }
  }
  context.putImageData(image, 0, 0);
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

// results.ts
var LATEST = 12;
var Results = class {
  constructor(store) {
    this.store = store;
  }
  store;
  files = [];
  latest = byId("latest");
  outcome = byId("outcome");
  get pictures() {
    return this.files.filter(isPicture).length;
  }
  clear() {
    this.files = [];
    this.latest.replaceChildren();
    this.outcome.replaceChildren();
    byId("downloads").replaceChildren();
  }
  // Shows new pictures.
  add(report) {
    this.files.push(...report.new_files);
    for (const name of report.new_files.slice(-LATEST)) {
      if (!isPicture(name)) continue;
      this.latest.prepend(
        h("img", { src: resultUrl(report, name), alt: `Result of ${titleOf(name)}`, loading: "lazy" })
      );
    }
    while (this.latest.childElementCount > LATEST) this.latest.lastElementChild?.remove();
  }
  finish(run) {
    this.latest.replaceChildren();
    this.outcome.replaceChildren();
    if (!this.files.length) return;
    const video = this.store.state.video?.id === run.video ? this.store.state.video : null;
    const movie = this.files.find(isVideo);
    this.outcome.append(movie ? player(run, movie, video) : sheet(run, this.files.filter(isPicture), video));
    const all = movie ? "Download (zip)" : `Download ${countOf(this.pictures, "picture")} (zip)`;
    byId("downloads").replaceChildren(
      ...movie ? [
        h(
          "a",
          { class: "button", href: resultUrl(run, movie), download: movie },
          icon("download"),
          "Download video"
        )
      ] : [],
      h(
        "a",
        { class: "button", id: "download-zip", href: zipUrl(run), download: "sam2-video.zip" },
        icon("download"),
        all
      )
    );
  }
};
function player(run, name, video) {
  const result = h("video", {
    src: resultUrl(run, name),
    controls: true,
    loop: true,
    playsInline: true,
    muted: true,
    autoplay: true,
    "aria-label": "Result"
  });
  const figures = [h("figure", {}, result, h("figcaption", {}, "Result"))];
  if (video) figures.push(h("figure", {}, sourceBeside(run, result, video), h("figcaption", {}, "Source")));
  return h("div", { class: "pair" }, ...figures);
}
function sourceBeside(run, result, video) {
  const interval = Number(run.inputs.output_frame_interval ?? 1);
  const rate = Number(run.inputs.video_fps ?? 30);
  const frameNow = () => Math.min(Math.floor(result.currentTime * rate + 1e-3) * interval, video.num_frames - 1);
  const box = h("div", { class: "source" });
  const still = h("img", { alt: "Source" });
  const showFrames = () => {
    box.replaceChildren(still);
    let shown = -1;
    const show = async () => {
      const wanted = frameNow();
      if (wanted === shown) return;
      shown = wanted;
      const next = new Image();
      next.src = frameUrl(video, wanted);
      await next.decode();
      still.src = next.src;
    };
    for (const event of ["timeupdate", "seeked", "pause", "loadeddata"]) {
      result.addEventListener(event, () => void show().catch(() => still.alt = "The frame cannot be shown."));
    }
    void show();
  };
  if (!video.frame_rate || !video.media_type.startsWith("video/")) {
    showFrames();
    return box;
  }
  const source = h("video", { src: sourceUrl(video), muted: true, playsInline: true, "aria-label": "Source" });
  const sourceRate = video.frame_rate;
  const speed = Math.min(Math.max(rate * interval / sourceRate, 0.1), 16);
  const inStep = (slack) => {
    const wanted = (frameNow() + 0.5) / sourceRate;
    if (Math.abs(source.currentTime - wanted) <= slack) return;
    source.currentTime = wanted;
    if (!result.paused && source.paused) void source.play().catch(() => void 0);
  };
  source.addEventListener("error", showFrames, { once: true });
  source.addEventListener("loadedmetadata", () => {
    source.playbackRate = speed;
    inStep(0);
    if (!result.paused) void source.play().catch(showFrames);
  });
  result.addEventListener("play", () => void source.play().catch(() => void 0));
  result.addEventListener("pause", () => {
    source.pause();
    inStep(0);
  });
  result.addEventListener("seeked", () => inStep(0.05));
  result.addEventListener("timeupdate", () => {
    const behind = (frameNow() + 0.5) / sourceRate - source.currentTime;
    if (Math.abs(behind) > 0.5) inStep(0.5);
    else source.playbackRate = Math.min(Math.max(speed * (1 + behind), 0.1), 16);
  });
  box.append(source);
  return box;
}
function sheet(run, files, video) {
  const viewer = new Viewer(run, files, video);
  return h(
    "div",
    {},
    h(
      "ol",
      { class: "sheet" },
      ...files.map(
        (name, index) => h(
          "li",
          {},
          h(
            "button",
            { type: "button", "aria-label": `Open ${titleOf(name)}`, onclick: () => viewer.open(index) },
            h("img", { src: resultUrl(run, name), alt: "", loading: "lazy", decoding: "async" }),
            h("span", {}, String(numberOf(name)))
          )
        )
      )
    ),
    viewer.dialog
  );
}
var Viewer = class {
  constructor(run, files, video) {
    this.run = run;
    this.files = files;
    this.video = video;
    this.dialog = h(
      "dialog",
      {
        class: "viewer",
        "aria-label": "Result, frame by frame",
        onkeydown: (event) => {
          if (event.key === "ArrowLeft") this.show(this.index - 1);
          else if (event.key === "ArrowRight") this.show(this.index + 1);
          else return;
          event.preventDefault();
        }
      },
      h(
        "header",
        {},
        iconButton("left", "Previous frame", () => this.show(this.index - 1)),
        this.title,
        iconButton("right", "Next frame", () => this.show(this.index + 1)),
        iconButton("close", "Close", () => this.dialog.close())
      ),
      h(
        "div",
        { class: "pair" },
        h("figure", {}, this.result, h("figcaption", {}, "Result")),
        video && h("figure", {}, this.source, h("figcaption", {}, "Source"))
      )
    );
  }
  run;
  files;
  video;
  dialog;
  result = h("img", {});
  source = h("img", {});
  title = h("span", { class: "viewer-title", "aria-live": "polite" });
  index = 0;
  open(index) {
    this.show(index);
    this.dialog.showModal();
  }
  show(index) {
    const name = this.files[index];
    if (name === void 0) return;
    this.index = index;
    this.title.textContent = titleOf(name);
    this.result.src = resultUrl(this.run, name);
    this.result.alt = `Result of ${titleOf(name)}`;
    if (this.video) {
      this.source.src = frameUrl(this.video, numberOf(name));
      this.source.alt = `Source of ${titleOf(name)}`;
    }
  }
};
var isVideo = (name) => /\.(mp4|webm|mov)$/.test(name);
var isPicture = (name) => /\.(webp|jpg|png)$/.test(name);
var numberOf = (name) => Number(/frame_(\d+)\.\w+$/.exec(name)?.[1] ?? 0);
var titleOf = (name) => `frame ${numberOf(name)}`;

// run.ts
var Runner = class {
  constructor(store, complain) {
    this.store = store;
    this.complain = complain;
    this.results = new Results(store);
    byId("run").onclick = () => this.begin();
    byId("cancel").onclick = () => this.cancel();
    store.subscribe((state, before) => {
      if (state.video !== before.video || state.drawing !== before.drawing || state.isRunning !== before.isRunning || state.values !== before.values) {
        const prompts = ["click_coordinates", "box_coordinates", "input_masks"];
        const hasPoints = prompts.some((name) => String(state.values[name] ?? "").trim() !== "");
        byId("run").disabled = !state.video || !hasPoints || state.isRunning;
      }
    });
  }
  store;
  complain;
  events = null;
  run = null;
  results;
  async begin() {
    const { video, values } = this.store.state;
    if (!video) return;
    this.store.update({ problem: null, isRunning: true });
    try {
      const { input_video: _, ...inputs } = values;
      this.follow(await startRun(video.id, inputs));
      const block = matchMedia("(max-width: 980px)").matches ? "start" : "nearest";
      byId("result").scrollIntoView({ behavior: "smooth", block });
    } catch (error) {
      this.store.update({ isRunning: false });
      const { sentence, field } = error;
      this.complain({ sentence: sentence ?? String(error), field: field ?? null });
    }
  }
  // Shows a run from its start, running or ended.
  follow(run) {
    this.events?.close();
    this.run = run;
    byId("result").hidden = false;
    byId("log").textContent = "";
    this.results.clear();
    this.store.update({ isRunning: true });
    this.events = new EventSource(eventsUrl(run));
    this.events.onmessage = (event) => this.report(JSON.parse(event.data));
    this.events.onerror = () => {
      if (this.events?.readyState === EventSource.CLOSED) {
        this.store.update({ isRunning: false });
        this.complain({ sentence: "The server does not answer. Is it still running?", field: null });
      }
    };
  }
  async cancel() {
    if (!this.run) return;
    byId("cancel").disabled = true;
    try {
      await cancelRun(this.run.id);
    } catch (error) {
      this.complain({ sentence: error.sentence ?? String(error), field: null });
    } finally {
      byId("cancel").disabled = false;
    }
  }
  report(report) {
    const log = byId("log");
    if (report.first) {
      log.textContent = "";
      this.results.clear();
    }
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(report.new_log.map((line) => `${line}
`).join(""));
    if (isAtEnd) log.scrollTop = log.scrollHeight;
    this.results.add(report);
    const isActive = report.status === "waiting" || report.status === "running";
    byId("result").dataset.status = report.status;
    byId("run-status").textContent = statusOf(report);
    byId("run-detail").textContent = detailOf(report, this.results.pictures);
    byId("progress-row").hidden = !isActive;
    const bar = byId("progress");
    if (report.status === "running" && report.frames_total) {
      bar.max = report.frames_total;
      bar.value = report.frames_done;
    } else bar.removeAttribute("value");
    if (isActive) return;
    this.events?.close();
    this.results.finish(report);
    this.store.update({ isRunning: false });
    if (report.error) this.complain(report.error);
  }
};
function statusOf(report) {
  if (report.status === "waiting") return "Waiting for the model";
  if (report.status === "running") return report.frames_total ? "Working" : "Reading the video";
  if (report.status === "done") return "Done";
  return report.status === "failed" ? "Failed" : "Cancelled";
}
function detailOf(report, pictures) {
  if (report.status === "waiting") return "The run is in the queue. It starts when the model is free.";
  if (report.status === "failed") return report.error?.sentence ?? "";
  if (report.status === "cancelled") return "The run was stopped.";
  if (!report.frames_total) return "";
  const frames = countOf(report.frames_total, "frame");
  if (report.status === "done") return pictures ? `${countOf(pictures, "picture")} from ${frames}` : frames;
  const left = report.seconds_left === null ? "" : ` · about ${durationOf(report.seconds_left)} left`;
  return `${report.frames_done} of ${frames}${left}`;
}
function durationOf(seconds) {
  if (seconds < 60) return `${Math.max(1, seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
}

// snippets.ts
function inputOf(state) {
  return Object.fromEntries(state.fields.map((field) => [field.name, state.values[field.name] ?? ""]));
}
function jsonOf(state) {
  return JSON.stringify(inputOf(state), null, 2);
}
function snippet(language, state) {
  const { input_video: video, ...rest } = inputOf(state);
  const { api, needs_token: needsToken } = state.start;
  const given = String(video ?? "");
  const file = /^(https?:|data:)/i.test(given) ? null : given || "video.mp4";
  const call2 = {
    url: `${api ?? location.origin}/v1/models/meta/sam-2-video/predictions`,
    input: file === null ? { input_video: given, ...rest } : rest,
    file,
    type: state.video?.media_type ?? "video/mp4",
    needsToken
  };
  const code = { curl, python, javascript }[language](call2);
  if (api !== null) return code;
  return `${language === "javascript" ? "//" : "#"} This server answers programs once it is started with --tokens.
${code}`;
}
function curl({ url, input, file, type, needsToken }) {
  const body = JSON.stringify({ input }, null, 2);
  const token = needsToken ? ' -H "Authorization: Bearer $REPLICATE_API_TOKEN"' : "";
  const post2 = `curl -s ${quoted(url)}${token} -H 'Content-Type: application/json' -H 'Prefer: wait'`;
  if (file === null) return `${post2} -d ${quoted(body)} > result.json`;
  const [head, tail] = JSON.stringify({ input: { input_video: "", ...input } }, null, 2).split('"input_video": "', 2);
  return [
    "{",
    `  printf '%s' ${quoted(`${head}"input_video": "data:${type};base64,`)}`,
    `  base64 < ${quoted(file)} | tr -d '\\n'`,
    `  printf '%s' ${quoted(tail ?? "")}`,
    `} | ${post2} -d @- > result.json`
  ].join("\n");
}
function python({ url, input, file, type, needsToken }) {
  const read = file === null ? [] : ["", `with open(${JSON.stringify(file)}, "rb") as file:`, `    video = base64.b64encode(file.read()).decode()`];
  const entries = Object.entries(input).map(([name, value]) => `    "${name}": ${pythonValue(value)},`);
  if (file !== null) entries.unshift(`    "input_video": "data:${type};base64," + video,`);
  const token = '    "Authorization": "Bearer " + os.environ["REPLICATE_API_TOKEN"],';
  return [
    ...file === null ? [] : ["import base64"],
    "import json",
    ...needsToken ? ["import os"] : [],
    "import time",
    "import urllib.request",
    ...read,
    "",
    "inputs = {",
    ...entries,
    "}",
    "headers = {",
    '    "Content-Type": "application/json",',
    ...needsToken ? [token] : [],
    "}",
    "",
    "def call(url, body=None):",
    "    request = urllib.request.Request(url, body, headers)",
    "    with urllib.request.urlopen(request) as response:",
    "        return json.load(response)",
    "",
    `result = call(${JSON.stringify(url)}, json.dumps({"input": inputs}).encode())`,
    'while result["status"] in ("starting", "processing"):',
    "    time.sleep(1)",
    '    result = call(result["urls"]["get"])',
    'if result["status"] != "succeeded":',
    '    raise SystemExit(result["error"])',
    'for output in result["output"]:',
    '    urllib.request.urlretrieve(output, output.rpartition("/")[2])'
  ].join("\n");
}
function javascript({ url, input, file, type, needsToken }) {
  const entries = Object.entries(input).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  if (file !== null) entries.unshift(`  input_video: "data:${type};base64," + video,`);
  return [
    `import { ${file === null ? "" : "readFile, "}writeFile } from "node:fs/promises";`,
    "",
    ...file === null ? [] : [`const video = await readFile(${JSON.stringify(file)}, "base64");`],
    "const input = {",
    ...entries,
    "};",
    "const headers = {",
    '  "Content-Type": "application/json",',
    ...needsToken ? ["  Authorization: `Bearer ${process.env.REPLICATE_API_TOKEN}`,"] : [],
    "};",
    "const call = async (url, options) => (await fetch(url, { headers, ...options })).json();",
    "",
    `let result = await call(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    "  body: JSON.stringify({ input }),",
    "});",
    'while (["starting", "processing"].includes(result.status)) {',
    "  await new Promise((resolve) => setTimeout(resolve, 1000));",
    "  result = await call(result.urls.get);",
    "}",
    'if (result.status !== "succeeded") throw new Error(result.error ?? result.detail);',
    "for (const output of result.output) {",
    "  const answer = await fetch(output);",
    '  await writeFile(output.split("/").at(-1), Buffer.from(await answer.arrayBuffer()));',
    "}"
  ].join("\n");
}
function pythonValue(value) {
  return typeof value === "boolean" ? value ? "True" : "False" : JSON.stringify(value);
}
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// stage.ts
var MAX_ZOOM = 16;
var STILL = 5;
var Stage = class {
  // the last pointer was a finger
  constructor(store, root, say) {
    this.store = store;
    this.root = root;
    this.say = say;
    this.view = h(
      "div",
      {
        class: "view",
        tabIndex: 0,
        role: "application",
        "aria-label": "Picture",
        "aria-describedby": "stage-keys",
        onpointerdown: (event) => this.press(event),
        onpointermove: (event) => this.drag(event),
        onpointerup: (event) => this.release(event),
        onpointercancel: (event) => this.drop(event),
        oncontextmenu: (event) => this.menu(event),
        onwheel: (event) => this.wheel(event),
        onkeydown: (event) => this.key(event),
        onblur: () => this.setCross(null)
      },
      this.layer,
      this.dots,
      this.cross
    );
    root.append(this.view);
    new ResizeObserver(() => this.place()).observe(this.view);
    store.subscribe((state, before) => this.render(state, before));
  }
  store;
  root;
  say;
  canvas = h("canvas", { class: "masks", "aria-hidden": "true" });
  picture = h("img", { class: "frame", alt: "", draggable: false });
  layer = h("div", { class: "layer" }, this.picture, this.canvas);
  dots = h("div", { class: "dots" });
  cross = h("div", { class: "cross", hidden: true });
  view;
  zoomBy = 1;
  left = 0;
  // of the picture's corner, in CSS pixels of the view
  top = 0;
  pointers = /* @__PURE__ */ new Map();
  grip = null;
  crossAt = null;
  // in pixels of the frame
  wanted = 0;
  isLoading = false;
  touched = false;
  get zoom() {
    return this.zoomBy;
  }
  // Shows a frame once it is loaded; if several are requested meanwhile, the last one.
  async goTo(index) {
    const { video } = this.store.state;
    if (!video) return;
    this.wanted = Math.min(Math.max(index, 0), video.num_frames - 1);
    if (this.isLoading) return;
    this.isLoading = true;
    this.view.setAttribute("aria-busy", "true");
    try {
      for (let shown = -1; shown !== this.wanted; ) {
        const next = this.wanted;
        await this.load(video, next);
        if (this.store.state.video !== video) break;
        this.store.update({ frame: next, selected: null });
        shown = next;
      }
    } catch {
      this.say(`Frame ${this.wanted} cannot be shown.`);
    } finally {
      this.isLoading = false;
      this.view.removeAttribute("aria-busy");
    }
  }
  step(count) {
    void this.goTo((this.isLoading ? this.wanted : this.store.state.frame) + count);
  }
  // Zooms about a point of the view (its middle by default); 1 shows the whole picture.
  setZoom(zoom, x = this.view.clientWidth / 2, y = this.view.clientHeight / 2) {
    const next = Math.min(Math.max(zoom, 1), MAX_ZOOM);
    this.left = x - (x - this.left) * next / this.zoomBy;
    this.top = y - (y - this.top) * next / this.zoomBy;
    this.zoomBy = next;
    this.place();
    this.root.dispatchEvent(new CustomEvent("zoom", { bubbles: true }));
  }
  async load(video, index) {
    const loader = new Image();
    loader.src = frameUrl(video, index);
    await loader.decode();
    this.picture.src = loader.src;
    await this.picture.decode();
  }
  render(state, before) {
    const { video } = state;
    if (video !== before.video && video) {
      this.view.style.setProperty("--ratio", String(video.width / video.height));
      this.picture.removeAttribute("src");
      this.setZoom(1);
    }
    if (state.drawing !== before.drawing || state.frame !== before.frame || state.selected !== before.selected || state.video !== before.video) {
      this.renderDots(state);
      this.place();
    }
  }
  renderDots(state) {
    const focused = this.dots.contains(document.activeElement) ? state.selected : null;
    const dots = state.drawing.clicks.flatMap((click, index) => {
      if (click.frame !== state.frame) return [];
      const kind = click.foreground ? "belongs to it" : "does not belong to it";
      const dot = h("button", {
        type: "button",
        class: `dot ${click.foreground ? "in" : "out"}${index === state.selected ? " selected" : ""}`,
        "aria-label": `Point ${index + 1}, ${click.name || "every object"}, ${kind}, at ${click.x}, ${click.y}. Arrow keys move it, Delete removes it.`,
        "data-index": index,
        onfocus: () => {
          if (this.store.state.selected !== index) selectClick(this.store, index);
        },
        onkeydown: (event) => this.dotKey(event, index)
      });
      dot.style.setProperty("--colour", click.name ? colourOf(state, click.name) : "#888");
      return [dot];
    });
    this.dots.replaceChildren(...dots);
    if (focused !== null) this.focusDot(focused);
  }
  focusDot(index) {
    this.dots.querySelector(`[data-index="${index}"]`)?.focus({ preventScroll: true });
  }
  // Positions everything for the current zoom and pan.
  place() {
    const { clientWidth: width, clientHeight: height } = this.view;
    this.left = Math.min(0, Math.max(width * (1 - this.zoomBy), this.left));
    this.top = Math.min(0, Math.max(height * (1 - this.zoomBy), this.top));
    this.layer.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.zoomBy})`;
    this.view.classList.toggle("zoomed", this.zoomBy > 1);
    const { video, drawing } = this.store.state;
    if (!video) return;
    const scale = width * this.zoomBy / video.width;
    this.view.classList.toggle("coarse", scale * devicePixelRatio > 3);
    for (const dot of this.dots.children) {
      const click = drawing.clicks[Number(dot.dataset.index)];
      if (click) this.put(dot, click.x + 0.5, click.y + 0.5, scale);
    }
    if (this.crossAt) this.put(this.cross, this.crossAt.x + 0.5, this.crossAt.y + 0.5, scale);
  }
  put(element, x, y, scale) {
    element.style.left = `${this.left + x * scale}px`;
    element.style.top = `${this.top + y * scale}px`;
  }
  // The pixel of the frame at a point of the window; null outside the frame.
  pixelAt(event) {
    const { video } = this.store.state;
    if (!video) return null;
    const box = this.view.getBoundingClientRect();
    const scale = this.view.clientWidth * this.zoomBy / video.width;
    const x = Math.floor((event.clientX - box.left - this.view.clientLeft - this.left) / scale);
    const y = Math.floor((event.clientY - box.top - this.view.clientTop - this.top) / scale);
    return x >= 0 && y >= 0 && x < video.width && y < video.height ? { x, y } : null;
  }
  press(event) {
    this.touched = event.pointerType === "touch";
    this.pointers.set(event.pointerId, event);
    if (event.button !== 0 && event.pointerType === "mouse") return;
    const dot = event.target.closest(".dot");
    const index = dot ? Number(dot.dataset.index) : null;
    if (this.pointers.size > 1) {
      if (this.grip) this.grip.moved = true;
      return;
    }
    this.grip = { x: event.clientX, y: event.clientY, dot: index, moved: false };
    this.view.setPointerCapture(event.pointerId);
    if (index !== null) {
      event.preventDefault();
      selectClick(this.store, index);
      this.focusDot(index);
    }
  }
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) this.pinch(before, event);
    this.pointers.set(event.pointerId, event);
    const grip = this.grip;
    if (!grip || this.pointers.size > 1) return;
    const isFar = Math.hypot(event.clientX - grip.x, event.clientY - grip.y) > STILL;
    if (!grip.moved && !isFar) return;
    if (grip.dot !== null) {
      const pixel = this.pixelAt(event);
      if (pixel) {
        moveClick(this.store, grip.dot, pixel.x, pixel.y, !grip.moved);
        grip.moved = true;
      }
      return;
    }
    grip.moved = true;
    if (this.zoomBy > 1) {
      this.left += event.clientX - before.clientX;
      this.top += event.clientY - before.clientY;
      this.place();
    }
  }
  pinch(before, now) {
    const other = [...this.pointers.values()].find((pointer) => pointer.pointerId !== now.pointerId);
    if (!other) return;
    const span = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
    const box = this.view.getBoundingClientRect();
    const x = (now.clientX + other.clientX) / 2 - box.left;
    const y = (now.clientY + other.clientY) / 2 - box.top;
    this.left += (now.clientX - before.clientX) / 2;
    this.top += (now.clientY - before.clientY) / 2;
    this.setZoom(this.zoomBy * span(now) / Math.max(1, span(before)), x, y);
  }
  release(event) {
    this.pointers.delete(event.pointerId);
    const grip = this.grip;
    if (this.pointers.size) return;
    this.grip = null;
    if (!grip || grip.moved || grip.dot !== null) return;
    const pixel = this.pixelAt(event);
    if (pixel && !event.ctrlKey) this.click(pixel, !event.altKey);
  }
  drop(event) {
    this.pointers.delete(event.pointerId);
    this.grip = null;
  }
  // A right click or long press adds a background click.
  menu(event) {
    event.preventDefault();
    if (this.grip?.moved || event.target.closest(".dot")) return;
    this.grip = null;
    const pixel = this.pixelAt(event);
    if (pixel) addClick(this.store, pixel.x, pixel.y, false);
  }
  click(pixel, plain) {
    const isIn = this.store.state.marking === "in";
    addClick(this.store, pixel.x, pixel.y, plain ? isIn : false);
  }
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.view.getBoundingClientRect();
    this.setZoom(this.zoomBy * Math.exp(-event.deltaY / 200), event.clientX - box.left, event.clientY - box.top);
  }
  key(event) {
    if (event.target !== this.view || event.ctrlKey || event.metaKey) return;
    const { video, frame } = this.store.state;
    if (!video) return;
    const arrows = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1]
    };
    const arrow = arrows[event.key];
    if (this.crossAt && arrow) {
      const stride = event.shiftKey ? 1 : Math.max(1, Math.round(video.width / 64));
      this.setCross({
        x: Math.min(Math.max(this.crossAt.x + arrow[0] * stride, 0), video.width - 1),
        y: Math.min(Math.max(this.crossAt.y + arrow[1] * stride, 0), video.height - 1)
      });
    } else if (arrow?.[0]) {
      this.step(arrow[0] * (event.shiftKey ? 10 : 1));
    } else if (event.key === "Enter" || event.key === " ") {
      if (this.crossAt) this.click(this.crossAt, !event.altKey);
      else this.setCross({ x: video.width >> 1, y: video.height >> 1 });
    } else if (event.key === "Escape" && this.crossAt) this.setCross(null);
    else if (event.key === "Home") void this.goTo(0);
    else if (event.key === "End") void this.goTo(video.num_frames - 1);
    else if (event.key === "+" || event.key === "=") this.setZoom(this.zoomBy * 1.5);
    else if (event.key === "-") this.setZoom(this.zoomBy / 1.5);
    else if (event.key === "0") this.setZoom(1);
    else if ((event.key === "Delete" || event.key === "Backspace") && this.store.state.selected !== null) {
      removeClick(this.store, this.store.state.selected);
    } else return;
    event.preventDefault();
    if (frame !== this.store.state.frame) this.setCross(null);
  }
  dotKey(event, index) {
    const click = this.store.state.drawing.clicks[index];
    if (!click) return;
    const far = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowLeft") moveClick(this.store, index, click.x - far, click.y, !event.repeat);
    else if (event.key === "ArrowRight") moveClick(this.store, index, click.x + far, click.y, !event.repeat);
    else if (event.key === "ArrowUp") moveClick(this.store, index, click.x, click.y - far, !event.repeat);
    else if (event.key === "ArrowDown") moveClick(this.store, index, click.x, click.y + far, !event.repeat);
    else if (event.key === "Delete" || event.key === "Backspace") {
      removeClick(this.store, index);
      this.view.focus({ preventScroll: true });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  setCross(at) {
    this.crossAt = at;
    this.cross.hidden = !at;
    if (at) this.say(`Crosshair at ${at.x}, ${at.y}. Enter places a point.`);
    this.place();
  }
  get isTouch() {
    return this.touched || matchMedia("(pointer: coarse)").matches;
  }
};

// main.ts
async function main() {
  for (const place of document.querySelectorAll("[data-icon]")) {
    place.prepend(icon(place.dataset.icon));
  }
  const [start, schema] = await connect();
  const store = new Store(start, fieldsOf(schema));
  const complain = (problem) => {
    const isInForm = store.state.fields.some((field) => field.name === problem.field) && store.state.video !== null;
    store.update({ problem });
    showNotice(isInForm ? null : problem.sentence);
    if (!isInForm) return;
    chooseTab("form");
    const row = document.querySelector(`[data-field="${problem.field}"]`);
    row?.scrollIntoView({ block: "center", behavior: "smooth" });
    byId("spoken").textContent = problem.sentence;
  };
  const link = readLink();
  const intake = new Intake(start, (video) => openVideo(store, video), complain);
  const fetchUrl = (url) => {
    if (/^https?:/i.test(url) && url !== store.state.video?.url) intake.fetch(url);
  };
  buildForm(store, { main: byId("fields"), text: byId("text-fields") }, fetchUrl);
  buildObjects(store);
  const stage = new Stage(store, byId("stage"), (text) => byId("spoken").textContent = text);
  buildControls(store, stage);
  new Preview(store, stage.canvas, (status) => showPreview(status, stage));
  buildCode(store, fetchUrl);
  readTyping(store, complain);
  const runner = new Runner(store, complain);
  store.subscribe((state, before) => {
    document.body.classList.toggle("has-video", state.video !== null);
    if (!state.problem && before.problem) showNotice(null);
  });
  store.setValues({ mask_type: "highlighted", output_video: true });
  if (link) await restore(store, stage, start, link, intake);
  const last = start.runs.at(-1);
  if (last && last.video === store.state.video?.id) runner.follow(last);
  followLink(store);
  void watchModel();
  document.body.classList.add("ready");
}
async function connect() {
  const place = byId("loading");
  for (; ; ) {
    try {
      const found = await Promise.all([getStart(), getSchema()]);
      place.hidden = true;
      return found;
    } catch (error) {
      place.textContent = error.sentence ?? String(error);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
  }
}
function openVideo(store, video) {
  const { fields, values } = store.state;
  const clean = { input_video: video.url ?? video.name };
  for (const field of fields) {
    if (CLICK_FIELDS.some((name) => name === field.name)) clean[field.name] = field.default ?? "";
  }
  const speed = fields.find((field) => field.name === "video_fps");
  if (speed && values.video_fps === speed.default && video.frame_rate) {
    clean.video_fps = Math.min(Math.max(Math.round(video.frame_rate), speed.minimum ?? 1), speed.maximum ?? 60);
  }
  store.clear({ video });
  store.setValues(clean);
  showNotice(null);
  byId("result").hidden = true;
  byId("video-name").textContent = video.name;
  byId("video-size").textContent = `${video.width} × ${video.height} · ${countOf(video.num_frames, "frame")}`;
  byId("stage").dispatchEvent(new CustomEvent("opened"));
}
async function restore(store, stage, start, link, intake) {
  const fill = () => {
    const defaults = Object.fromEntries(store.state.fields.map((field) => [field.name, field.default ?? ""]));
    store.setValues({ ...defaults, ...link });
    byId("form").dispatchEvent(new CustomEvent("typed"));
    void stage.goTo(Number(link.frame) || 0);
  };
  const known = start.videos.find((video) => video.id === link.video);
  const url = link.input_video ?? "";
  if (known) {
    openVideo(store, await getVideo(known.id));
    fill();
  } else if (/^https?:/i.test(url)) {
    fill();
    byId("stage").addEventListener("opened", () => queueMicrotask(fill), { once: true });
    intake.fetch(url);
  } else {
    fill();
    if (url) showNotice(`This link was made with ${url}. Open that file to continue.`);
    byId("stage").addEventListener("opened", () => queueMicrotask(fill), { once: true });
  }
}
function readTyping(store, complain) {
  let giveUp = new AbortController();
  let typed = false;
  let timer = 0;
  const resolve = async () => {
    giveUp.abort();
    giveUp = new AbortController();
    const { signal } = giveUp;
    const { values, video } = store.state;
    const strings = {};
    for (const name of CLICK_FIELDS) strings[name] = String(values[name] ?? "");
    const wasTyped = typed;
    typed = false;
    if (!strings.click_coordinates?.trim()) {
      if (wasTyped && store.state.drawing.clicks.length) store.adopt([]);
      store.update({ resolved: { clicks: [], objects: [], error: null } });
      return;
    }
    try {
      const resolved = await resolveClicks(strings, video?.id ?? null, signal);
      if (wasTyped && resolved.clicks) store.adopt(resolved.clicks);
      store.update({ resolved });
      const problem = store.state.problem;
      if (resolved.error && wasTyped) store.update({ problem: resolved.error });
      else if (!resolved.error && CLICK_FIELDS.some((name) => name === problem?.field)) store.update({ problem: null });
    } catch (error) {
      if (!signal.aborted) complain({ sentence: error.message, field: null });
    }
  };
  store.subscribe((state, before) => {
    if (!CLICK_FIELDS.some((name) => state.values[name] !== before.values[name]) && state.video === before.video)
      return;
    clearTimeout(timer);
    timer = window.setTimeout(resolve, typed ? 250 : 30);
  });
  byId("form").addEventListener("typed", () => {
    typed = true;
    clearTimeout(timer);
    timer = window.setTimeout(resolve, 250);
  });
}
function buildControls(store, stage) {
  const scrubber = byId("scrubber");
  const number = byId("frame-number");
  scrubber.oninput = () => void stage.goTo(Number(scrubber.value));
  number.onchange = () => void stage.goTo(Number(number.value) || 0);
  byId("previous").onclick = () => stage.step(-1);
  byId("next").onclick = () => stage.step(1);
  byId("undo").onclick = () => store.undo();
  byId("redo").onclick = () => store.redo();
  byId("zoom-in").onclick = () => stage.setZoom(stage.zoom * 1.6);
  byId("zoom-out").onclick = () => stage.setZoom(stage.zoom / 1.6);
  byId("zoom-fit").onclick = () => stage.setZoom(1);
  byId("remove-point").onclick = () => {
    if (store.state.selected !== null) removeClick(store, store.state.selected);
  };
  byId("stage").addEventListener("zoom", () => {
    byId("zoom-fit").title = `Show the whole frame (now ${Math.round(stage.zoom * 100)} %)`;
    byId("zoom-out").disabled = byId("zoom-fit").disabled = stage.zoom === 1;
  });
  byId("stage").addEventListener("opened", () => {
    void stage.goTo(0);
    stage.setZoom(1);
  });
  for (const input of document.querySelectorAll("[name=marking]")) {
    input.onchange = () => store.update({ marking: input.value });
  }
  document.addEventListener("keydown", (event) => shortcut(event, store, stage));
  store.subscribe((state) => {
    const last = (state.video?.num_frames ?? 1) - 1;
    scrubber.max = number.max = String(last);
    if (document.activeElement !== scrubber || Number(scrubber.value) === state.frame)
      scrubber.value = String(state.frame);
    scrubber.setAttribute("aria-valuetext", `frame ${state.frame} of ${last}`);
    number.value = String(state.frame);
    byId("last-frame").textContent = String(last);
    byId("timeline").hidden = last === 0;
    byId("previous").disabled = state.frame === 0;
    byId("next").disabled = state.frame === last;
    byId("undo").disabled = !store.canUndo;
    byId("redo").disabled = !store.canRedo;
    byId("remove-point").disabled = state.selected === null;
    markTicks(
      state.drawing.clicks.map((click) => click.frame),
      last
    );
  });
}
var ticked = "";
function markTicks(frames, last) {
  const unique = [...new Set(frames)];
  const key = `${unique} ${last}`;
  if (key === ticked) return;
  ticked = key;
  byId("ticks").replaceChildren(
    ...unique.filter((frame) => frame <= last).map((frame) => {
      const tick = document.createElement("i");
      tick.style.left = `${last ? 100 * frame / last : 0}%`;
      return tick;
    })
  );
}
function shortcut(event, store, stage) {
  const target = event.target;
  const isTyping = target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");
  if ((event.ctrlKey || event.metaKey) && !isTyping) {
    const key = event.key.toLowerCase();
    if (key === "z") event.shiftKey ? store.redo() : store.undo();
    else if (key === "y") store.redo();
    else return;
    event.preventDefault();
  } else if (target === document.body && store.state.video && !event.altKey) {
    if (event.key === "ArrowLeft") stage.step(event.shiftKey ? -10 : -1);
    else if (event.key === "ArrowRight") stage.step(event.shiftKey ? 10 : 1);
    else if (event.key === "Delete" && store.state.selected !== null) removeClick(store, store.state.selected);
    else return;
    event.preventDefault();
  }
}
function showPreview(status, stage) {
  const place = byId("preview-status");
  place.dataset.kind = status.kind;
  const [click, away] = stage.isTouch ? ["Tap", "long-press"] : ["Click", "right-click"];
  const texts = {
    nothing: `${click} on what you want to cut out.`,
    ready: `This will be cut out. ${click} what is missing; ${away} what does not belong.`,
    working: "Computing the mask…",
    waiting: "The model is busy with a run. The preview waits for it.",
    starting: "The model is starting. The preview follows."
  };
  if (status.kind === "failed") place.textContent = status.sentence;
  else if (status.kind === "later") {
    const names = status.names.join(", ");
    place.textContent = `On this frame the points of ${names} only remove: they are applied during the run.`;
  } else place.textContent = texts[status.kind];
}
function buildCode(store, fetchUrl) {
  const json = byId("json");
  const code = byId("code");
  let language = "curl";
  const render2 = () => {
    if (document.activeElement !== json) {
      json.value = jsonOf(store.state);
      byId("json-problem").textContent = "";
    }
    code.textContent = snippet(language, store.state);
  };
  for (const input of document.querySelectorAll("[name=language]")) {
    input.onchange = () => {
      language = input.value;
      render2();
    };
  }
  json.oninput = () => {
    const complaint = byId("json-problem");
    try {
      const given = JSON.parse(json.value);
      if (typeof given !== "object" || given === null) throw new SyntaxError("it should be a JSON object");
      const unknown = Object.keys(given).filter((name) => !store.state.fields.some((field) => field.name === name));
      const wrong = store.setValues({
        ...given,
        input_video: store.state.values.input_video
      });
      const bad = [
        ...unknown.map((name) => `${name} is not an input.`),
        ...wrong.map((name) => `${name} has a value of the wrong type.`)
      ];
      complaint.textContent = bad.join(" ");
      byId("form").dispatchEvent(new CustomEvent("typed"));
    } catch (error) {
      complaint.textContent = error instanceof SyntaxError ? `Not valid JSON: ${error.message}` : String(error);
    }
  };
  json.onblur = () => {
    try {
      const { input_video: url } = JSON.parse(json.value);
      if (typeof url === "string") fetchUrl(url);
    } catch {
      return;
    }
    render2();
  };
  byId("copy-json").onclick = (event) => void copyText(json.value, event.currentTarget);
  byId("copy-code").onclick = (event) => void copyText(code.textContent ?? "", event.currentTarget);
  byId("copy-link").onclick = (event) => void copyText(linkOf(store.state), event.currentTarget.querySelector("span"));
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.onclick = () => chooseTab(tab.dataset.tab ?? "form");
    tab.onkeydown = (event) => {
      const tabs = [...document.querySelectorAll("[role=tab]")];
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      if (!step || !next) return;
      chooseTab(next.dataset.tab ?? "form");
      next.focus();
    };
  }
  store.subscribe((state, before) => {
    if (state.values !== before.values || state.video !== before.video || state === before) render2();
  });
}
function chooseTab(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const isChosen = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    byId(`panel-${tab.dataset.tab}`).hidden = !isChosen;
  }
}
function showNotice(sentence) {
  const notice = byId("notice");
  notice.hidden = !sentence;
  notice.textContent = sentence ?? "";
}
async function watchModel() {
  const pill = byId("model-status");
  for (; ; ) {
    let status = "UNREACHABLE";
    try {
      status = await getStatus();
    } catch {
    }
    pill.dataset.status = status;
    pill.textContent = NAMES[status] ?? "Model unavailable";
    await new Promise((resolve) => setTimeout(resolve, status === "READY" ? 4e3 : 1200));
  }
}
var NAMES = {
  READY: "Model ready",
  BUSY: "Model working",
  STARTING: "Model starting…",
  SETUP_FAILED: "Model could not start",
  UNREACHABLE: "Model not reachable"
};
void main().catch((error) => showNotice(`The page failed: ${error instanceof Error ? error.message : error}`));
