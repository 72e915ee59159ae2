// Starts, follows and cancels a run.

import { cancelRun, eventsUrl, startRun } from "./api";
import { byId, countOf } from "./dom";
import { Results } from "./results";
import type { Store } from "./store";
import type { Problem, RunReport, RunSummary } from "./types";

export class Runner {
  private events: EventSource | null = null;
  private run: RunSummary | null = null;
  private readonly results: Results;

  constructor(
    private readonly store: Store,
    private readonly complain: (problem: Problem) => void,
  ) {
    this.results = new Results(store);
    byId("run").onclick = () => this.begin();
    byId("cancel").onclick = () => this.cancel();
    store.subscribe((state, before) => {
      if (
        state.video !== before.video ||
        state.drawing !== before.drawing ||
        state.isRunning !== before.isRunning ||
        state.values !== before.values
      ) {
        const prompts = ["click_coordinates", "box_coordinates", "input_masks"];
        const hasPoints = prompts.some((name) => String(state.values[name] ?? "").trim() !== "");
        byId<HTMLButtonElement>("run").disabled = !state.video || !hasPoints || state.isRunning;
      }
    });
  }

  async begin(): Promise<void> {
    const { video, values } = this.store.state;
    if (!video) return;
    this.store.update({ problem: null, isRunning: true });
    try {
      const { input_video: _, ...inputs } = values;
      this.follow(await startRun(video.id, inputs));
      const block = matchMedia("(max-width: 980px)").matches ? "start" : "nearest";
      byId("result").scrollIntoView({ behavior: "smooth", block });
    } catch (error) {
      this.store.update({ isRunning: false });
      const { sentence, field } = error as Partial<Problem>;
      this.complain({ sentence: sentence ?? String(error), field: field ?? null });
    }
  }

  // Shows a run from its start, running or ended.
  follow(run: RunSummary): void {
    this.events?.close();
    this.run = run;
    byId("result").hidden = false;
    byId("log").textContent = "";
    this.results.clear();
    this.store.update({ isRunning: true });
    this.events = new EventSource(eventsUrl(run));
    this.events.onmessage = (event: MessageEvent<string>) => this.report(JSON.parse(event.data) as RunReport);
    this.events.onerror = () => {
      if (this.events?.readyState === EventSource.CLOSED) {
        this.store.update({ isRunning: false });
        this.complain({ sentence: "The server does not answer. Is it still running?", field: null });
      }
    };
  }

  private async cancel(): Promise<void> {
    if (!this.run) return;
    byId<HTMLButtonElement>("cancel").disabled = true;
    try {
      await cancelRun(this.run.id);
    } catch (error) {
      this.complain({ sentence: (error as Partial<Problem>).sentence ?? String(error), field: null });
    } finally {
      byId<HTMLButtonElement>("cancel").disabled = false;
    }
  }

  private report(report: RunReport): void {
    const log = byId("log");
    if (report.first) {
      log.textContent = "";
      this.results.clear();
    }
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(report.new_log.map((line) => `${line}\n`).join(""));
    if (isAtEnd) log.scrollTop = log.scrollHeight;
    this.results.add(report);
    const isActive = report.status === "waiting" || report.status === "running";
    byId("result").dataset.status = report.status;
    byId("run-status").textContent = statusOf(report);
    byId("run-detail").textContent = detailOf(report, this.results.pictures);
    byId("progress-row").hidden = !isActive;
    const bar = byId<HTMLProgressElement>("progress");
    if (report.status === "running" && report.frames_total) {
      bar.max = report.frames_total;
      bar.value = report.frames_done;
    } else bar.removeAttribute("value");
    if (isActive) return;
    this.events?.close();
    this.results.finish(report);
    this.store.update({ isRunning: false });
    if (report.error) this.complain(report.error);
  }
}

function statusOf(report: RunReport): string {
  if (report.status === "waiting") return "Waiting for the model";
  if (report.status === "running") return report.frames_total ? "Working" : "Reading the video";
  if (report.status === "done") return "Done";
  return report.status === "failed" ? "Failed" : "Cancelled";
}

function detailOf(report: RunReport, pictures: number): string {
  if (report.status === "waiting") return "The run is in the queue. It starts when the model is free.";
  if (report.status === "failed") return report.error?.sentence ?? "";
  if (report.status === "cancelled") return "The run was stopped.";
  if (!report.frames_total) return "";
  const frames = countOf(report.frames_total, "frame");
  if (report.status === "done") return pictures ? `${countOf(pictures, "picture")} from ${frames}` : frames;
  const left = report.seconds_left === null ? "" : ` · about ${durationOf(report.seconds_left)} left`;
  return `${report.frames_done} of ${frames}${left}`;
}

function durationOf(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}
