// Recent work: the visitor's projects, to open or delete.

import { problemOf, removeProject, thumbnailUrl } from "../api";
import { countOf, h, iconButton } from "../dom";
import type { Store } from "../state/store";
import type { ProjectSummary } from "../types";
import { projectHash } from "./place";
import { whenText } from "./words";

export function buildRecent(store: Store): HTMLElement {
  const list = h("ul", { class: "recent-list" });
  const title = h("h2", { id: "recent-title", tabIndex: -1 }, "Recent work");
  const kept = h("p", { class: "hint" });
  const section = h(
    "section",
    { class: "recent", "aria-labelledby": "recent-title" },
    h("div", { class: "start-head" }, title, kept),
    list,
  );
  let asked: string | null = null; // the project whose deletion has to be confirmed

  const ask = (id: string | null) => {
    const before = asked;
    asked = id;
    render();
    list.querySelector<HTMLElement>(id ? `[data-keep="${id}"]` : `[data-remove="${before}"]`)?.focus();
  };

  const remove = async (project: ProjectSummary) => {
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
    const links = list.querySelectorAll<HTMLElement>("a");
    const next = links[Math.min(place, links.length - 1)];
    (next ?? document.getElementById("choose-video"))?.focus();
  };

  function itemOf(project: ProjectSummary): HTMLElement {
    const { id, name, video, changed_at, tracked_frames, is_shared } = project;
    if (asked === id) {
      const keep = h("button", { type: "button", "data-keep": id, onclick: () => ask(null) }, "Keep");
      const sure = h("button", { type: "button", class: "danger", onclick: () => void remove(project) }, "Delete");
      return h(
        "li",
        { class: "recent-item is-asked" },
        h("p", {}, `Delete “${name}” with its masks and exports?`),
        h("div", { class: "recent-buttons" }, sure, keep),
      );
    }
    const tracked = tracked_frames ? `${countOf(tracked_frames, "frame")} tracked` : "not tracked";
    const bin = iconButton("trash", `Delete ${name}`, () => ask(id));
    bin.dataset.remove = id;
    return h(
      "li",
      { class: "recent-item" },
      h(
        "a",
        { href: projectHash(id) },
        h("img", { src: thumbnailUrl(video, Math.floor(video.num_frames / 2)), alt: "", loading: "lazy" }),
        h("strong", {}, name),
        h("span", {}, `${whenText(changed_at, Date.now())} · ${tracked}${is_shared ? " · shared" : ""}`),
      ),
      bin,
    );
  }

  function render(): void {
    const { projects, keep_minutes } = store.state.start;
    section.hidden = !projects.length;
    kept.textContent = `Kept for ${keptText(keep_minutes)} after you last use it.`;
    list.replaceChildren(...projects.map(itemOf));
  }

  store.subscribe((state, before) => {
    if (state.start.projects !== before.start.projects || state === before) render();
  });
  return section;
}

function keptText(minutes: number): string {
  if (minutes < 120) return countOf(minutes, "minute");
  return minutes < 2880 ? countOf(Math.round(minutes / 60), "hour") : countOf(Math.round(minutes / 1440), "day");
}
