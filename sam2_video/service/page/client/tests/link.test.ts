import assert from "node:assert/strict";
import { test } from "node:test";
import { addClick } from "../editing";
import { linkOf, readLink } from "../link";
import { openPage } from "./page";

function at(url: string): void {
  const { origin, pathname, hash } = new URL(url);
  Object.assign(globalThis, { location: { origin, pathname, hash } });
}

test("a link holds what differs from the defaults, and nothing else", () => {
  at("http://localhost:8000/page#old=1");
  const store = openPage();
  store.setValue("video_fps", 25);
  store.setValue("output_quality", 80);
  assert.equal(linkOf(store.state), "http://localhost:8000/page#video_fps=25&video=v1");
});

test("a link brings back the inputs that it was made of", () => {
  at("http://localhost:8000/");
  const store = openPage();
  addClick(store, 320, 180, true);
  store.setValue("click_object_ids", "a&b=c #1,ö");
  store.setValue("output_video", true);
  store.update({ frame: 12 });
  at(linkOf(store.state));
  const read = readLink();
  assert.equal(read?.frame, "12");
  assert.equal(read?.video, "v1");
  const other = openPage();
  assert.deepEqual(other.setValues(read ?? {}), []);
  assert.deepEqual(other.state.values, store.state.values);
});

test("a URL without a # has no inputs", () => {
  at("http://localhost:8000/");
  assert.equal(readLink(), null);
});
