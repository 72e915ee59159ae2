// Calls to the page's server.

import type { Problem, Prompt, Resolved, RunSummary, Start, Values, Video } from "./types";

// A sentence for the visitor, and the input that it is about.
export class ApiError extends Error implements Problem {
  constructor(
    readonly sentence: string,
    readonly field: string | null = null,
    readonly status = 0,
  ) {
    super(sentence);
  }
}

export class BusyError extends Error {}

async function call(path: string, options: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is it still running?");
  }
  if (!answer.ok) throw await errorOf(answer);
  return answer;
}

async function errorOf(answer: Response): Promise<Error> {
  let body: { sentence?: string; field?: string | null; busy?: boolean } = {};
  try {
    body = await answer.json();
  } catch {
    // Not an answer of this server: show the status code.
  }
  if (body.busy) return new BusyError();
  const sentence = body.sentence ?? `The server answered with status ${answer.status}.`;
  return new ApiError(sentence, body.field ?? null, answer.status);
}

function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return call(path, { method: "POST", headers, body: JSON.stringify(body), signal: signal ?? null });
}

export const getStart = async (): Promise<Start> => (await call("/api/start")).json();
export const getSchema = async (): Promise<unknown> => (await call("/openapi.json")).json();
export const getStatus = async (): Promise<string> => (await (await call("/api/status")).json()).status;
export const getVideo = async (id: string): Promise<Video> =>
  (await call(`/api/videos/${encodeURIComponent(id)}`)).json();
export const fetchVideo = async (url: string, signal: AbortSignal): Promise<Video> =>
  (await post("/api/videos/fetch", { url }, signal)).json();
export const exampleVideo = async (signal: AbortSignal): Promise<Video> =>
  (await post("/api/videos/example", {}, signal)).json();
export const resolveClicks = async (strings: Values, video: string | null, signal: AbortSignal): Promise<Resolved> =>
  (await post("/api/clicks", { ...strings, video }, signal)).json();
export const startRun = async (video: string, inputs: Values): Promise<RunSummary> =>
  (await post("/api/runs", { video, inputs })).json();
export const cancelRun = async (id: string): Promise<unknown> => (await post(`/api/runs/${id}/cancel`, {})).json();

export async function maskOf(video: Video, prompt: Prompt, signal: AbortSignal): Promise<ImageBitmap> {
  const { frame, points, labels } = prompt;
  const answer = await post(`/api/videos/${video.id}/mask`, { frame, points, labels }, signal);
  return createImageBitmap(await answer.blob());
}

export const frameUrl = (video: Video, index: number): string => `/api/videos/${video.id}/frames/${index}`;
export const sourceUrl = (video: Video): string => `/api/videos/${video.id}/file`;
export const resultUrl = (run: RunSummary, name: string): string => `/api/runs/${run.id}/files/${name}`;
export const zipUrl = (run: RunSummary): string => `/api/runs/${run.id}/zip`;
export const eventsUrl = (run: RunSummary): string => `/api/runs/${run.id}/events`;

// Uploads a file with XMLHttpRequest, because fetch reports no upload progress.
export function uploadVideo(file: File, progress: (part: number) => void, signal: AbortSignal): Promise<Video> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/videos?name=${encodeURIComponent(file.name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onload = () => {
      const body = request.response ?? {};
      if (request.status === 201) resolve(body as Video);
      else
        reject(new ApiError(body.sentence ?? `The upload failed with status ${request.status}.`, body.field ?? null));
    };
    request.onerror = () => reject(new ApiError("The upload broke off. Is the server still running?"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
