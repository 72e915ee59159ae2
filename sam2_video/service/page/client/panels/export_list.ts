// The exports of a project: their progress, downloads, and a look at what came out.

import { cancelExport, exportEventsUrl, exportZipUrl, problemOf, removeExport } from "../api";
import { countOf, h, icon, iconButton } from "../dom";
import type { Store } from "../state/store";
import { isActive } from "../state/tracked";
import type { Export, ExportFile } from "../types";
import { showPreview } from "./preview";
import { bytesText, whenText } from "./words";

const downloadUrl = ({ url }: ExportFile): string => `${url}?download=1`;

const MOST_FILES = 6; // that are listed one by one

export class ExportList {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "export-list" });
  private readonly events = new Map<string, EventSource>();
  private readonly awaited = new Set<string>(); // started in this window: downloaded once they are done

  constructor(private readonly store: Store) {
    this.element = h("section", { class: "exports", "aria-label": "Exports", tabIndex: -1 }, this.list);
    store.subscribe(({ project }, before) => {
      if (project?.id !== before.project?.id) this.stop();
      for (const one of project?.exports ?? []) if (isActive(one) && !this.events.has(one.id)) this.follow(one);
      if (project?.exports !== before.project?.exports || project?.id !== before.project?.id) this.render();
    });
  }

  begin(project: string, started: Export): void {
    this.awaited.add(started.id);
    if (this.store.state.project?.id === project) this.set(started);
  }

  private stop(): void {
    for (const events of this.events.values()) events.close();
    this.events.clear();
  }

  private follow({ id }: Export): void {
    const events = new EventSource(exportEventsUrl(id));
    this.events.set(id, events);
    events.onmessage = ({ data }: MessageEvent<string>) => {
      const now = JSON.parse(data) as Export;
      if (!isActive(now)) {
        events.close();
        this.events.delete(id);
        if (now.status === "done" && this.awaited.delete(id)) download(now);
      }
      this.set(now);
    };
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return; // the browser tries again
      this.store.update({ problem: { sentence: "The server does not answer. Is it still running?", field: null } });
    };
  }

  private set(one: Export): void {
    const { project } = this.store.state;
    if (!project) return;
    const isKnown = project.exports.some(({ id }) => id === one.id);
    const exports = isKnown
      ? project.exports.map((other) => (other.id === one.id ? one : other))
      : [one, ...project.exports];
    this.store.update({ project: { ...project, exports } });
  }

  private async cancel(one: Export): Promise<void> {
    const before = this.store.state.project?.id;
    try {
      const now = await cancelExport(one.id);
      if (this.store.state.project?.id === before) this.set(now);
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }

  private async remove(one: Export): Promise<void> {
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

  private render(): void {
    const exports = this.store.state.project?.exports ?? [];
    const focused = this.list.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
    const key = focused?.dataset.key;
    const row = focused?.closest("li");
    const index = row ? [...this.list.children].indexOf(row) : -1;
    this.list.replaceChildren(...exports.map((one) => this.itemOf(one)));
    if (!focused) return;
    const rowNow = this.list.children[Math.min(index, this.list.children.length - 1)];
    const again = key ? this.list.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) : null;
    (again ?? rowNow?.querySelector<HTMLElement>("a, button") ?? this.element).focus();
  }

  private itemOf(one: Export): HTMLElement {
    const { id, title, files, status } = one;
    const keyed = <E extends HTMLElement>(element: E, key: string): E => {
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
      "remove",
    );
    const only = files.length === 1 ? files[0]! : null;
    const url = only ? downloadUrl(only) : exportZipUrl(id);
    const get = files.length
      ? keyed(
          h(
            "a",
            {
              class: "button",
              href: url,
              download: only?.name ?? "",
              "aria-label": `${only ? "Download" : "Download all"}: ${title}`,
            },
            icon("download"),
            only ? "Download" : "Download all",
          ),
          "act",
        )
      : null;
    const isShown = files.some(({ media_type, name }) => /^image\//.test(media_type) || /\.(mp4|webm)$/.test(name));
    const look = isShown
      ? keyed(
          iconButton("play", `Look at ${title}`, () => showPreview(one)),
          "look",
        )
      : null;
    const some = files.length > 1 && files.length <= MOST_FILES;
    const links = some
      ? h(
          "ul",
          { class: "export-files" },
          ...files.map((file) =>
            h(
              "li",
              {},
              h("a", { href: downloadUrl(file), download: file.name }, file.name),
              ` ${bytesText(file.size)}`,
            ),
          ),
        )
      : null;
    const more =
      files.length > MOST_FILES
        ? h(
            "details",
            { class: "export-files" },
            h("summary", {}, "Each file"),
            h(
              "ul",
              { tabIndex: 0, "aria-label": `Files of ${title}` },
              ...files.map((file) => h("li", {}, h("a", { href: downloadUrl(file), download: file.name }, file.name))),
            ),
          )
        : null;
    return h(
      "li",
      {},
      h("div", { class: "export-text" }, h("strong", {}, title), line),
      get,
      look,
      remove,
      links,
      more,
    );
  }
}

function lineOf({ status, files, frames_done, frames_total, error, created_at }: Export): string {
  if (status === "waiting") return "Waiting…";
  if (status === "running") return `${frames_done} of ${frames_total} frames`;
  if (status === "failed") return error?.sentence ?? "It failed.";
  if (status === "cancelled") return "Cancelled.";
  const size = bytesText(files.reduce((sum, file) => sum + file.size, 0));
  return `${files.length > 1 ? `${countOf(files.length, "file")}, ` : ""}${size}, ${whenText(created_at, Date.now())}`;
}

function download({ id, files }: Export): void {
  if (!files.length) return;
  const link = h("a", { href: files.length === 1 ? downloadUrl(files[0]!) : exportZipUrl(id), download: "" });
  link.click();
}
