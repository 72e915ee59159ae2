// The panel beside the stage: objects, tracking, look and export, the API.

import type { Tracker } from "../project/tracker";
import type { Stage } from "../stage/stage";
import type { Store } from "../state/store";
import "./panels.css";

export function buildPanel(_store: Store, _root: HTMLElement, _tracker: Tracker, _stage: Stage): void {}
