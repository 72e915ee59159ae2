// The results of a run: the latest pictures, a video player or a contact sheet, downloads.

import { frameUrl, resultUrl, sourceUrl, zipUrl } from "./api";
import { byId, countOf, h, icon, iconButton } from "./dom";
import type { Store } from "./store";
import type { RunReport, RunSummary, Video } from "./types";

const LATEST = 12; // pictures shown during a run

export class Results {
  private files: string[] = [];
  private readonly latest = byId("latest");
  private readonly outcome = byId("outcome");

  constructor(private readonly store: Store) {}

  get pictures(): number {
    return this.files.filter(isPicture).length;
  }

  clear(): void {
    this.files = [];
    this.latest.replaceChildren();
    this.outcome.replaceChildren();
    byId("downloads").replaceChildren();
  }

  // Shows new pictures.
  add(report: RunReport): void {
    this.files.push(...report.new_files);
    for (const name of report.new_files.slice(-LATEST)) {
      if (!isPicture(name)) continue;
      this.latest.prepend(
        h("img", { src: resultUrl(report, name), alt: `Result of ${titleOf(name)}`, loading: "lazy" }),
      );
    }
    while (this.latest.childElementCount > LATEST) this.latest.lastElementChild?.remove();
  }

  finish(run: RunSummary): void {
    this.latest.replaceChildren();
    this.outcome.replaceChildren();
    if (!this.files.length) return;
    const video = this.store.state.video?.id === run.video ? this.store.state.video : null;
    const movie = this.files.find(isVideo);
    this.outcome.append(movie ? player(run, movie, video) : sheet(run, this.files.filter(isPicture), video));
    const all = movie ? "Download (zip)" : `Download ${countOf(this.pictures, "picture")} (zip)`;
    byId("downloads").replaceChildren(
      ...(movie
        ? [
            h(
              "a",
              { class: "button", href: resultUrl(run, movie), download: movie },
              icon("download"),
              "Download video",
            ),
          ]
        : []),
      h(
        "a",
        { class: "button", id: "download-zip", href: zipUrl(run), download: "sam2-video.zip" },
        icon("download"),
        all,
      ),
    );
  }
}

// The result and its source, played in sync.
function player(run: RunSummary, name: string, video: Video | null): HTMLElement {
  const result = h("video", {
    src: resultUrl(run, name),
    controls: true,
    loop: true,
    playsInline: true,
    muted: true,
    autoplay: true,
    "aria-label": "Result",
  });
  const figures = [h("figure", {}, result, h("figcaption", {}, "Result"))];
  if (video) figures.push(h("figure", {}, sourceBeside(run, result, video), h("figcaption", {}, "Source")));
  return h("div", { class: "pair" }, ...figures);
}

function sourceBeside(run: RunSummary, result: HTMLVideoElement, video: Video): HTMLElement {
  const interval = Number(run.inputs.output_frame_interval ?? 1);
  const rate = Number(run.inputs.video_fps ?? 30);
  const frameNow = () => Math.min(Math.floor(result.currentTime * rate + 1e-3) * interval, video.num_frames - 1);
  const box = h("div", { class: "source" });
  const still = h("img", { alt: "Source" });

  // Single frames from the server, for files that the browser cannot play.
  const showFrames = () => {
    box.replaceChildren(still);
    let shown = -1;
    const show = async () => {
      const wanted = frameNow();
      if (wanted === shown) return;
      shown = wanted;
      const next = new Image();
      next.src = frameUrl(video, wanted);
      await next.decode();
      still.src = next.src;
    };
    for (const event of ["timeupdate", "seeked", "pause", "loadeddata"]) {
      result.addEventListener(event, () => void show().catch(() => (still.alt = "The frame cannot be shown.")));
    }
    void show();
  };

  if (!video.frame_rate || !video.media_type.startsWith("video/")) {
    showFrames();
    return box;
  }
  const source = h("video", { src: sourceUrl(video), muted: true, playsInline: true, "aria-label": "Source" });
  const sourceRate = video.frame_rate;
  const speed = Math.min(Math.max((rate * interval) / sourceRate, 0.1), 16);
  const inStep = (slack: number) => {
    const wanted = (frameNow() + 0.5) / sourceRate;
    if (Math.abs(source.currentTime - wanted) <= slack) return;
    source.currentTime = wanted;
    // It pauses at its end; the result has begun again.
    if (!result.paused && source.paused) void source.play().catch(() => undefined);
  };
  source.addEventListener("error", showFrames, { once: true });
  source.addEventListener("loadedmetadata", () => {
    source.playbackRate = speed;
    inStep(0);
    if (!result.paused) void source.play().catch(showFrames);
  });
  result.addEventListener("play", () => void source.play().catch(() => undefined));
  result.addEventListener("pause", () => {
    source.pause();
    inStep(0);
  });
  result.addEventListener("seeked", () => inStep(0.05));
  result.addEventListener("timeupdate", () => {
    const behind = (frameNow() + 0.5) / sourceRate - source.currentTime;
    if (Math.abs(behind) > 0.5) inStep(0.5);
    else source.playbackRate = Math.min(Math.max(speed * (1 + behind), 0.1), 16); // catch up smoothly
  });
  box.append(source);
  return box;
}

function sheet(run: RunSummary, files: readonly string[], video: Video | null): HTMLElement {
  const viewer = new Viewer(run, files, video);
  return h(
    "div",
    {},
    h(
      "ol",
      { class: "sheet" },
      ...files.map((name, index) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", "aria-label": `Open ${titleOf(name)}`, onclick: () => viewer.open(index) },
            h("img", { src: resultUrl(run, name), alt: "", loading: "lazy", decoding: "async" }),
            h("span", {}, String(numberOf(name))),
          ),
        ),
      ),
    ),
    viewer.dialog,
  );
}

class Viewer {
  readonly dialog: HTMLDialogElement;
  private readonly result = h("img", {});
  private readonly source = h("img", {});
  private readonly title = h("span", { class: "viewer-title", "aria-live": "polite" });
  private index = 0;

  constructor(
    private readonly run: RunSummary,
    private readonly files: readonly string[],
    private readonly video: Video | null,
  ) {
    this.dialog = h(
      "dialog",
      {
        class: "viewer",
        "aria-label": "Result, frame by frame",
        onkeydown: (event: KeyboardEvent) => {
          if (event.key === "ArrowLeft") this.show(this.index - 1);
          else if (event.key === "ArrowRight") this.show(this.index + 1);
          else return;
          event.preventDefault();
        },
      },
      h(
        "header",
        {},
        iconButton("left", "Previous frame", () => this.show(this.index - 1)),
        this.title,
        iconButton("right", "Next frame", () => this.show(this.index + 1)),
        iconButton("close", "Close", () => this.dialog.close()),
      ),
      h(
        "div",
        { class: "pair" },
        h("figure", {}, this.result, h("figcaption", {}, "Result")),
        video && h("figure", {}, this.source, h("figcaption", {}, "Source")),
      ),
    );
  }

  open(index: number): void {
    this.show(index);
    this.dialog.showModal();
  }

  private show(index: number): void {
    const name = this.files[index];
    if (name === undefined) return;
    this.index = index;
    this.title.textContent = titleOf(name);
    this.result.src = resultUrl(this.run, name);
    this.result.alt = `Result of ${titleOf(name)}`;
    if (this.video) {
      this.source.src = frameUrl(this.video, numberOf(name));
      this.source.alt = `Source of ${titleOf(name)}`;
    }
  }
}

const isVideo = (name: string): boolean => /\.(mp4|webm|mov)$/.test(name);
const isPicture = (name: string): boolean => /\.(webp|jpg|png)$/.test(name);
const numberOf = (name: string): number => Number(/frame_(\d+)\.\w+$/.exec(name)?.[1] ?? 0);
const titleOf = (name: string): string => `frame ${numberOf(name)}`;
