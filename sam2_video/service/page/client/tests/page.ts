// A page's state for the tests: the server's real schema, an invented project.

import { readFileSync } from "node:fs";
import { addClick, type Doc, emptyDoc } from "../state/document";
import { fieldsOf } from "../state/schema";
import { Store } from "../state/store";
import type { Project, Start, Track, Video } from "../types";

const schema: unknown = JSON.parse(readFileSync("../../../prediction/openapi.json", "utf8"));

export const FIELDS = fieldsOf(schema);

export const START: Start = {
  api: "http://localhost:5000",
  needs_token: false,
  palette: ["red", "green", "blue"],
  max_upload_bytes: 1e9,
  keep_minutes: 60,
  model: { name: "nano", is_small: true },
  examples: [],
  projects: [],
};

export const VIDEO: Video = {
  id: "v1",
  name: "clip.mp4",
  url: null,
  media_type: "video/mp4",
  bytes: 1000,
  width: 640,
  height: 360,
  num_frames: 90,
  frame_rate: 30,
  has_sound: true,
  damage: null,
};

export const PROJECT: Project = {
  id: "p1",
  name: "clip.mp4",
  video: VIDEO,
  changed_at: "2026-01-01T00:00:00Z",
  tracked_frames: 0,
  is_shared: false,
  document: null,
  revision: 0,
  tracks: [],
  exports: [],
  share: null,
};

export function openPage(): Store {
  const store = new Store(START, FIELDS);
  store.open(PROJECT);
  return store;
}

// A document with these clicks: [frame, x, y] by object.
export function clicked(clicks: Readonly<Record<string, readonly (readonly [number, number, number])[]>>): Doc {
  let doc = emptyDoc(VIDEO);
  for (const [id, places] of Object.entries(clicks)) {
    doc = { ...doc, objects: [...doc.objects, { id, name: id, hidden: false }], active: id };
    for (const [frame, x, y] of places) doc = addClick(doc, frame, { x, y, foreground: true }, null);
  }
  return doc;
}

export const trackOver = (id: string, objects: readonly string[], rest: Partial<Track> = {}): Track => ({
  id,
  objects,
  start_frame: 0,
  end_frame: 89,
  prompts: [],
  frames: [[0, 89]],
  status: "done",
  frames_done: 90,
  frames_total: 90,
  seconds_left: null,
  error: null,
  ...rest,
});
