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
async function ask(method, path, body, signal) {
  const answer = await call(path, {
    method,
    ...body === void 0 ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
    signal: signal ?? null
  });
  return answer.status === 204 ? void 0 : await answer.json();
}
var getStart = () => ask("GET", "/api/start");
var getSchema = () => ask("GET", "/openapi.json");
var at = (project) => `/api/projects/${encodeURIComponent(project.id)}`;
var saveProject = (project, changes) => ask("PUT", at(project), { ...changes, revision: project.revision });
var startTrack = (project, plan, objects) => ask("POST", `${at(project)}/tracks`, {
  objects,
  prompts: plan.prompts,
  start_frame: plan.start,
  end_frame: plan.end
});
var cancelTrack = (track) => ask("POST", `/api/tracks/${track.id}/cancel`, {});
var trackEventsUrl = (track) => `/api/tracks/${track.id}/events`;

// dom.ts
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

// panels/panel.ts
function buildPanel(_store, _root, _tracker, _stage) {
}

// panels/start.ts
async function buildStart(_store, _root) {
}

// panels/top_bar.ts
function buildTopBar(_store, _bar, _actions) {
}

// project/saver.ts
var QUIET_MS = 600;
var Saver = class {
  // the document that the server has
  constructor(store) {
    this.store = store;
    store.subscribe((state, before) => {
      if (state.project?.id !== before.project?.id) this.saved = state.doc && this.text();
      else if (state.doc !== before.doc || state.frame !== before.frame) this.soon();
    });
    addEventListener("pagehide", () => void this.save());
  }
  store;
  timer = 0;
  isSaving = false;
  saved = null;
  text() {
    const { doc, frame } = this.store.state;
    return JSON.stringify({ ...doc, frame });
  }
  soon() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.save(), QUIET_MS);
  }
  async save() {
    const { opened } = this.store;
    const text = opened && this.text();
    if (!opened || !text || text === this.saved || this.isSaving) return;
    this.isSaving = true;
    try {
      const { revision } = await saveProject(opened.project, { document: JSON.parse(text) });
      this.saved = text;
      const { project } = this.store.state;
      if (project?.id === opened.project.id) this.store.update({ project: { ...project, revision } });
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    } finally {
      this.isSaving = false;
    }
    if (this.text() !== this.saved) this.soon();
  }
};

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
function markOf(doc, object, frame) {
  return doc.marks.find((mark) => mark.object === object && mark.frame === frame) ?? null;
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
      problem: null
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
    const isActive = track.status === "waiting" || track.status === "running";
    this.update({ project: { ...project, tracks }, tracking: isActive ? track : null });
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
  buildPanel(store, byId("panel"), tracker, stage);
  buildTopBar(store, byId("project-bar"), byId("top-actions"));
  listenForKeys(store, transport, stage);
  new Saver(store);
  store.subscribe((state, before) => {
    document.body.dataset.view = state.project ? "editor" : "start";
    if (state.project && state.project.id !== before.project?.id) void transport.goTo(state.frame);
    const notice = byId("notice");
    notice.hidden = !state.problem;
    notice.textContent = state.problem?.sentence ?? "";
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
