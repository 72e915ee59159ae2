// Frames as time codes, and the ticks of the ruler.

import type { Video } from "../types";

const USUAL_RATE = 30; // frames per second of a video that does not tell

// Frames per second at which a video is played.
export const rateOf = (video: Video): number => video.frame_rate ?? USUAL_RATE;

// The rate that time codes count with: 30 for 29.97, without dropped frames.
const countedRate = (rate: number): number => {
  const whole = Math.round(rate);
  return whole > 0 && Math.abs(rate - whole) / whole < 0.002 ? whole : rate;
};

const two = (value: number): string => String(value).padStart(2, "0");

// Hours, minutes, seconds and frames: "00:00:04:00".
export function timecode(frame: number, rate: number): string {
  const counted = countedRate(rate);
  const seconds = Math.floor(frame / counted + 1e-9);
  const rest = frame - Math.ceil(seconds * counted - 1e-6);
  return `${clock(seconds, true)}:${two(rest)}`;
}

// "0:04", or with hours "00:00:04".
function clock(seconds: number, hasHours: boolean): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hasHours) return `${two(hours)}:${two(minutes)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export const frameText = (frame: number, count: number, rate: number): string =>
  `Frame ${frame + 1} of ${count}, ${timecode(frame, rate)}`;

export interface Tick {
  readonly frame: number;
  readonly label: string; // empty: a short tick
}

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const FRAMES = [1, 2, 5, 10];

// Ticks whose labels are at least `gap` pixels apart on a ruler of `width` pixels.
export function ticksOf(count: number, rate: number, width: number, gap = 72): Tick[] {
  const counted = countedRate(rate);
  const least = (gap * count) / Math.max(width, 1); // frames between labels
  // Frames only where seconds would be far apart.
  const frames = least * 4 < counted ? FRAMES.find((step) => step >= least) : undefined;
  const seconds = SECONDS.find((step) => step * counted >= least) ?? Math.ceil(least / counted / 3600) * 3600;
  const step = frames ?? seconds * counted;
  const parts = frames ? frames : seconds % 5 === 0 && seconds <= 60 ? 5 : seconds === 2 ? 2 : 4;
  const ticks: Tick[] = [];
  for (let index = 0; ; index += 1) {
    const frame = Math.ceil((index * step) / parts - 1e-6);
    if (frame >= count) return ticks;
    if (frame === ticks.at(-1)?.frame) continue;
    const isLabelled = index % parts === 0;
    const whole = frame / counted;
    const label =
      Math.abs(whole - Math.round(whole)) < 1 / counted / 2 ? clock(Math.round(whole), false) : `${frame + 1}f`;
    ticks.push({ frame, label: isLabelled ? label : "" });
  }
}
