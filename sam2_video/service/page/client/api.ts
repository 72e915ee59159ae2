// Calls to the page's server.

import type { Plan } from "./state/tracked";
import type { Export, Lanes, Model, Problem, Project, Prompt, Start, Track, Value, Video } from "./types";

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

// The model works on something else.
export class BusyError extends Error {}

// The sentence of anything that was thrown.
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return { sentence: error.sentence, field: error.field };
  return { sentence: error instanceof Error ? error.message : String(error), field: null };
}

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

// Bytes that a request may have that ends after its page; browsers allow 64 KiB for all of them.
const MOST_KEPT_ALIVE = 30_000;

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const sent = body === undefined ? null : new TextEncoder().encode(JSON.stringify(body));
  const answer = await call(path, {
    method,
    ...(sent && { headers: { "Content-Type": "application/json" }, body: sent }),
    signal: signal ?? null,
    keepalive: method === "PUT" && sent !== null && sent.length < MOST_KEPT_ALIVE,
  });
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

export const getStart = (): Promise<Start> => ask("GET", "/api/start");
export const getSchema = (): Promise<unknown> => ask("GET", "/openapi.json");
export const getStatus = (): Promise<{ status: string; model: Model | null }> => ask("GET", "/api/status");

export const fetchVideo = (url: string, signal: AbortSignal): Promise<Video> =>
  ask("POST", "/api/videos/fetch", { url }, signal);
export const openExample = (id: string, signal: AbortSignal): Promise<Video> =>
  ask("POST", "/api/videos/example", { id }, signal);
export const frameUrl = (video: Video, index: number): string => `/api/videos/${video.id}/frames/${index}`;
export const thumbnailUrl = (video: Video, index: number): string => `${frameUrl(video, index)}?height=96`;

const at = (project: { readonly id: string }): string => `/api/projects/${encodeURIComponent(project.id)}`;

export const makeProject = (video: Video): Promise<Project> => ask("POST", "/api/projects", { video: video.id });
export const getProject = (id: string): Promise<Project> => ask("GET", at({ id }));
export const openShared = (token: string): Promise<Project> =>
  ask("POST", `/api/shared/${encodeURIComponent(token)}`, {});
export const removeProject = (id: string): Promise<void> => ask("DELETE", at({ id }));
export const shareProject = (project: Project): Promise<{ share: string }> => ask("POST", `${at(project)}/share`, {});
export const unshareProject = (project: Project): Promise<void> => ask("DELETE", `${at(project)}/share`);
export const saveProject = (
  project: Project,
  changes: { name?: string; document?: unknown },
): Promise<{ revision: number }> => ask("PUT", at(project), { ...changes, revision: project.revision });

export const startTrack = (
  project: Project,
  plan: Plan,
  objects: readonly { id: string; name: string }[],
): Promise<Track> =>
  ask("POST", `${at(project)}/tracks`, {
    objects,
    prompts: plan.prompts,
    start_frame: plan.start,
    end_frame: plan.end,
  });
export const cancelTrack = (track: Track): Promise<Track> => ask("POST", `/api/tracks/${track.id}/cancel`, {});
export const trackEventsUrl = (track: Track): string => `/api/tracks/${track.id}/events`;
export const maskUrl = (track: Track, index: number): string => `/api/tracks/${track.id}/frames/${index}`;
export const getLanes = (track: Track): Promise<Lanes> => ask("GET", `/api/tracks/${track.id}/lanes`);

// The mask of one object on one frame from its prompt there: a picture that is white in the object.
export async function previewMask(project: Project, prompt: Prompt, signal: AbortSignal): Promise<Blob> {
  const answer = await call(`${at(project)}/mask`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(prompt),
    signal,
  });
  return answer.blob();
}

export const startExport = (
  project: Project,
  objects: readonly { id: string; name: string }[],
  inputs: Readonly<Record<string, Value>>,
): Promise<Export> => ask("POST", `${at(project)}/exports`, { objects, inputs });
export const cancelExport = (id: string): Promise<Export> => ask("POST", `/api/exports/${id}/cancel`, {});
export const removeExport = (id: string): Promise<void> => ask("DELETE", `/api/exports/${id}`);
export const exportEventsUrl = (id: string): string => `/api/exports/${id}/events`;
export const exportZipUrl = (id: string): string => `/api/exports/${id}/zip`;
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

// The bytes of a picture. A server that is silent for long counts as one that does not answer.
export async function getPicture(url: string): Promise<Blob> {
  return (await call(url, { signal: AbortSignal.timeout(60_000) })).blob();
}
