// The panel beside the stage: objects and look, export, the API; and the bar that tracks.

import { byId, h } from "../dom";
import type { Saver } from "../project/saver";
import type { Tracker } from "../project/tracker";
import type { Stage } from "../stage/stage";
import { emptyDoc } from "../state/document";
import { type Look, withView } from "../state/look";
import type { Opened, Store } from "../state/store";
import type { Transport } from "../timeline/transport";
import { buildApi } from "./api_tab";
import { buildExport } from "./export";
import { ExportList } from "./export_list";
import { buildLook, changeLook } from "./look";
import { buildObjects } from "./objects";
import { buildTools } from "./tools";
import { buildTracking } from "./tracking";
import "./panels.css";

export function buildPanel(
  store: Store,
  root: HTMLElement,
  tracker: Tracker,
  stage: Stage,
  transport: Transport,
  saver: Saver,
): void {
  buildTools(store, byId("tools"), stage);
  const edit = h("div", {}, buildObjects(store, stage), buildLook(store));
  const pages = new Map([
    ["Edit", edit],
    ["Export", buildExport(store, new ExportList(store), saver)],
    ["API", buildApi(store)],
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

// A first export is a cut-out, unless something else was chosen.
const isUntouched = ({ doc, project }: Opened): boolean =>
  !project.exports.length && isSameFormat(doc.look, emptyDoc(project.video).look);

const isSameFormat = (a: Look, b: Look): boolean => a.view === b.view && a.form === b.form;

// Tabs as the ARIA practices describe them: arrow keys move between them.
class Tabs {
  readonly list: HTMLElement;
  readonly body: HTMLElement;
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private readonly bodies = new Map<string, HTMLElement>();
  private chosen = "";

  constructor(pages: ReadonlyMap<string, HTMLElement>) {
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
          onkeydown: (event: KeyboardEvent) => this.move(event),
        },
        name,
      );
      const body = h("div", { role: "tabpanel", id: `panel-${key}`, "aria-labelledby": `tab-${key}` }, page);
      this.buttons.set(name, button);
      this.bodies.set(name, body);
    }
    this.list = h("div", { class: "panel-tabs", role: "tablist", "aria-label": "Panel" }, ...this.buttons.values());
    this.body = h("div", { class: "panel-body" }, ...this.bodies.values());
    this.choose([...pages.keys()][0]!);
  }

  choose(name: string): void {
    if (name === this.chosen) return;
    this.chosen = name;
    for (const [key, button] of this.buttons) {
      button.setAttribute("aria-selected", String(key === name));
      button.tabIndex = key === name ? 0 : -1;
      this.bodies.get(key)!.hidden = key !== name;
    }
    this.body.scrollTop = 0;
  }

  private move(event: KeyboardEvent): void {
    const names = [...this.buttons.keys()];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = names[(names.indexOf(this.chosen) + step + names.length) % names.length]!;
    this.choose(next);
    this.buttons.get(next)!.focus();
  }
}
