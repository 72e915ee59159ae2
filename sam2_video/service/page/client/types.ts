// Data from the server, and the state of the page.

export interface Click {
  readonly x: number; // pixels of the frame, from its top left corner
  readonly y: number;
  readonly foreground: boolean;
  readonly frame: number;
  readonly name: string; // of its object; empty: a click for every object of its frame
}

// All clicks of one object on one frame; the model gets them together.
export interface Prompt {
  readonly frame: number;
  readonly points: readonly (readonly [number, number])[];
  readonly labels: readonly number[];
  readonly is_conditioning: boolean; // has a foreground click; else it corrects during the run
}

export interface Resolved {
  readonly clicks: readonly Click[] | null; // null: the strings cannot be read
  readonly objects: readonly { readonly name: string; readonly prompts: readonly Prompt[] }[];
  readonly error: Problem | null;
}

export interface Problem {
  readonly sentence: string;
  readonly field: string | null;
}

export interface Video {
  readonly id: string;
  readonly name: string;
  readonly url: string | null;
  readonly media_type: string;
  readonly width: number;
  readonly height: number;
  readonly num_frames: number;
  readonly frame_rate: number | null;
}

export type Value = string | number | boolean;
export type Values = Readonly<Record<string, Value>>;

export interface RunSummary {
  readonly id: string;
  readonly video: string;
  readonly inputs: Values;
  readonly status: "waiting" | "running" | "done" | "failed" | "cancelled";
  readonly frames_done: number;
  readonly frames_total: number;
  readonly seconds_left: number | null;
  readonly error: Problem | null;
}

export interface RunReport extends RunSummary {
  readonly first: boolean; // the report holds everything so far, not only what is new
  readonly new_files: readonly string[];
  readonly new_log: readonly string[];
}

export interface Start {
  readonly api: string | null; // the URL of the hosted API; null: it is not served
  readonly needs_token: boolean; // whether calls to it need a token
  readonly palette: readonly string[];
  readonly has_example: boolean;
  readonly max_upload_bytes: number;
  readonly keep_minutes: number;
  readonly videos: readonly Video[];
  readonly runs: readonly RunSummary[];
}
