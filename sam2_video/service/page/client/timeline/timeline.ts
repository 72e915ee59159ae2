// The timeline: a lane for each object, thumbnails, the range, the playhead; and the transport's buttons.

import type { Store } from "../state/store";
import type { Transport } from "./transport";
import "./timeline.css";

export function buildTimeline(_store: Store, _root: HTMLElement, _transport: Transport): void {}
