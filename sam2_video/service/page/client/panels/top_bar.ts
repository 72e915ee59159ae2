// The bar at the top: the project's name, what is saved, the way to another video, the link, the model, help.

import { problemOf, shareProject, unshareProject } from "../api";
import { byId, copyText, h, icon, iconButton } from "../dom";
import type { Store } from "../state/store";
import { openHelp } from "../timeline/help";
import { watchModel } from "./model";
import { shareUrl } from "./place";
import { videoText } from "./words";

export function buildTopBar(store: Store, bar: HTMLElement, actions: HTMLElement): void {
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
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Escape") name.value = store.state.project?.name ?? "";
      if (event.key !== "Enter" && event.key !== "Escape") return;
      name.blur();
      byId("editor").focus({ preventScroll: true });
    },
  });
  const about = h("span", { class: "project-about" });
  const saved = h("span", { class: "project-saved", role: "status" });
  bar.append(name, about, saved);

  const change = h(
    "a",
    { class: "button quiet", href: "#", title: "Another video. This work stays under “Recent work”." },
    icon("video"),
    h("span", { class: "wide-text" }, "Change video"),
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

// "Copy link" shares the work and opens a card that can end it.
function shareButton(store: Store): HTMLElement[] {
  const label = h("span", { class: "wide-text" }, "Copy link");
  const button = h(
    "button",
    { type: "button", class: "quiet", id: "share", "aria-label": "Copy link" },
    icon("link"),
    label,
  );
  const link = h("input", {
    type: "text",
    readOnly: true,
    "aria-label": "Link to a copy of this work",
    onfocus: () => link.select(),
  });
  const copy = h(
    "button",
    { type: "button", class: "primary", onclick: () => void copyText(link.value, copy) },
    "Copy",
  );
  const stop = h("button", { type: "button" }, "Stop sharing");
  const line = h("p", { role: "status" });
  const card = h(
    "div",
    { class: "card-popover", id: "share-card", popover: "auto", role: "dialog", "aria-label": "Shared" },
    line,
    h("div", { class: "field-row" }, link, copy),
    h(
      "p",
      { class: "hint" },
      "Whoever has the link gets a copy of their own: video, points, masks and look, without exports. Nobody can change yours.",
    ),
    stop,
  );
  const set = (id: string, share: string | null) => {
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
      line.textContent = (await isCopied(link.value)) ? "Link copied. This work is shared." : "This work is shared.";
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
      set(project.id, null);
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

async function isCopied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // the browser does not allow it; the card shows the link
  }
}
