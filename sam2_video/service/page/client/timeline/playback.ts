// Which frame follows another while a video is played, and how fast J and L make it.

export interface Range {
  readonly start: number; // both included
  readonly end: number;
}

const FASTEST = 8;

// The frame `count` frames on (negative: back) within a range: null past its end, unless it loops.
// Before the range it begins at its start, behind it at its end.
export function advanced(frame: number, count: number, range: Range, loops: boolean): number | null {
  const next = frame + count;
  if (range.start <= next && next <= range.end) return next;
  if (next < range.start && count > 0) return range.start;
  if (next > range.end && count < 0) return range.end;
  if (!loops) return null;
  const length = range.end - range.start + 1;
  return range.start + ((((next - range.start) % length) + length) % length);
}

// Where playing begins: a range that has been played to its end begins anew.
export function firstPlayed(frame: number, speed: number, range: Range): number {
  if (speed > 0 && (frame < range.start || frame >= range.end)) return range.start;
  if (speed < 0 && (frame > range.end || frame <= range.start)) return range.end;
  return frame;
}

// The speed after L (direction 1) or J (-1): each repetition doubles it. 0: paused.
export function shuttled(speed: number, direction: 1 | -1): number {
  return speed * direction > 0 ? direction * Math.min(Math.abs(speed) * 2, FASTEST) : direction;
}

export const speedText = (speed: number): string => `${speed < 0 ? "−" : ""}${Math.abs(speed)}×`;
