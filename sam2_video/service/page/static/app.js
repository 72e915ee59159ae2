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
var frameUrl = (video, index) => `/api/videos/${video.id}/frames/${index}`;
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
var maskUrl = (track, index) => `/api/tracks/${track.id}/frames/${index}`;
async function previewMask(project, prompt, signal) {
  const answer = await call(`${at(project)}/mask`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(prompt),
    signal
  });
  return answer.blob();
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
function iconButton(name, label2, onclick) {
  return h("button", { type: "button", class: "icon-button", title: label2, "aria-label": label2, onclick }, icon(name));
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
  const empty2 = emptyDoc(video);
  const doc = saved;
  if (!doc || !Array.isArray(doc.objects) || !Array.isArray(doc.marks)) return empty2;
  return { ...empty2, ...doc, look: { ...LOOK, ...doc.look } };
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
function hideObject(doc, id, hidden) {
  return { ...doc, objects: doc.objects.map((object) => object.id === id ? { ...object, hidden } : object) };
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
function isStale(doc, tracks, object, frame) {
  const from = staleFrom(doc, tracks, object);
  return from !== null && frame >= from && trackOf(tracks, object, frame) !== null;
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
function isMarkNew(doc, tracks, object, frame) {
  const mark = markOf(doc, object, frame);
  if (!mark) return false;
  const had = trackOf(tracks, object, frame)?.prompts.find((one) => one.object === object && one.frame === frame);
  return marksOf(had ?? null) !== marksOf(promptOf(mark));
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
    const entry = this.entries.get(key);
    if (!entry) return void 0;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
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
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.bytes -= entry.bytes;
    this.drop(entry.value);
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
    const count = Math.max(2, Math.min(MOST_AHEAD, Math.floor(PICTURE_BYTES / 3 / (width * height * 4))));
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
function colourOf(state, object) {
  const { palette } = state.start;
  const index = state.doc?.objects.findIndex(({ id }) => id === object) ?? 0;
  return palette[Math.max(0, index) % palette.length] ?? "gray";
}

// stage/click_target.ts
var NEAR = 0.06;
function targetOfClick(scene, at2, foreground) {
  const { doc, masks } = scene;
  const { active } = doc;
  if (!foreground) {
    return active !== null && isStarted(scene, active) ? { kind: "add", maskOf: maskToRefine(scene, active) } : { kind: "refuse", sentence: "Click on the object first. Then remove what does not belong to it." };
  }
  if (active === null) {
    const object = objectsAt(scene, at2).at(-1);
    return object === void 0 ? { kind: "add", maskOf: null } : { kind: "choose", object };
  }
  const add = { kind: "add", maskOf: maskToRefine(scene, active) };
  if (!isMarked(doc, active)) return add;
  const found = objectsAt(scene, at2);
  if (found.includes(active)) return add;
  const other = found.at(-1);
  if (other !== void 0) return { kind: "choose", object: other };
  const own = masks.get(active);
  if (!own?.box) return isHere(scene, active) && own ? { kind: "ask", object: active } : add;
  const near = NEAR * Math.hypot(scene.width, scene.height);
  if (distanceTo(own, scene.width, at2, near) <= near) return add;
  return { kind: "ask", object: nearest(scene, at2, near) ?? active };
}
function targetOfBox(scene, box) {
  const { doc, masks, width } = scene;
  const { active } = doc;
  const add = { kind: "add", maskOf: null };
  const own = active === null ? void 0 : masks.get(active);
  if (active === null || !own?.box || !isMarked(doc, active)) return add;
  if (hasPixelIn(own, width, box)) return add;
  const other = [...masks].find(([, layer]) => hasPixelIn(layer, width, box))?.[0];
  return { kind: "ask", object: other ?? active };
}
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
var isMarked = (doc, object) => doc.marks.some((mark) => mark.object === object);
var isHere = ({ doc, frame }, object) => markOf(doc, object, frame) !== null;
function isStarted(scene, object) {
  const mark = markOf(scene.doc, object, scene.frame);
  if (mark?.box || mark?.clicks.some(({ foreground }) => foreground)) return true;
  return (scene.masks.get(object)?.box ?? null) !== null;
}
function nearest(scene, at2, near) {
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
  return doc.objects.flatMap(({ id, hidden }) => {
    const layer = hidden ? void 0 : previews.get(id) ?? masks.get(id);
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
  // The handle that an element belongs to, and whether a place of the window is on its dot: what
  // reacts to a finger is larger than that.
  handleAt(event) {
    const button = event.target.closest(".stage-handle");
    const found = [...this.buttons.values()].find((one) => one.button === button);
    if (!found) return null;
    const box = found.button.getBoundingClientRect();
    const far = Math.hypot(event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
    return { handle: found.handle, isOnDot: far <= box.width / 2 + 1 };
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
    const fixed = placeOf(box, opposite(part));
    const x2 = clamp(Math.round(to.x), width);
    const y = clamp(Math.round(to.y), height);
    if (x2 === fixed.x || y === fixed.y) return handle;
    const moved = [Math.min(x2, fixed.x), Math.min(y, fixed.y), Math.max(x2, fixed.x), Math.max(y, fixed.y)];
    this.store.adjust((doc) => addBox(chooseObject(doc, object), frame, moved, null));
    const now = CORNERS.find((corner) => placeOf(moved, corner).x === x2 && placeOf(moved, corner).y === y);
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
      const isActive = object === state.doc.active;
      const name = state.doc.objects.find(({ id }) => id === object)?.name ?? object;
      const colour = colourOf(state, object);
      const selected = state.selected?.object === object ? state.selected.click : null;
      clicks.forEach((click, index) => {
        const button = this.buttonOf({ object, part: index }, kept);
        button.className = `stage-handle stage-dot${click.foreground ? "" : " stage-out"}${isActive ? "" : " stage-other"}`;
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
      frame.classList.toggle("stage-other", !isActive);
      frame.style.setProperty("--colour", colour);
      for (const corner of CORNERS) {
        const button = this.buttonOf({ object, part: corner }, kept);
        button.className = `stage-handle stage-corner${isActive ? "" : " stage-other"}`;
        button.classList.toggle("stage-selected", selected === "box");
        button.dataset.corner = corner;
        button.style.setProperty("--colour", colour);
        const at2 = placeOf(box, corner);
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
  if (typeof part !== "number") return mark?.box ? placeOf(mark.box, part) : null;
  const click = mark?.clicks[part];
  return click ? { x: click.x + 0.5, y: click.y + 0.5 } : null;
}
function label(button, text) {
  if (button.getAttribute("aria-label") !== text) button.setAttribute("aria-label", text);
}
var keyOf = ({ object, part }) => `${object}/${part}`;
var clamp = (value, most) => Math.min(Math.max(value, 0), most);
var placeOf = ([x1, y1, x2, y2], corner) => ({
  x: corner.endsWith("left") ? x1 : x2,
  y: corner.startsWith("top") ? y1 : y2
});
var opposite = (corner) => {
  const [row, side] = corner.split(" ");
  return `${row === "top" ? "bottom" : "top"} ${side === "left" ? "right" : "left"}`;
};

// stage/preview.ts
var KEPT_BYTES = 48e6;
var QUIET_MS2 = 40;
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
      await pause(QUIET_MS2, signal);
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
      if (event.key === "Escape") this.close();
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.turn();
      else if (event.key !== "Enter" && event.key !== " " && event.key !== "Tab") return;
      if (event.key !== "Enter" && event.key !== " " && event.key !== "Tab") event.preventDefault();
      event.stopPropagation();
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
  at = { x: 0, y: 0 };
  get isOpen() {
    return !this.element.hidden;
  }
  // `at`: the pixel of the picture that it is about.
  ask(at2, name, makeNew, add) {
    this.at = at2;
    const choice = (text, act) => h("button", {
      type: "button",
      textContent: text,
      onclick: () => {
        this.close();
        act();
      }
    });
    this.element.replaceChildren(choice("New object", makeNew), choice(`Add to ${name}`, add));
    this.element.hidden = false;
  }
  focus() {
    this.element.querySelector("button")?.focus({ preventScroll: true });
  }
  close() {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.done();
  }
  // Beside the point, inside of the area.
  place(areaAt, across, down) {
    if (!this.isOpen) return;
    const { x: x2, y } = areaAt(this.at);
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x2 + 18 + width > across ? x2 - 18 - width : x2 + 18;
    this.element.style.left = `${Math.max(8, Math.min(left, across - width - 8))}px`;
    this.element.style.top = `${Math.max(8, Math.min(y - height / 2, down - height - 8))}px`;
  }
  turn() {
    const buttons = [...this.element.querySelectorAll("button")];
    buttons.find((button) => button !== document.activeElement)?.focus();
  }
};

// stage/status.ts
function statusOf(shown) {
  const { doc, frame, masks, preview, isTouch } = shown;
  if (preview.kind === "failed") return { kind: "failed", text: preview.sentence };
  if (preview.kind === "starting") return { kind: "working", text: "The model is starting…" };
  if (preview.kind === "waiting") return { kind: "working", text: "Waiting for the model…" };
  if (preview.kind === "working") return { kind: "working", text: "Finding the object…" };
  const active = doc.objects.find(({ id }) => id === doc.active);
  const click = isTouch ? "Tap" : "Click";
  if (!active || !doc.marks.some(({ object }) => object === active.id)) {
    return { kind: "hint", text: `${click} on what you want to cut out.` };
  }
  if (shown.isStale(active.id)) {
    return { kind: "hint", text: "This mask is out of date. Track again to renew it." };
  }
  if (masks.get(active.id)?.box) {
    return {
      kind: "ready",
      text: isTouch ? "Selected. Tap to add, press and hold to remove." : "Selected. Click to add, right-click to remove."
    };
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
  constructor(store, root, frames, say) {
    this.store = store;
    this.frames = frames;
    this.say = say;
    this.question = new Question(() => this.focus());
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
      this.question.element
    );
    this.area.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.fit.classList.add("stage-fit");
    root.append(
      this.area,
      this.status,
      this.fit,
      h("p", {
        id: "stage-keys",
        class: "hidden-text",
        textContent: "Enter shows a crosshair, which the arrow keys move. Enter then adds a point, Alt and Enter one that is not part of the object. Delete removes the selected point."
      })
    );
    addEventListener("keydown", (event) => this.space(event, true));
    addEventListener("keyup", (event) => this.space(event, false));
    addEventListener("blur", () => this.holdSpace(false));
    new ResizeObserver(() => this.resize()).observe(this.area);
    this.previews = new Previews(store, () => this.draw());
    store.subscribe((state, before) => this.render(state, before));
  }
  store;
  frames;
  say;
  viewport = new Viewport();
  picture = h("canvas", { "aria-hidden": "true" });
  overlay = h("canvas", { "aria-hidden": "true" });
  layer = h("div", { class: "stage-layer" }, this.picture, this.overlay);
  cross = h("div", { class: "stage-cross", hidden: true });
  band = h("div", { class: "stage-box stage-band", hidden: true });
  status = h("p", { class: "stage-status", hidden: true });
  fit = iconButton("fit", "Show the whole picture", () => {
    this.setZoom(1);
    this.focus();
  });
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
  loading = 0;
  // counts what was asked for
  isLoading = false;
  isDrawing = false;
  pointers = /* @__PURE__ */ new Map();
  grip = null;
  crossAt = null;
  // in pixels of the picture
  isSpaceDown = false;
  hasSpacePanned = false;
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
  // Whether the picture was dragged since Space went down: then Space does not play.
  get hasPanned() {
    return this.hasSpacePanned;
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
    if (isMoved) {
      this.question.close();
      this.setCross(null);
    }
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
    const image = context.createImageData(width, height);
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
    this.fit.hidden = zoom === 1;
    this.marks.place();
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
    if (event.button > 1) return;
    const { tool, isPlaying, tracking } = this.store.state;
    if (isPlaying || tracking && this.store.state.follow) this.store.update({ isPlaying: false, follow: false });
    this.question.close();
    const held = this.marks.handleAt(event);
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
    if (event.pointerType === "touch" && does === "click") {
      this.grip.longPress = window.setTimeout(() => this.pressLong(event), LONG_PRESS_MS);
    }
    this.area.setPointerCapture(event.pointerId);
    this.area.classList.toggle("stage-panning", doesPan);
    if (doesPan || held) event.preventDefault();
    if (held && does === "move" && held.isOnDot) {
      this.marks.select(held.handle);
      this.marks.focus(held.handle);
    } else if (!doesPan) this.focus();
  }
  pressLong(event) {
    const grip = this.grip;
    if (!grip || grip.isDragged) return;
    grip.isDragged = true;
    navigator.vibrate?.(15);
    const pixel = this.pixelAt(event);
    if (pixel) this.click(pixel, false);
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
        this.marks.select(grip.handle);
        this.store.remember();
      }
      if (grip.does === "pan") this.hasSpacePanned = this.isSpaceDown;
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
    if (grip.isDragged || grip.does === "pan" || grip.does === "move" && grip.isOnDot) return;
    const pixel = this.pixelAt(event);
    if (pixel && !event.ctrlKey) this.click(pixel, !event.altKey && this.store.state.tool !== "remove");
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
    if (this.isTouch || this.grip?.isDragged || this.marks.handleAt(event)?.isOnDot) return;
    if (event.button !== 2 && !event.ctrlKey) return;
    this.endGrip();
    this.pointers.clear();
    const pixel = this.pixelAt(event);
    if (!pixel) return;
    this.focus();
    this.click(pixel, false);
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
    if (isDown) this.hasSpacePanned = false;
    this.isSpaceDown = isDown;
    this.area.classList.toggle("stage-grab", isDown);
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
  click(at2, foreground) {
    const scene = this.scene();
    if (!scene) return;
    const add = (doc, maskOf) => addClick(doc, scene.frame, { ...at2, foreground }, maskOf);
    this.apply(targetOfClick(scene, at2, foreground), { x: at2.x + 0.5, y: at2.y + 0.5 }, add);
  }
  drawBox(box) {
    const scene = this.scene();
    if (!scene) return;
    const add = (doc, maskOf) => addBox(doc, scene.frame, box, maskOf);
    this.apply(targetOfBox(scene, box), { x: box[2], y: (box[1] + box[3]) / 2 }, add);
  }
  apply(target, at2, add) {
    if (target.kind === "refuse") {
      this.refusal = target.sentence;
      this.tell();
    } else if (target.kind === "choose") {
      this.store.adjust((doc) => chooseObject(doc, target.object), { selected: null });
      this.say(`${this.nameOf(target.object)} is selected.`);
    } else if (target.kind === "add") {
      this.edit((doc) => add(doc, target.maskOf));
    } else {
      const { object } = target;
      this.question.ask(
        at2,
        this.nameOf(object),
        () => this.edit((doc) => add(addObject(doc), null)),
        () => this.edit((doc) => add(chooseObject(doc, object), null))
      );
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
    const hasNewBox = mark?.box !== markOf(doc, active, frame)?.box;
    const click = hasNewBox ? "box" : (mark?.clicks.length ?? 0) - 1;
    this.store.edit(() => hideObject(after, active, false), { selected: { object: active, click } });
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
