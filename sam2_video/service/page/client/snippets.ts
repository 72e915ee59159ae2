// The filled-in form as JSON and as calls that can be pasted.

import type { State } from "./store";
import type { Value } from "./types";

export type Language = "curl" | "python" | "javascript";

// What goes to the server, with the video as an address or as a file of one's own.
export function inputOf(state: State): Record<string, Value> {
  return Object.fromEntries(state.fields.map((field) => [field.name, state.values[field.name] ?? ""]));
}

export function jsonOf(state: State): string {
  return JSON.stringify(inputOf(state), null, 2);
}

export function snippet(language: Language, state: State): string {
  const { input_video: video, ...rest } = inputOf(state);
  const address = `${state.start.api}/predictions`;
  const given = String(video ?? "");
  const file = /^(https?:|data:)/i.test(given) ? null : given || "video.mp4";
  const type = state.video?.media_type ?? "video/mp4";
  const input = file === null ? { input_video: given, ...rest } : rest;
  const isVideo = rest.output_video === true;
  if (language === "curl") return curl(address, input, file, type);
  if (language === "python") return python(address, input, file, type, isVideo);
  return javascript(address, input, file, type, isVideo);
}

function curl(address: string, input: object, file: string | null, type: string): string {
  const body = JSON.stringify({ input }, null, 2);
  const post = `curl -s ${quoted(address)} -H 'Content-Type: application/json'`;
  if (file === null) return `${post} -d ${quoted(body)} > result.json`;
  // The file goes through a pipe: it would be too long for an argument.
  const [head, tail] = JSON.stringify({ input: { input_video: "", ...input } }, null, 2).split('"input_video": "', 2);
  return [
    "{",
    `  printf '%s' ${quoted(`${head}"input_video": "data:${type};base64,`)}`,
    `  base64 < ${quoted(file)} | tr -d '\\n'`,
    `  printf '%s' ${quoted(tail ?? "")}`,
    `} | ${post} -d @- > result.json`,
  ].join("\n");
}

function python(address: string, input: object, file: string | null, type: string, isVideo: boolean): string {
  const read =
    file === null
      ? []
      : ["", `with open(${JSON.stringify(file)}, "rb") as file:`, `    video = base64.b64encode(file.read()).decode()`];
  const entries = Object.entries(input).map(([name, value]) => `    "${name}": ${pythonValue(value as Value)},`);
  if (file !== null) entries.unshift(`    "input_video": "data:${type};base64," + video,`);
  return [
    "import base64",
    "import json",
    "import urllib.request",
    ...read,
    "",
    "inputs = {",
    ...entries,
    "}",
    "request = urllib.request.Request(",
    `    ${JSON.stringify(address)},`,
    '    json.dumps({"input": inputs}).encode(),',
    '    {"Content-Type": "application/json"},',
    ")",
    "with urllib.request.urlopen(request) as response:",
    "    result = json.load(response)",
    'if result["status"] != "succeeded":',
    '    raise SystemExit(result["error"])',
    'for number, output in enumerate(result["output"]):',
    '    head, _, content = output.partition(",")',
    '    suffix = head.split("/")[1].split(";")[0]',
    `    with open(${isVideo ? 'f"result.{suffix}"' : 'f"result_{number:05d}.{suffix}"'}, "wb") as file:`,
    "        file.write(base64.b64decode(content))",
  ].join("\n");
}

function javascript(address: string, input: object, file: string | null, type: string, isVideo: boolean): string {
  const entries = Object.entries(input).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  if (file !== null) entries.unshift(`  input_video: "data:${type};base64," + video,`);
  return [
    `import { ${file === null ? "" : "readFile, "}writeFile } from "node:fs/promises";`,
    "",
    ...(file === null ? [] : [`const video = await readFile(${JSON.stringify(file)}, "base64");`]),
    "const input = {",
    ...entries,
    "};",
    `const response = await fetch(${JSON.stringify(address)}, {`,
    '  method: "POST",',
    '  headers: { "Content-Type": "application/json" },',
    "  body: JSON.stringify({ input }),",
    "});",
    "const result = await response.json();",
    'if (result.status !== "succeeded") throw new Error(result.error);',
    "for (const [number, output] of result.output.entries()) {",
    '  const [head, content] = output.split(",");',
    '  const suffix = head.split("/")[1].split(";")[0];',
    isVideo
      ? '  await writeFile(`result.${suffix}`, content, "base64");'
      : '  await writeFile(`result_${String(number).padStart(5, "0")}.${suffix}`, content, "base64");',
    "}",
  ].join("\n");
}

function pythonValue(value: Value): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

// One word of a shell, whatever is in it.
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
