// The programs that the page writes are run: with the real shell, Python and Node.js.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inputOf, jsonOf, type Language, snippet } from "../snippets";
import type { State } from "../store";
import { openPage } from "./page";

const TRICKY = 'it\'s "1" $HOME `id` \\';

function filledIn(video: string): State {
  const store = openPage();
  store.setValue("input_video", video);
  store.setValue("click_coordinates", "[320,180]");
  store.setValue("click_object_ids", TRICKY);
  store.setValue("output_video", true);
  return store.state;
}

// Runs a snippet where `curl` writes what it would send, and returns that.
function sentByCurl(program: string): { input: Record<string, unknown> } {
  const folder = mkdtempSync(join(tmpdir(), "snippet-"));
  try {
    writeFileSync(join(folder, "it's.mp4"), "video");
    const curl = 'curl() { while [ $# -gt 1 ]; do shift; done; if [ "$1" = @- ]; then cat; else printf %s "$1"; fi; }';
    const done = spawnSync("bash", ["-c", `${curl}\n${program}`], { cwd: folder, encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    return JSON.parse(readFileSync(join(folder, "result.json"), "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("curl sends every input as it is filled in", () => {
  const state = filledIn("https://example.com/clip.mp4");
  assert.deepEqual(sentByCurl(snippet("curl", state)), { input: inputOf(state) });
});

test("curl sends a file of one's own as a data URI", () => {
  const { input } = sentByCurl(snippet("curl", filledIn("it's.mp4")));
  assert.equal(input.input_video, `data:video/mp4;base64,${Buffer.from("video").toString("base64")}`);
  assert.equal(input.click_object_ids, TRICKY);
});

// What stands in for the server: it keeps the request, is asked again, and answers with one output.
const RUNNING = JSON.stringify({ status: "starting", urls: { get: "http://server/1" } });
const DONE = JSON.stringify({ status: "succeeded", output: ["http://server/outputs/1/output_video.mp4"] });
const PYTHON = `
import io, time, urllib.request
def urlopen(request):
    if request.data is None:
        return io.BytesIO(${JSON.stringify(DONE)}.encode())
    open("sent.json", "wb").write(request.data)
    return io.BytesIO(${JSON.stringify(RUNNING)}.encode())
def urlretrieve(url, name):
    open(name, "w").write("cut out of " + url)
urllib.request.urlopen = urlopen
urllib.request.urlretrieve = urlretrieve
time.sleep = lambda seconds: None
`;
const JAVASCRIPT = `
import { writeFileSync } from "node:fs";
globalThis.setTimeout = (done) => done();
globalThis.fetch = async (url, { body } = {}) => {
  if (url.includes("/outputs/")) return new Response("cut out of " + url);
  if (!body) return new Response(${JSON.stringify(DONE)});
  writeFileSync("sent.json", body);
  return new Response(${JSON.stringify(RUNNING)});
};
`;

const PROGRAMS: [Language, string, string, string][] = [
  ["python", "python3", PYTHON, "program.py"],
  ["javascript", process.execPath, JAVASCRIPT, "program.mjs"],
];

for (const [language, program, stub, name] of PROGRAMS) {
  for (const video of ["https://example.com/clip.mp4", "it's.mp4"]) {
    test(`the ${language} program with ${video} sends the inputs and writes the output`, () => {
      const folder = mkdtempSync(join(tmpdir(), "snippet-"));
      try {
        writeFileSync(join(folder, "it's.mp4"), "video");
        const state = filledIn(video);
        writeFileSync(join(folder, name), stub + snippet(language, state));
        const done = spawnSync(program, [name], { cwd: folder, encoding: "utf8" });
        assert.equal(done.status, 0, done.stderr);
        const { input } = JSON.parse(readFileSync(join(folder, "sent.json"), "utf8"));
        const sent = video.startsWith("https") ? video : `data:video/mp4;base64,${btoa("video")}`;
        assert.deepEqual(input, { ...inputOf(state), input_video: sent });
        const written = readFileSync(join(folder, "output_video.mp4"), "utf8");
        assert.equal(written, "cut out of http://server/outputs/1/output_video.mp4");
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
}

test("a token is named where the server asks for one", () => {
  const state = filledIn("clip.mp4");
  const asking = { ...state, start: { ...state.start, needs_token: true } };
  for (const language of ["curl", "python", "javascript"] as const) {
    assert.match(snippet(language, asking), /REPLICATE_API_TOKEN/);
    assert.doesNotMatch(snippet(language, state), /REPLICATE_API_TOKEN/);
  }
});

test("the JSON is what is filled in", () => {
  const state = filledIn("clip.mp4");
  assert.deepEqual(JSON.parse(jsonOf(state)), inputOf(state));
});
