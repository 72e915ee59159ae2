// The form as JSON, and as code that makes the same request.

import type { State } from "./store";
import type { Value } from "./types";

export type Language = "curl" | "python" | "javascript";

// All inputs; the video is a URL or the name of a local file.
export function inputOf(state: State): Record<string, Value> {
  return Object.fromEntries(state.fields.map((field) => [field.name, state.values[field.name] ?? ""]));
}

export function jsonOf(state: State): string {
  return JSON.stringify(inputOf(state), null, 2);
}

export function snippet(language: Language, state: State): string {
  const { input_video: video, ...rest } = inputOf(state);
  const { api, needs_token: needsToken } = state.start;
  const given = String(video ?? "");
  const file = /^(https?:|data:)/i.test(given) ? null : given || "video.mp4";
  const call: Call = {
    url: `${api ?? location.origin}/v1/models/meta/sam-2-video/predictions`,
    input: file === null ? { input_video: given, ...rest } : rest,
    file,
    type: state.video?.media_type ?? "video/mp4",
    needsToken,
  };
  const code = { curl, python, javascript }[language](call);
  if (api !== null) return code;
  return `${language === "javascript" ? "//" : "#"} This server answers programs once it is started with --tokens.\n${code}`;
}

interface Call {
  readonly url: string;
  readonly input: object;
  readonly file: string | null; // a local file to send as `input_video`; null if it is a URL
  readonly type: string; // the file's media type
  readonly needsToken: boolean;
}

function curl({ url, input, file, type, needsToken }: Call): string {
  const body = JSON.stringify({ input }, null, 2);
  const token = needsToken ? ' -H "Authorization: Bearer $REPLICATE_API_TOKEN"' : "";
  const post = `curl -s ${quoted(url)}${token} -H 'Content-Type: application/json' -H 'Prefer: wait'`;
  if (file === null) return `${post} -d ${quoted(body)} > result.json`;
  // The file goes through a pipe: it would be too long as an argument.
  const [head, tail] = JSON.stringify({ input: { input_video: "", ...input } }, null, 2).split('"input_video": "', 2);
  return [
    "{",
    `  printf '%s' ${quoted(`${head}"input_video": "data:${type};base64,`)}`,
    `  base64 < ${quoted(file)} | tr -d '\\n'`,
    `  printf '%s' ${quoted(tail ?? "")}`,
    `} | ${post} -d @- > result.json`,
  ].join("\n");
}

function python({ url, input, file, type, needsToken }: Call): string {
  const read =
    file === null
      ? []
      : ["", `with open(${JSON.stringify(file)}, "rb") as file:`, `    video = base64.b64encode(file.read()).decode()`];
  const entries = Object.entries(input).map(([name, value]) => `    "${name}": ${pythonValue(value as Value)},`);
  if (file !== null) entries.unshift(`    "input_video": "data:${type};base64," + video,`);
  const token = '    "Authorization": "Bearer " + os.environ["REPLICATE_API_TOKEN"],';
  return [
    ...(file === null ? [] : ["import base64"]),
    "import json",
    ...(needsToken ? ["import os"] : []),
    "import time",
    "import urllib.request",
    ...read,
    "",
    "inputs = {",
    ...entries,
    "}",
    "headers = {",
    '    "Content-Type": "application/json",',
    ...(needsToken ? [token] : []),
    "}",
    "",
    "def call(url, body=None):",
    "    request = urllib.request.Request(url, body, headers)",
    "    with urllib.request.urlopen(request) as response:",
    "        return json.load(response)",
    "",
    `result = call(${JSON.stringify(url)}, json.dumps({"input": inputs}).encode())`,
    'while result["status"] in ("starting", "processing"):',
    "    time.sleep(1)",
    '    result = call(result["urls"]["get"])',
    'if result["status"] != "succeeded":',
    '    raise SystemExit(result["error"])',
    'for output in result["output"]:',
    '    urllib.request.urlretrieve(output, output.rpartition("/")[2])',
  ].join("\n");
}

function javascript({ url, input, file, type, needsToken }: Call): string {
  const entries = Object.entries(input).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  if (file !== null) entries.unshift(`  input_video: "data:${type};base64," + video,`);
  return [
    `import { ${file === null ? "" : "readFile, "}writeFile } from "node:fs/promises";`,
    "",
    ...(file === null ? [] : [`const video = await readFile(${JSON.stringify(file)}, "base64");`]),
    "const input = {",
    ...entries,
    "};",
    "const headers = {",
    '  "Content-Type": "application/json",',
    ...(needsToken ? ["  Authorization: `Bearer ${process.env.REPLICATE_API_TOKEN}`,"] : []),
    "};",
    "const call = async (url, options) => (await fetch(url, { headers, ...options })).json();",
    "",
    `let result = await call(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    "  body: JSON.stringify({ input }),",
    "});",
    'while (["starting", "processing"].includes(result.status)) {',
    "  await new Promise((resolve) => setTimeout(resolve, 1000));",
    "  result = await call(result.urls.get);",
    "}",
    'if (result.status !== "succeeded") throw new Error(result.error ?? result.detail);',
    "for (const output of result.output) {",
    "  const answer = await fetch(output);",
    '  await writeFile(output.split("/").at(-1), Buffer.from(await answer.arrayBuffer()));',
    "}",
  ].join("\n");
}

function pythonValue(value: Value): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

// Any text as one shell argument.
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
