// Programs that ask for what the page shows: with Replicate's clients against this server, and curl.

import type { Field } from "../state/schema";
import type { Value, Values, Video } from "../types";
import { chosen } from "./request";

export type Language = "python" | "javascript" | "curl";

export const FILE_NAMES: Readonly<Record<Language, string>> = {
  python: "cutout.py",
  javascript: "cutout.mjs",
  curl: "cutout.sh",
};

export interface Asked {
  readonly inputs: Values; // all of them
  readonly fields: readonly Field[];
  readonly video: Video;
  readonly api: string; // the server's URL
  readonly needsToken: boolean;
}

// How to run it: the commands to type.
export function commandsOf(language: Language): readonly string[] {
  const name = FILE_NAMES[language];
  return {
    python: ["pip install replicate", `python ${name}`],
    javascript: ["npm install replicate", `node ${name}`],
    curl: [`sh ${name}`],
  }[language];
}

export function snippet(language: Language, asked: Asked): string {
  return { python, javascript, curl }[language](asked);
}

const MODEL = "meta/sam-2-video";
const OWN = "Inputs that the hosted model does not have:";

// The name of a local file to send as `input_video`; null if it is a URL.
const fileOf = ({ video }: Asked): string | null => (video.url ? null : video.name || "video.mp4");

const hasFolders = ({ inputs }: Asked): boolean => Boolean(inputs.separate_objects) && !inputs.output_video;

function entriesOf(asked: Asked): { hosted: [string, Value][]; own: [string, Value][] } {
  const { hosted, own } = chosen(asked.inputs, asked.fields);
  const { input_video: _, ...rest } = hosted;
  return { hosted: Object.entries(rest), own: Object.entries(own) };
}

function python(asked: Asked): string {
  const { hosted, own } = entriesOf(asked);
  const file = fileOf(asked);
  const line = ([name, value]: [string, Value]) => `        "${name}": ${pythonValue(value)},`;
  const video = file === null ? JSON.stringify(asked.video.url) : `open(${JSON.stringify(file)}, "rb")`;
  return [
    "import os",
    "import urllib.parse",
    "import urllib.request",
    "",
    `os.environ["REPLICATE_BASE_URL"] = ${JSON.stringify(asked.api)}`,
    ...(asked.needsToken ? [] : ['os.environ.setdefault("REPLICATE_API_TOKEN", "none")  # this server asks for none']),
    "import replicate",
    "",
    "output = replicate.run(",
    `    "${MODEL}",`,
    "    input={",
    `        "input_video": ${video},`,
    ...hosted.map(line),
    ...(own.length ? [`        # ${OWN}`, ...own.map(line)] : []),
    "    },",
    ")",
    "for item in output:",
    '    url = getattr(item, "url", item)',
    `    name = urllib.parse.unquote(${hasFolders(asked) ? '"_".join(url.split("/")[-2:])' : 'url.split("/")[-1]'})`,
    "    urllib.request.urlretrieve(url, name)",
    "    print(name)",
    "",
  ].join("\n");
}

function javascript(asked: Asked): string {
  const { hosted, own } = entriesOf(asked);
  const file = fileOf(asked);
  const line = ([name, value]: [string, Value]) => `    ${name}: ${JSON.stringify(value)},`;
  const video = file === null ? JSON.stringify(asked.video.url) : `await readFile(${JSON.stringify(file)})`;
  const auth = asked.needsToken ? "process.env.REPLICATE_API_TOKEN" : '"none"';
  return [
    `import { ${file === null ? "" : "readFile, "}writeFile } from "node:fs/promises";`,
    'import Replicate from "replicate";',
    "",
    `const replicate = new Replicate({ baseUrl: ${JSON.stringify(`${asked.api}/v1`)}, auth: ${auth} });`,
    `const output = await replicate.run("${MODEL}", {`,
    "  input: {",
    `    input_video: ${video},`,
    ...hosted.map(line),
    ...(own.length ? [`    // ${OWN}`, ...own.map(line)] : []),
    "  },",
    "});",
    "for (const item of output) {",
    '  const url = typeof item === "string" ? item : String(item.url());',
    hasFolders(asked) ? '  const name = url.split("/").slice(-2).join("_");' : '  const name = url.split("/").at(-1);',
    "  const answer = await fetch(url);",
    "  await writeFile(name, Buffer.from(await answer.arrayBuffer()));",
    "  console.log(name);",
    "}",
    "",
  ].join("\n");
}

function curl(asked: Asked): string {
  const { hosted, own } = entriesOf(asked);
  const file = fileOf(asked);
  const rest = Object.fromEntries([...hosted, ...own]);
  const token = asked.needsToken ? ' -H "Authorization: Bearer $REPLICATE_API_TOKEN"' : "";
  const url = `${asked.api}/v1/models/${MODEL}/predictions`;
  const post = `curl -s ${quoted(url)}${token} -H 'Content-Type: application/json' -H 'Prefer: wait'`;
  if (file === null) {
    const body = JSON.stringify({ input: { input_video: asked.video.url, ...rest } }, null, 2);
    return `${post} -d ${quoted(body)} > result.json\n`;
  }
  // The file goes through a pipe: it would be too long as an argument.
  const body = JSON.stringify({ input: { input_video: "", ...rest } }, null, 2);
  const split = body.indexOf('"input_video": "') + '"input_video": "'.length;
  return [
    "{",
    `  printf '%s' ${quoted(`${body.slice(0, split)}data:${asked.video.media_type};base64,`)}`,
    `  base64 < ${quoted(file)} | tr -d '\\n'`,
    `  printf '%s' ${quoted(body.slice(split))}`,
    `} | ${post} -d @- > result.json`,
    "",
  ].join("\n");
}

function pythonValue(value: Value): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

// Any text as one shell argument.
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
