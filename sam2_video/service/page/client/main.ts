// Builds the page from its parts.

import { getSchema, getStart, getStatus, getVideo, resolveClicks } from "./api";
import { byId, copyText, countOf, icon } from "./dom";
import { removeClick } from "./editing";
import { buildForm } from "./form";
import { Intake } from "./intake";
import { followLink, linkOf, readLink } from "./link";
import { buildObjects } from "./objects";
import { Preview, type PreviewStatus } from "./preview";
import { Runner } from "./run";
import { fieldsOf } from "./schema";
import { jsonOf, type Language, snippet } from "./snippets";
import { Stage } from "./stage";
import { CLICK_FIELDS, Store } from "./store";
import type { Problem, Start, Values, Video } from "./types";

async function main(): Promise<void> {
  for (const place of document.querySelectorAll<HTMLElement>("[data-icon]")) {
    place.prepend(icon(place.dataset.icon as Parameters<typeof icon>[0]));
  }
  const [start, schema] = await connect();
  const store = new Store(start, fieldsOf(schema));
  const complain = (problem: Problem): void => {
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
  const fetchUrl = (url: string) => {
    if (/^https?:/i.test(url) && url !== store.state.video?.url) intake.fetch(url);
  };
  buildForm(store, { main: byId("fields"), text: byId<HTMLDetailsElement>("text-fields") }, fetchUrl);
  buildObjects(store);
  const stage = new Stage(store, byId("stage"), (text) => (byId("spoken").textContent = text));
  buildControls(store, stage);
  new Preview(store, stage.canvas, (status) => showPreview(status, stage));
  buildCode(store, fetchUrl);
  readTyping(store, complain);
  const runner = new Runner(store, complain);
  store.subscribe((state, before) => {
    document.body.classList.toggle("has-video", state.video !== null);
    if (!state.problem && before.problem) showNotice(null);
  });

  // Start with a highlighted video, which can be watched at once; each field names the server's default.
  store.setValues({ mask_type: "highlighted", output_video: true });
  if (link) await restore(store, stage, start, link, intake);
  const last = start.runs.at(-1);
  if (last && last.video === store.state.video?.id) runner.follow(last);
  followLink(store);
  void watchModel();
  document.body.classList.add("ready");
}

// Retries until the server answers.
async function connect(): Promise<[Start, unknown]> {
  const place = byId("loading");
  for (;;) {
    try {
      const found = await Promise.all([getStart(), getSchema()]);
      place.hidden = true;
      return found;
    } catch (error) {
      place.textContent = (error as Partial<Problem>).sentence ?? String(error);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
  }
}

function openVideo(store: Store, video: Video): void {
  const { fields, values } = store.state;
  const clean: Record<string, unknown> = { input_video: video.url ?? video.name };
  for (const field of fields) {
    if (CLICK_FIELDS.some((name) => name === field.name)) clean[field.name] = field.default ?? "";
  }
  // Play the result at the speed of the source, unless the visitor has chosen another.
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

// Restores a link: the form, the points, and the video if the server still has it.
async function restore(
  store: Store,
  stage: Stage,
  start: Start,
  link: Record<string, string>,
  intake: Intake,
): Promise<void> {
  const fill = () => {
    // A link leaves out defaults, so reset the page's own first choices too.
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

// Moves the points when valid click strings are typed.
function readTyping(store: Store, complain: (problem: Problem) => void): void {
  let giveUp = new AbortController();
  let typed = false;
  let timer = 0;
  const resolve = async () => {
    giveUp.abort();
    giveUp = new AbortController();
    const { signal } = giveUp;
    const { values, video } = store.state;
    const strings: Record<string, string> = {};
    for (const name of CLICK_FIELDS) strings[name] = String(values[name] ?? "");
    const wasTyped = typed;
    typed = false;
    if (!strings.click_coordinates?.trim()) {
      if (wasTyped && store.state.drawing.clicks.length) store.adopt([]);
      store.update({ resolved: { clicks: [], objects: [], error: null } });
      return;
    }
    try {
      const resolved = await resolveClicks(strings as Values, video?.id ?? null, signal);
      if (wasTyped && resolved.clicks) store.adopt(resolved.clicks);
      store.update({ resolved });
      const problem = store.state.problem;
      if (resolved.error && wasTyped) store.update({ problem: resolved.error });
      else if (!resolved.error && CLICK_FIELDS.some((name) => name === problem?.field)) store.update({ problem: null });
    } catch (error) {
      if (!signal.aborted) complain({ sentence: (error as Error).message, field: null });
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

function buildControls(store: Store, stage: Stage): void {
  const scrubber = byId<HTMLInputElement>("scrubber");
  const number = byId<HTMLInputElement>("frame-number");
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
    byId<HTMLButtonElement>("zoom-out").disabled = byId<HTMLButtonElement>("zoom-fit").disabled = stage.zoom === 1;
  });
  byId("stage").addEventListener("opened", () => {
    void stage.goTo(0);
    stage.setZoom(1);
  });
  for (const input of document.querySelectorAll<HTMLInputElement>("[name=marking]")) {
    input.onchange = () => store.update({ marking: input.value as "in" | "out" });
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
    byId<HTMLButtonElement>("previous").disabled = state.frame === 0;
    byId<HTMLButtonElement>("next").disabled = state.frame === last;
    byId<HTMLButtonElement>("undo").disabled = !store.canUndo;
    byId<HTMLButtonElement>("redo").disabled = !store.canRedo;
    byId<HTMLButtonElement>("remove-point").disabled = state.selected === null;
    markTicks(
      state.drawing.clicks.map((click) => click.frame),
      last,
    );
  });
}

// Marks the frames with points on the scrubber.
let ticked = "";
function markTicks(frames: readonly number[], last: number): void {
  const unique = [...new Set(frames)];
  const key = `${unique} ${last}`;
  if (key === ticked) return;
  ticked = key;
  byId("ticks").replaceChildren(
    ...unique
      .filter((frame) => frame <= last)
      .map((frame) => {
        const tick = document.createElement("i");
        tick.style.left = `${last ? (100 * frame) / last : 0}%`;
        return tick;
      }),
  );
}

function shortcut(event: KeyboardEvent, store: Store, stage: Stage): void {
  const target = event.target as HTMLElement;
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

function showPreview(status: PreviewStatus, stage: Stage): void {
  const place = byId("preview-status");
  place.dataset.kind = status.kind;
  const [click, away] = stage.isTouch ? ["Tap", "long-press"] : ["Click", "right-click"];
  const texts = {
    nothing: `${click} on what you want to cut out.`,
    ready: `This will be cut out. ${click} what is missing; ${away} what does not belong.`,
    working: "Computing the mask…",
    waiting: "The model is busy with a run. The preview waits for it.",
    starting: "The model is starting. The preview follows.",
  };
  if (status.kind === "failed") place.textContent = status.sentence;
  else if (status.kind === "later") {
    const names = status.names.join(", ");
    place.textContent = `On this frame the points of ${names} only remove: they are applied during the run.`;
  } else place.textContent = texts[status.kind];
}

function buildCode(store: Store, fetchUrl: (url: string) => void): void {
  const json = byId<HTMLTextAreaElement>("json");
  const code = byId("code");
  let language: Language = "curl";
  const render = () => {
    if (document.activeElement !== json) {
      json.value = jsonOf(store.state);
      byId("json-problem").textContent = "";
    }
    code.textContent = snippet(language, store.state);
  };
  for (const input of document.querySelectorAll<HTMLInputElement>("[name=language]")) {
    input.onchange = () => {
      language = input.value as Language;
      render();
    };
  }
  json.oninput = () => {
    const complaint = byId("json-problem");
    try {
      const given: unknown = JSON.parse(json.value);
      if (typeof given !== "object" || given === null) throw new SyntaxError("it should be a JSON object");
      const unknown = Object.keys(given).filter((name) => !store.state.fields.some((field) => field.name === name));
      const wrong = store.setValues({
        ...(given as Record<string, unknown>),
        input_video: store.state.values.input_video,
      });
      const bad = [
        ...unknown.map((name) => `${name} is not an input.`),
        ...wrong.map((name) => `${name} has a value of the wrong type.`),
      ];
      complaint.textContent = bad.join(" ");
      byId("form").dispatchEvent(new CustomEvent("typed"));
    } catch (error) {
      complaint.textContent = error instanceof SyntaxError ? `Not valid JSON: ${error.message}` : String(error);
    }
  };
  json.onblur = () => {
    try {
      const { input_video: url } = JSON.parse(json.value) as { input_video?: unknown };
      if (typeof url === "string") fetchUrl(url);
    } catch {
      return; // the message below the field says why; the text stays, to be corrected
    }
    render();
  };
  byId("copy-json").onclick = (event) => void copyText(json.value, event.currentTarget as HTMLElement);
  byId("copy-code").onclick = (event) => void copyText(code.textContent ?? "", event.currentTarget as HTMLElement);
  byId("copy-link").onclick = (event) =>
    void copyText(linkOf(store.state), (event.currentTarget as HTMLElement).querySelector("span")!);
  for (const tab of document.querySelectorAll<HTMLElement>("[role=tab]")) {
    tab.onclick = () => chooseTab(tab.dataset.tab ?? "form");
    tab.onkeydown = (event) => {
      const tabs = [...document.querySelectorAll<HTMLElement>("[role=tab]")];
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      if (!step || !next) return;
      chooseTab(next.dataset.tab ?? "form");
      next.focus();
    };
  }
  store.subscribe((state, before) => {
    if (state.values !== before.values || state.video !== before.video || state === before) render();
  });
}

function chooseTab(name: string): void {
  for (const tab of document.querySelectorAll<HTMLElement>("[role=tab]")) {
    const isChosen = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    byId(`panel-${tab.dataset.tab}`).hidden = !isChosen;
  }
}

function showNotice(sentence: string | null): void {
  const notice = byId("notice");
  notice.hidden = !sentence;
  notice.textContent = sentence ?? "";
}

// Polls the state of the model, more often until it is ready.
async function watchModel(): Promise<void> {
  const pill = byId("model-status");
  for (;;) {
    let status = "UNREACHABLE";
    try {
      status = await getStatus();
    } catch {
      // Shown as unreachable; the next poll may succeed.
    }
    pill.dataset.status = status;
    pill.textContent = NAMES[status] ?? "Model unavailable";
    await new Promise((resolve) => setTimeout(resolve, status === "READY" ? 4000 : 1200));
  }
}

const NAMES: Record<string, string> = {
  READY: "Model ready",
  BUSY: "Model working",
  STARTING: "Model starting…",
  SETUP_FAILED: "Model could not start",
  UNREACHABLE: "Model not reachable",
};

void main().catch((error: unknown) => showNotice(`The page failed: ${error instanceof Error ? error.message : error}`));
