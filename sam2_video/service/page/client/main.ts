// Puts the page together.

import "./base.css"; // first: the parts change what it says
import { getSchema, getStart, problemOf } from "./api";
import { byId } from "./dom";
import { buildNotice } from "./panels/notice";
import { buildPanel } from "./panels/panel";
import { buildStart } from "./panels/start";
import { buildTopBar } from "./panels/top_bar";
import { Saver } from "./project/saver";
import { Tracker } from "./project/tracker";
import { Frames } from "./stage/frames";
import { Stage } from "./stage/stage";
import { fieldsOf } from "./state/schema";
import { Store } from "./state/store";
import { listenForKeys } from "./timeline/keys";
import { buildTimeline } from "./timeline/timeline";
import { Transport } from "./timeline/transport";
import type { Start } from "./types";

async function main(): Promise<void> {
  const [start, schema] = await connect();
  const store = new Store(start, fieldsOf(schema));
  const say = (text: string) => (byId("spoken").textContent = text);
  const frames = new Frames(store);
  const transport = new Transport(store, frames);
  const stage = new Stage(store, byId("stage"), frames, () => transport.stay(), say);
  const tracker = new Tracker(store, frames, transport);
  buildTimeline(store, byId("timeline"), transport);
  const saver = new Saver(store);
  buildPanel(store, byId("panel"), tracker, stage, transport, saver);
  buildTopBar(store, byId("project-bar"), byId("top-actions"));
  listenForKeys(store, transport, stage);
  buildNotice(store, byId("notice"));
  store.subscribe((state, before) => {
    document.body.dataset.view = state.project ? "editor" : "start";
    byId("editor").hidden = !state.project;
    byId("start").hidden = state.project !== null;
    if (state.project && state.project.id !== before.project?.id) {
      const { width, height } = state.project.video;
      byId("editor").style.setProperty("--ratio", `${width / height}`);
      void transport.goTo(state.frame);
    }
  });
  await buildStart(store, byId("start"));
}

// Retries until the server answers.
async function connect(): Promise<[Start, unknown]> {
  const place = byId("loading");
  for (;;) {
    try {
      return await Promise.all([getStart(), getSchema()]);
    } catch (error) {
      place.textContent = problemOf(error).sentence;
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
  }
}

void main().catch((error: unknown) => {
  byId("notice").hidden = false;
  byId("notice").textContent = `The page failed: ${problemOf(error).sentence}`;
});
