// The same work as a program: with Replicate's clients against this server, as curl, and as JSON.

import { copyText, h } from "../dom";
import type { Field } from "../state/schema";
import type { Opened, Store } from "../state/store";
import { choice } from "./controls";
import { docOfJson, HOSTED_INPUTS, InputError, requestOf } from "./request";
import { commandsOf, FILE_NAMES, type Language, snippet } from "./snippets";

const QUIET_MS = 250; // without a key, before JSON is checked

export function buildApi(store: Store): HTMLElement {
  let language: Language = "python";
  const languages = choice<Language>(
    "Language",
    [
      { value: "python", label: "Python" },
      { value: "javascript", label: "JavaScript" },
      { value: "curl", label: "curl" },
    ],
    (value) => {
      language = value;
      render();
    },
  );
  languages.show(language);
  const code = h("code", {});
  const name = h("code", {});
  const commands = h("code", {});
  const copy = h("button", { type: "button", onclick: () => void copyText(code.textContent ?? "", copy) }, "Copy");
  const notes = h("p", { class: "hint" });
  const json = h("textarea", {
    class: "code-box",
    rows: 16,
    spellcheck: false,
    autocomplete: "off",
    "aria-label": "All inputs as JSON",
    "aria-describedby": "json-problem",
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(check, QUIET_MS);
    },
    onblur: () => {
      clearTimeout(timer);
      check();
      if (!problem.textContent) render();
    },
  });
  const problem = h("p", { class: "problem", id: "json-problem", role: "status" });
  const copyJson = h("button", { type: "button", onclick: () => void copyText(json.value, copyJson) }, "Copy");
  let timer = 0;

  // Puts what is typed into the document, or says what is wrong with it.
  function check(): void {
    const { opened } = store;
    if (!opened) return;
    try {
      const doc = docOfJson(json.value, opened.doc, opened.project.video, opened.fields);
      say("");
      if (JSON.stringify(doc) !== JSON.stringify(opened.doc)) store.edit(() => doc, { selected: null });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      say(error.message);
    }
  }

  function say(text: string): void {
    if (problem.textContent !== text) problem.textContent = text;
    json.setAttribute("aria-invalid", String(text !== ""));
  }

  function render(): void {
    const { opened } = store;
    if (!opened) return;
    const { start, doc, project, fields } = opened;
    const api = start.api ?? location.origin;
    const inputs = requestOf(doc, project.video, fields);
    code.textContent = snippet(language, { inputs, fields, video: project.video, api, needsToken: start.needs_token });
    name.textContent = FILE_NAMES[language];
    commands.textContent = commandsOf(language).join("\n");
    notes.textContent = [
      start.api === null ? "This server answers programs once it is started with --tokens." : "",
      start.needs_token ? "Set REPLICATE_API_TOKEN to a token of this server." : "",
      doc.marks.some(({ mask_of }) => mask_of)
        ? "Corrections go on from tracked masks here; a program gives all points at once, so its masks may differ a little."
        : "",
      doc.marks.some(({ frame }) => frame < doc.range.start || frame > doc.range.end)
        ? "A point lies outside of the range, which the model refuses: widen the range to run this."
        : "",
    ]
      .filter(Boolean)
      .join(" ");
    notes.hidden = !notes.textContent;
    if (document.activeElement === json) return;
    json.value = jsonOf(opened);
    say("");
  }

  const element = h(
    "section",
    { class: "panel-part", "aria-label": "API" },
    h("div", { class: "panel-head" }, h("h2", {}, "As a program"), copy),
    languages.element,
    h("p", { class: "hint" }, "Save as ", name, ", then:"),
    h("pre", { class: "code-block is-short", tabIndex: 0, "aria-label": "Commands" }, commands),
    h("pre", { class: "code-block", tabIndex: 0, "aria-label": "The program" }, code),
    notes,
    h("div", { class: "panel-head" }, h("h2", {}, "All inputs as JSON"), copyJson),
    h("p", { class: "hint" }, "What you type here changes points and look."),
    json,
    problem,
    h("details", { class: "panel-more" }, h("summary", {}, "Inputs and their defaults"), tablesOf(store.state.fields)),
  );
  store.subscribe((state, before) => {
    const isSame = state.doc === before.doc && state.project?.id === before.project?.id;
    if (!isSame || state === before) render();
  });
  return element;
}

function jsonOf({ doc, project, fields }: Opened): string {
  return JSON.stringify(requestOf(doc, project.video, fields), null, 2);
}

function tablesOf(fields: readonly Field[]): HTMLElement {
  const listOf = (some: readonly Field[]) =>
    h(
      "dl",
      { class: "inputs" },
      ...some.flatMap(({ name, description, default: usual, choices }) => [
        h("dt", {}, h("code", {}, name)),
        h(
          "dd",
          {},
          `${description.replace(/[^.]$/, "$&.")}${choices.length ? ` One of ${choices.join(", ")}.` : ""} `,
          h("span", { class: "muted" }, usual === null ? "" : usual === "" ? "Empty by default." : `Default ${usual}.`),
        ),
      ]),
    );
  return h(
    "div",
    {},
    h("h3", {}, "As the hosted model"),
    listOf(fields.slice(0, HOSTED_INPUTS)),
    h("h3", {}, "Of sam2-video"),
    listOf(fields.slice(HOSTED_INPUTS)),
  );
}
