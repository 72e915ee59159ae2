// The start: what it does, a video by file, URL or example, earlier work. Opens what the page's URL names.

import { ApiError, getProject, getStart, openShared, problemOf } from "../api";
import { byId, h, icon, iconButton } from "../dom";
import type { Store } from "../state/store";
import type { Example, Project } from "../types";
import { Intake } from "./intake";
import { placeOf, projectHash } from "./place";
import { buildRecent } from "./recent";
import { modelText } from "./words";

export async function buildStart(store: Store, root: HTMLElement): Promise<void> {
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
    required: true,
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
    "Choose a video",
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
            "Click on it once. It is found in every frame, ready to export with transparency.",
          ),
          h(
            "div",
            { class: "start-drop" },
            choose,
            form,
            h("p", { class: "hint" }, "Or drop one anywhere. A still picture gives a picture."),
          ),
          model,
        ),
        heroOf(examples),
      ),
      examples.length ? examplesOf(examples, intake) : null,
      buildRecent(store),
    ),
  );
  store.subscribe(({ start }) => {
    model.hidden = !start.model;
    const text = start.model ? `Runs SAM 2 ${start.model.name}. ${modelText(start.model)}` : "";
    if (model.textContent !== text) model.textContent = text;
  });
  addEventListener("hashchange", () => void go(store));
  await go(store);
}

function show(store: Store, project: Project): void {
  store.open(project);
  byId("editor").focus({ preventScroll: true });
}

// Shows what the page's URL names; without it, or where it cannot be shown, the start.
async function go(store: Store): Promise<void> {
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

const GONE = {
  share: "This shared work is not here any more: its owner stopped sharing it, or it was deleted.",
  project:
    "This work is not here: it was deleted, or it belongs to another browser. Its owner can share it with “Copy link”.",
} as const;

async function goToStart(store: Store, isLeft: () => boolean): Promise<void> {
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

// A moving before-and-after. It stands still, with a button, where less motion is wanted.
function heroOf(examples: readonly Example[]): HTMLElement | null {
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
    "aria-label": `Before and after: ${example.title}`,
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
  // Nothing plays where nobody sees it.
  new IntersectionObserver(([entry]) => {
    if (isCalm) return;
    if (entry!.isIntersecting) void film.play().catch(() => undefined);
    else film.pause();
  }).observe(film);
  return h("figure", { class: "hero" }, film, button);
}

function examplesOf(examples: readonly Example[], intake: Intake): HTMLElement {
  return h(
    "section",
    { class: "examples", "aria-labelledby": "examples-title" },
    h("div", { class: "start-head" }, h("h2", { id: "examples-title" }, "Try an example")),
    h(
      "ul",
      { class: "example-list" },
      ...examples
        .slice(0, 3)
        .map((example) =>
          h(
            "li",
            {},
            h(
              "button",
              { type: "button", class: "example", onclick: () => void intake.example(example) },
              h("img", { src: example.thumbnail, alt: "" }),
              h("span", {}, example.title),
            ),
          ),
        ),
    ),
  );
}
