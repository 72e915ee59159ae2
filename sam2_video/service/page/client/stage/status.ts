// What the stage says in its corner.

import { type Doc, markOf } from "../state/document";
import type { Tool } from "../state/store";
import { trackOf } from "../state/tracked";
import type { Track } from "../types";
import type { Layer } from "./mask_files";
import type { PreviewStatus } from "./preview";

export interface Shown {
  readonly doc: Doc;
  readonly tracks: readonly Track[];
  readonly frame: number;
  readonly masks: ReadonlyMap<string, Layer>; // by object, of all that are there
  readonly isStale: (object: string) => boolean;
  readonly preview: PreviewStatus;
  readonly tool: Tool;
  readonly isTouch: boolean;
}

export interface Status {
  readonly kind: "hint" | "ready" | "working" | "failed";
  readonly text: string;
}

export function statusOf(shown: Shown): Status {
  const { doc, frame, masks, preview, tool, isTouch } = shown;
  if (preview.kind === "failed") return { kind: "failed", text: preview.sentence };
  if (preview.kind === "starting") return { kind: "working", text: "The model is starting…" };
  if (preview.kind === "waiting") return { kind: "working", text: "Waiting for the model…" };
  if (preview.kind === "working") return { kind: "working", text: "Finding the object…" };
  const active = doc.objects.find(({ id }) => id === doc.active);
  const click = isTouch ? "Tap" : "Click";
  if (!active || !doc.marks.some(({ object }) => object === active.id)) {
    const how = tool === "box" ? "Drag a box around" : `${click} on`;
    return { kind: "hint", text: `${how} what you want to cut out.` };
  }
  const isOne = doc.objects.length === 1; // with several, the text names the one that clicks go to
  if (shown.isStale(active.id)) {
    return { kind: "hint", text: `${isOne ? "This mask" : active.name} is out of date. Track again to renew it.` };
  }
  if (masks.get(active.id)?.box) {
    const how = isOne ? `Selected. ${click}` : `${active.name}: ${click.toLowerCase()}`;
    if (tool === "remove") return { kind: "ready", text: `${how} to remove.` };
    const other = isTouch ? "press and hold" : "right-click";
    return { kind: "ready", text: `${how} to add, ${other} to remove.` };
  }
  if (markOf(doc, active.id, frame)) return { kind: "hint", text: `Nothing was found there. ${click} elsewhere.` };
  return trackOf(shown.tracks, active.id, frame)
    ? { kind: "hint", text: `${active.name} is not in sight here. If it is, ${click.toLowerCase()} on it.` }
    : { kind: "hint", text: `Not tracked here yet. ${click} to mark ${active.name} on this frame too.` };
}
