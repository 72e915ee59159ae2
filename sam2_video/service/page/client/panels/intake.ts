// Takes a video in: a chosen or dropped file, a URL, or an example; makes a project of it.

import { fetchVideo, makeProject, openExample, problemOf, removeProject, saveProject, uploadVideo } from "../api";
import { byId, h } from "../dom";
import { exampleDoc } from "../state/document";
import { withView } from "../state/look";
import type { Store } from "../state/store";
import type { Example, Problem, Project, Video } from "../types";
import { progress } from "./controls";
import { bytesText } from "./words";

// Of videos whose media type browsers do not know, or take for another: .ts is TypeScript, too.
const NAMES = [".mkv", ".mxf", ".ts", ".mts", ".m2ts", ".nut", ".y4m", ".ivf", ".h264", ".h265", ".dv"];

export class Intake {
  readonly input = h("input", {
    type: "file",
    accept: `video/*,image/*,${NAMES.join(",")}`,
    hidden: true,
    tabIndex: -1,
  });
  private giveUp = new AbortController();
  private readonly text = h("p", { class: "arriving-text", role: "status" });
  private readonly bar = progress("Uploaded");
  private readonly cancel = h("button", { type: "button", onclick: () => this.giveUp.abort() }, "Cancel");
  private readonly card = h("dialog", { class: "arriving", "aria-label": "Opening a video" });

  constructor(
    private readonly store: Store,
    private readonly opened: (project: Project) => void,
  ) {
    this.input.onchange = () => {
      const file = this.input.files?.[0];
      this.input.value = "";
      if (file) void this.upload(file);
    };
    this.card.append(this.text, this.bar.element, this.cancel);
    this.card.oncancel = () => this.giveUp.abort();
    document.body.append(this.input, this.card);
    this.listenForDrops();
    this.listenForPaste();
  }

  choose(): void {
    this.input.click();
  }

  async fetch(url: string): Promise<void> {
    const name = nameOfUrl(url);
    await this.take(`Fetching ${name}`, name, (signal) => fetchVideo(url, signal));
  }

  async example({ id, title, clicks }: Example): Promise<void> {
    await this.take(`Opening ${title}`, title, async (signal) => {
      const video = await openExample(id, signal);
      const empty = exampleDoc(clicks, video);
      const document = { ...empty, look: withView(empty.look, "highlight", video) };
      const project = await makeProject(video);
      const { revision } = await saveProject(project, { name: title, document });
      return { ...project, name: title, document, revision };
    });
  }

  async upload(file: File): Promise<void> {
    const { max_upload_bytes: most } = this.store.state.start;
    const isKnown = NAMES.some((name) => file.name.toLowerCase().endsWith(name));
    if (file.type !== "" && !/^(video|image)\//.test(file.type) && !isKnown) {
      this.fail({ sentence: `We can't open ${file.name}. Try MP4, MOV or WebM.`, field: null });
    } else if (file.size > most) {
      this.fail({ sentence: `${file.name} is too large: up to ${bytesText(most)} can be opened here.`, field: null });
    } else {
      await this.take(`Uploading ${file.name}`, file.name, (signal) =>
        uploadVideo(file, (part) => this.progress(part, file.name), signal),
      );
    }
  }

  private progress(part: number, name: string): void {
    this.bar.show(part < 1 ? part : null);
    this.text.textContent = part < 1 ? `Uploading ${name}, ${Math.floor(part * 100)} %` : `Reading ${name}…`;
  }

  private fail(problem: Problem): void {
    this.store.update({ problem });
  }

  private async take(
    text: string,
    name: string,
    work: (signal: AbortSignal) => Promise<Video | Project>,
  ): Promise<void> {
    this.giveUp.abort();
    this.giveUp = new AbortController();
    const { signal } = this.giveUp;
    this.text.textContent = `${text}…`;
    this.bar.show(null);
    this.store.update({ problem: null });
    if (!this.card.open) this.card.showModal();
    try {
      const found = await work(signal);
      const project = "video" in found ? found : await makeProject(found);
      if (signal.aborted) return void (await removeProject(project.id));
      this.card.close(); // before the editor takes the focus
      this.opened(project);
      const { damage } = project.video;
      if (damage) this.fail({ sentence: damage, field: null });
    } catch (error) {
      if (signal.aborted) return;
      const { sentence, field } = problemOf(error);
      this.fail({ sentence: sentence.replace(/^(input_video|url)\b/, () => name), field });
    } finally {
      if (this.giveUp.signal === signal) this.close();
    }
  }

  private close(): void {
    this.card.close();
    if (document.activeElement !== document.body) return;
    const { project } = this.store.state;
    byId(project ? "editor" : "choose-video").focus({ preventScroll: true });
  }

  private listenForDrops(): void {
    const veil = h("div", { class: "veil", hidden: true }, "Drop it to open it");
    document.body.append(veil);
    const isFile = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    addEventListener("dragover", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      veil.hidden = false;
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) veil.hidden = true;
    });
    addEventListener("drop", (event) => {
      veil.hidden = true;
      if (!isFile(event)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.upload(file);
    });
  }

  // A URL or a file that is pasted while no text is being written.
  private listenForPaste(): void {
    addEventListener("paste", (event) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      const file = event.clipboardData?.files[0];
      const text = event.clipboardData?.getData("text/plain").trim() ?? "";
      if (file) void this.upload(file);
      else if (/^https?:\/\/\S+$/i.test(text)) void this.fetch(text);
    });
  }
}

function nameOfUrl(url: string): string {
  try {
    const { pathname, hostname } = new URL(url);
    return decodeURIComponent(pathname.split("/").at(-1) || hostname);
  } catch {
    return "the video";
  }
}
