// Which model runs, what it is good for, and how it is.

import { getStatus } from "../api";
import { h } from "../dom";
import type { Store } from "../state/store";
import { modelText } from "./words";

const SOON_MS = 2000; // to the next question, while the model is not ready
const LATER_MS = 15_000;

const STATES: Readonly<Record<string, { label: string; sentence: string }>> = {
  STARTING: { label: "Starting…", sentence: "The model is starting. You can mark objects meanwhile." },
  UNREACHABLE: { label: "No model", sentence: "The model can't be reached. Is its container running?" },
  SETUP_FAILED: { label: "No model", sentence: "The model could not start. Its container's log says why." },
  DEFUNCT: { label: "No model", sentence: "The model has broken down. Its container has to be started again." },
  OFFLINE: { label: "Offline", sentence: "The server does not answer. Is it still running?" },
};

export function watchModel(store: Store): HTMLElement[] {
  const label = h("span", { class: "wide-text" });
  const button = h("button", { type: "button", class: "quiet model-button", id: "model" }, h("i", {}), label);
  button.setAttribute("popovertarget", "model-card");
  const title = h("strong", {});
  const sentence = h("p", { role: "status" });
  const card = h(
    "div",
    { class: "card-popover", id: "model-card", popover: "auto", role: "dialog", "aria-label": "The model" },
    title,
    sentence,
  );
  let status = "STARTING";

  function show(): void {
    const { model } = store.state.start;
    const state = STATES[status];
    button.dataset.status = state ? (status === "STARTING" ? "starting" : "broken") : "ready";
    label.textContent = state?.label ?? model?.name ?? "Ready";
    button.setAttribute("aria-label", `Model: ${state?.label ?? model?.name ?? "ready"}`);
    title.textContent = model ? `SAM 2 ${model.name}` : "The model";
    const text = state?.sentence ?? (model ? modelText(model) : "Ready.");
    if (sentence.textContent !== text) sentence.textContent = text;
  }

  async function ask(): Promise<void> {
    try {
      const found = await getStatus();
      status = found.status;
      const { start } = store.state;
      if (found.model && found.model.name !== start.model?.name)
        store.update({ start: { ...start, model: found.model } });
    } catch {
      status = "OFFLINE";
    }
    show();
    setTimeout(() => void ask(), STATES[status] ? SOON_MS : LATER_MS);
  }

  show();
  void ask();
  return [button, card];
}
