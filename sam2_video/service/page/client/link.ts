// The form as a link. The part after # stays in the browser.

import { defaultsOf } from "./schema";
import type { State, Store } from "./store";

export function linkOf(state: State): string {
  const defaults = defaultsOf(state.fields);
  const parts = new URLSearchParams();
  for (const field of state.fields) {
    const value = state.values[field.name] ?? "";
    if (value !== defaults[field.name]) parts.set(field.name, String(value));
  }
  if (state.video) parts.set("video", state.video.id);
  if (state.frame) parts.set("frame", String(state.frame));
  return `${location.origin}${location.pathname}#${parts}`;
}

// Keeps the page's URL up to date.
export function followLink(store: Store): void {
  let timer = 0;
  store.subscribe((state, before) => {
    if (state.values === before.values && state.video === before.video && state.frame === before.frame) return;
    clearTimeout(timer);
    timer = window.setTimeout(() => history.replaceState(null, "", linkOf(store.state)), 200);
  });
}

export function readLink(): Record<string, string> | null {
  const text = location.hash.slice(1);
  return text ? Object.fromEntries(new URLSearchParams(text)) : null;
}
