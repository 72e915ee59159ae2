// A page's state for the tests: the server's real schema, an invented video.

import { readFileSync } from "node:fs";
import { fieldsOf } from "../schema";
import { Store } from "../store";
import type { Click, Start, Video } from "../types";

const schema: unknown = JSON.parse(readFileSync("../../../prediction/openapi.json", "utf8"));

export const FIELDS = fieldsOf(schema);

export const START: Start = {
  api: "http://localhost:5000",
  needs_token: false,
  palette: ["red", "green", "blue"],
  has_example: true,
  max_upload_bytes: 1e9,

  keep_minutes: 60,
  videos: [],
  runs: [],
};

export const VIDEO: Video = {
  id: "v1",
  name: "clip.mp4",
  url: null,
  media_type: "video/mp4",
  width: 640,
  height: 360,
  num_frames: 90,
  frame_rate: 30,
};

export function openPage(): Store {
  const store = new Store(START, FIELDS);
  store.update({ video: VIDEO });
  return store;
}

export const click = (x: number, y: number, name: string, rest: Partial<Click> = {}): Click => ({
  x,
  y,
  foreground: true,
  frame: 0,
  name,
  ...rest,
});
