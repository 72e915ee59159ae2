// The programs that the page writes are run: with the real shell, Python and Node.js.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chosen, requestOf } from "../panels/request";
import { type Asked, FILE_NAMES, type Language, snippet } from "../panels/snippets";
import { LOOK } from "../state/look";
import type { Values, Video } from "../types";
import { clicked, FIELDS, VIDEO } from "./page";

const TRICKY = 'it\'s "1" $HOME `id` \\';
const SERVER = "http://localhost:5000";
const CONTENT = "a video";
const OUTPUT = `${SERVER}/outputs/1/output_video.mov`;

const LOCAL: Video = { ...VIDEO, name: "it's.mp4" };
const REMOTE: Video = { ...VIDEO, url: "https://example.com/clip.mp4" };

function askedFor(video: Video, rest: Partial<Asked> = {}): Asked {
  const doc = { ...clicked({ [TRICKY]: [[3, 320, 180]] }), look: { ...LOOK, view: "cutout", form: "mov" } as const };
  return { inputs: requestOf(doc, video, FIELDS), fields: FIELDS, video, api: SERVER, needsToken: false, ...rest };
}

// What the program should send, but for the video.
function expected({ inputs }: Asked): Values {
  const { hosted, own } = chosen(inputs, FIELDS);
  const { input_video: _, ...rest } = hosted;
  return { ...rest, ...own };
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "snippet-"));
  try {
    writeFileSync(join(folder, "it's.mp4"), CONTENT);
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Stand-ins for Replicate's clients: they keep what they are given and answer with one output.
const PYTHON = `
import json, os, urllib.request
def run(model, input):
    sent = {name: value.read().decode() if hasattr(value, "read") else value for name, value in input.items()}
    json.dump({"model": model, "url": os.environ["REPLICATE_BASE_URL"], "input": sent}, open("sent.json", "w"))
    return [${JSON.stringify(OUTPUT)}]
urllib.request.urlretrieve = lambda url, name: open(name, "w").write("cut out of " + url)
`;
const JAVASCRIPT = `
import { writeFileSync } from "node:fs";
export default class Replicate {
  constructor({ baseUrl }) { this.url = baseUrl; }
  async run(model, { input }) {
    const sent = Object.fromEntries(Object.entries(input).map(([k, v]) => [k, Buffer.isBuffer(v) ? v.toString() : v]));
    writeFileSync("sent.json", JSON.stringify({ model, url: this.url, input: sent }));
    return [{ url: () => new URL(${JSON.stringify(OUTPUT)}) }];
  }
}
globalThis.fetch = async (url) => new Response("cut out of " + url);
`;

const PROGRAMS: readonly [Language, string, string][] = [
  ["python", "python3", SERVER],
  ["javascript", process.execPath, `${SERVER}/v1`],
];

for (const [language, program, url] of PROGRAMS) {
  for (const video of [LOCAL, REMOTE]) {
    test(`the ${language} program runs ${video.url ?? video.name} against this server and keeps its output`, () => {
      inFolder((folder) => {
        writeFileSync(join(folder, "replicate.py"), PYTHON);
        mkdirSync(join(folder, "node_modules", "replicate"), { recursive: true });
        writeFileSync(join(folder, "node_modules", "replicate", "package.json"), '{"type":"module","main":"index.js"}');
        writeFileSync(join(folder, "node_modules", "replicate", "index.js"), JAVASCRIPT);
        const asked = askedFor(video);
        writeFileSync(join(folder, FILE_NAMES[language]), snippet(language, asked));
        const done = spawnSync(program, [FILE_NAMES[language]], { cwd: folder, encoding: "utf8" });
        assert.equal(done.status, 0, done.stderr);
        const sent = JSON.parse(readFileSync(join(folder, "sent.json"), "utf8"));
        assert.equal(sent.model, "meta/sam-2-video");
        assert.equal(sent.url, url);
        assert.deepEqual(sent.input, { ...expected(asked), input_video: video.url ?? CONTENT });
        assert.equal(readFileSync(join(folder, "output_video.mov"), "utf8"), `cut out of ${OUTPUT}`);
        assert.match(done.stdout, /output_video\.mov/);
      });
    });
  }
}

for (const video of [LOCAL, REMOTE]) {
  test(`curl sends ${video.url ?? video.name} and every input`, () => {
    inFolder((folder) => {
      const asked = askedFor(video);
      const curl =
        'curl() { while [ $# -gt 1 ]; do shift; done; if [ "$1" = @- ]; then cat; else printf %s "$1"; fi; }';
      const done = spawnSync("sh", ["-c", `${curl}\n${snippet("curl", asked)}`], { cwd: folder, encoding: "utf8" });
      assert.equal(done.status, 0, done.stderr);
      const { input } = JSON.parse(readFileSync(join(folder, "result.json"), "utf8"));
      const sent = video.url ?? `data:video/mp4;base64,${btoa(CONTENT)}`;
      assert.deepEqual(input, { ...expected(asked), input_video: sent });
    });
  });
}

test("a token is named where the server asks for one", () => {
  const asked = askedFor(LOCAL, { needsToken: true });
  assert.match(snippet("curl", asked), /Bearer \$REPLICATE_API_TOKEN/);
  assert.match(snippet("javascript", asked), /process\.env\.REPLICATE_API_TOKEN/);
  assert.doesNotMatch(snippet("python", asked), /REPLICATE_API_TOKEN/);
  assert.doesNotMatch(snippet("curl", askedFor(LOCAL)), /REPLICATE_API_TOKEN/);
});

test("inputs that the hosted model does not have come last, under a comment", () => {
  const [hosted, own] = snippet("python", askedFor(LOCAL)).split("does not have");
  assert.match(hosted!, /"mask_type": "alpha"/);
  assert.match(own!, /"video_format": "mov"/);
  assert.doesNotMatch(own!, /click_/);
});
