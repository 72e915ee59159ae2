// The canvas: the shown frame with its masks, prompts and previews; clicks, boxes, zoom.

import type { Store } from "../state/store";
import type { Frames } from "./frames";
import "./stage.css";

export class Stage {
  constructor(
    _store: Store,
    _root: HTMLElement,
    _frames: Frames,
    _say: (text: string) => void, // to people who cannot see the picture
  ) {}

  get zoom(): number {
    return 1;
  }

  // Zooms about the middle; 1 shows the whole picture.
  setZoom(_zoom: number): void {}

  focus(): void {}
}
