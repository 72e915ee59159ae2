// What has gone wrong, in a sentence, until it is closed or something else begins.

import { h, iconButton } from "../dom";
import type { Store } from "../state/store";

export function buildNotice(store: Store, root: HTMLElement): void {
  const text = h("p", {});
  const close = iconButton("close", "Close this message", () => {
    store.update({ problem: null });
    document.querySelector<HTMLElement>("main:not([hidden])")?.focus({ preventScroll: true });
  });
  root.append(text, close);
  store.subscribe(({ problem }) => {
    root.hidden = !problem;
    const sentence = problem?.sentence ?? "";
    if (text.textContent !== sentence) text.textContent = sentence;
  });
}
