// Opens a video: a dropped or chosen file, or a URL.

import { exampleVideo, fetchVideo, uploadVideo } from "./api";
import { byId, h } from "./dom";
import type { Problem, Start, Video } from "./types";

export class Intake {
  private giveUp = new AbortController();

  constructor(
    private readonly start: Start,
    private readonly arrived: (video: Video) => void,
    private readonly failed: (problem: Problem) => void,
  ) {
    const input = byId<HTMLInputElement>("file");
    input.onchange = () => {
      if (input.files?.[0]) this.upload(input.files[0]);
      input.value = "";
    };
    byId<HTMLFormElement>("url-form").onsubmit = (event) => {
      event.preventDefault();
      this.fetch(byId<HTMLInputElement>("url").value.trim());
    };
    byId("cancel-upload").onclick = () => this.giveUp.abort();
    byId("example").hidden = !start.has_example;
    byId("example").onclick = () => this.take("Opening the example", "The example", exampleVideo);
    for (const button of document.querySelectorAll<HTMLElement>("[data-choose]")) button.onclick = () => input.click();
    this.listenForDrops();
  }

  fetch(url: string): void {
    if (url) this.take("Fetching the video", "The video", (signal) => fetchVideo(url, signal));
  }

  private upload(file: File): void {
    if (!/^(video|image)\//.test(file.type) && file.type !== "") {
      this.failed({
        sentence: `${file.name} is not a video or picture. Choose an mp4, mov, webm or gif, for example.`,
        field: "input_video",
      });
    } else if (file.size > this.start.max_upload_bytes) {
      const most = Math.floor(this.start.max_upload_bytes / 1e6);
      this.failed({ sentence: `${file.name} is larger than the ${most} MB allowed.`, field: "input_video" });
    } else {
      const upload = (signal: AbortSignal) => uploadVideo(file, (part) => this.showProgress(part), signal);
      this.take(`Uploading ${file.name}`, file.name, upload);
    }
  }

  // `title` stands for the input's name in errors.
  private async take(text: string, title: string, work: (signal: AbortSignal) => Promise<Video>): Promise<void> {
    this.giveUp.abort();
    this.giveUp = new AbortController();
    const { signal } = this.giveUp;
    byId("arriving-text").textContent = `${text}…`;
    byId("arriving").hidden = false;
    byId<HTMLProgressElement>("arriving-bar").removeAttribute("value");
    document.body.classList.add("arriving");
    try {
      this.arrived(await work(signal));
    } catch (error) {
      if (signal.aborted) return;
      const { sentence, field } = error as Partial<Problem>;
      const told = (sentence ?? String(error)).replace(/^input_video\b/, () => title);
      this.failed({ sentence: told, field: field ?? null });
    } finally {
      if (this.giveUp.signal === signal) {
        byId("arriving").hidden = true;
        document.body.classList.remove("arriving");
      }
    }
  }

  private showProgress(part: number): void {
    const bar = byId<HTMLProgressElement>("arriving-bar");
    if (part < 1) {
      bar.value = part;
      return;
    }
    bar.removeAttribute("value");
    byId("arriving-text").textContent = "Reading the video…";
  }

  private listenForDrops(): void {
    const veil = h("div", { class: "veil", hidden: true }, "Drop the video anywhere");
    document.body.append(veil);
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      veil.hidden = false;
    });
    window.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) veil.hidden = true;
    });
    window.addEventListener("drop", (event) => {
      veil.hidden = true;
      if (!hasFiles(event)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) this.upload(file);
    });
  }
}
