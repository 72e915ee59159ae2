// The strip of thumbnails: as many as there is room for, loaded a few at a time.

import { thumbnailUrl } from "../api";
import { h } from "../dom";
import type { Video } from "../types";

const WIDTH = 90; // CSS pixels that a thumbnail takes up, about
const WIDEST = 135; // another number of them is loaded beyond these bounds
const NARROWEST = 64;
const AT_ONCE = 3;

export class Strip {
  readonly element = h("div", { class: "tl-strip", "aria-hidden": "true" });
  private video: Video | null = null;
  private count = 0;
  private run = 0; // counts fills; an older one stops loading

  // Fills `width` CSS pixels with pictures of a video.
  show(video: Video, width: number): void {
    if (!width) return;
    const each = width / this.count;
    const fits = (NARROWEST <= each && each <= WIDEST) || this.count === video.num_frames;
    if (video.id === this.video?.id && fits && each >= NARROWEST) return;
    this.video = video;
    this.count = Math.min(Math.max(1, Math.round(width / WIDTH)), video.num_frames);
    void this.fill(video, this.count);
  }

  private async fill(video: Video, count: number): Promise<void> {
    this.run += 1;
    const run = this.run;
    const pictures = Array.from({ length: count }, () => h("img", { alt: "", draggable: false, decoding: "async" }));
    this.element.replaceChildren(...pictures);
    const waiting = pictures.entries();
    const loadOne = async (): Promise<void> => {
      for (const [index, picture] of waiting) {
        if (run !== this.run) return;
        picture.src = thumbnailUrl(video, Math.floor(((index + 0.5) * video.num_frames) / count));
        await picture.decode().catch(() => picture.removeAttribute("src")); // its place stays empty
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, loadOne));
  }
}
