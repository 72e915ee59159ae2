// What the page's server sends and takes.

export interface Problem {
  readonly sentence: string;
  readonly field: string | null;
}

export interface Video {
  readonly id: string;
  readonly name: string;
  readonly url: string | null;
  readonly media_type: string;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  readonly num_frames: number;
  readonly frame_rate: number | null;
  readonly has_sound: boolean;
  readonly damage: string | null; // where the file is damaged, in a sentence
}

export type Value = string | number | boolean;
export type Values = Readonly<Record<string, Value>>;
export type Status = "waiting" | "running" | "done" | "failed" | "cancelled";
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];
export type Range = readonly [first: number, last: number]; // of frames, both included

// What the model gets for one object on one frame.
export interface Prompt {
  readonly object: string;
  readonly frame: number;
  readonly points: readonly (readonly [x: number, y: number])[]; // pixels of the frame
  readonly labels: readonly (0 | 1)[];
  readonly box: Box | null;
  readonly mask_of: string | null; // the track whose mask the points refine
}

export interface Track {
  readonly id: string;
  readonly objects: readonly string[]; // pixel value k + 1 of its pictures is objects[k]
  readonly start_frame: number;
  readonly end_frame: number;
  readonly prompts: readonly Prompt[];
  readonly frames: readonly Range[]; // whose pictures are here
  readonly status: Status;
  readonly frames_done: number;
  readonly frames_total: number;
  readonly seconds_left: number | null;
  readonly error: Problem | null;
}

export interface TrackReport extends Track {
  readonly first: boolean; // `frames` holds all, not only the new ones
  readonly new_log: readonly string[];
}

// By object: the model's score of each frame from `start_frame` on; null where it is not in sight.
export interface Lanes {
  readonly start_frame: number;
  readonly objects: Readonly<Record<string, readonly (number | null)[]>>;
}

export interface ExportFile {
  readonly name: string;
  readonly size: number;
  readonly url: string;
  readonly media_type: string;
}

export interface Export {
  readonly id: string;
  readonly title: string;
  readonly inputs: Values;
  readonly status: Status;
  readonly frames_done: number;
  readonly frames_total: number;
  readonly error: Problem | null;
  readonly files: readonly ExportFile[];
  readonly created_at: string;
}

export interface ProjectSummary {
  readonly id: string;
  readonly name: string;
  readonly video: Video;
  readonly changed_at: string;
  readonly tracked_frames: number;
  readonly is_shared: boolean;
}

export interface Project extends ProjectSummary {
  readonly document: unknown; // as it was saved; see state/document.ts
  readonly revision: number;
  readonly tracks: readonly Track[]; // oldest first
  readonly exports: readonly Export[]; // newest first
  readonly share: string | null; // the token of its link
}

export interface Model {
  readonly name: string;
  readonly is_small: boolean;
}

export interface ExampleClick {
  readonly object: string;
  readonly name: string;
  readonly frame: number;
  readonly x: number;
  readonly y: number;
  readonly foreground: boolean;
}

export interface Example {
  readonly id: string;
  readonly title: string;
  readonly thumbnail: string;
  readonly preview: string | null;
  readonly clicks: readonly ExampleClick[];
}

export interface Start {
  readonly api: string | null; // the URL of the hosted API; null: it is not served
  readonly needs_token: boolean; // whether calls to it need a token
  readonly palette: readonly string[];
  readonly max_upload_bytes: number;
  readonly keep_minutes: number;
  readonly model: Model | null;
  readonly examples: readonly Example[];
  readonly projects: readonly ProjectSummary[];
}
