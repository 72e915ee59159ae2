import assert from "node:assert/strict";
import { test } from "node:test";
import { setEnd, setStart } from "../state/document";
import { advanced, firstPlayed, shuttled } from "../timeline/playback";
import { type Clock, Transport } from "../timeline/transport";
import { clicked, openPage, PROJECT, trackOver } from "./page";

const RANGE = { start: 10, end: 19 };

test("J and L double the speed, and turn around at once", () => {
  const forward = [1, 1, 1, 1, 1].reduce<number[]>((speeds) => [...speeds, shuttled(speeds.at(-1) ?? 0, 1)], []);
  assert.deepEqual(forward, [1, 2, 4, 8, 8]);
  assert.deepEqual([shuttled(4, -1), shuttled(-1, -1), shuttled(0, -1)], [-1, -2, -1]);
});

test("playing stops at the ends of the range, or begins anew", () => {
  assert.equal(advanced(18, 1, RANGE, false), 19);
  assert.equal(advanced(18, 2, RANGE, false), null);
  assert.equal(advanced(18, 2, RANGE, true), 10);
  assert.equal(advanced(18, 32, RANGE, true), 10);
  assert.equal(advanced(11, -3, RANGE, true), 18);
  assert.equal(advanced(2, 1, RANGE, false), 10);
  assert.equal(advanced(40, -1, RANGE, false), 19);
});

test("a range that was played to its end is played again", () => {
  assert.deepEqual([firstPlayed(19, 1, RANGE), firstPlayed(12, 1, RANGE), firstPlayed(3, 1, RANGE)], [10, 12, 10]);
  assert.deepEqual([firstPlayed(10, -1, RANGE), firstPlayed(12, -1, RANGE), firstPlayed(50, -1, RANGE)], [19, 12, 19]);
});

test("an end of the range that is set beyond the other frees the other", () => {
  const doc = { ...clicked({}), range: RANGE };
  assert.deepEqual(setStart(doc, 15, 90).range, { start: 15, end: 19 });
  assert.deepEqual(setStart(doc, 30, 90).range, { start: 30, end: 89 });
  assert.deepEqual(setEnd(doc, 5, 90).range, { start: 0, end: 5 });
});

// Frames that take `loadMs` each, on a clock of 60 pictures a second.
function player(loadMs: number) {
  const store = openPage();
  let time = 0;
  const clock: Clock = {
    now: () => time,
    tick: async () => {
      const pictures = Math.floor((time * 60) / 1000 + 1e-6) + 1;
      time = (pictures * 1000) / 60;
    },
  };
  const loaded: number[] = [];
  const prefetched: [number, number][] = [];
  let failing: number | null = null;
  const frames = {
    load: async (index: number) => {
      time += loadMs;
      await Promise.resolve();
      if (index === failing) throw new Error("It is broken.");
      loaded.push(index);
      return null as never;
    },
    prefetch: (index: number, step: number) => void prefetched.push([index, step]),
  };
  const transport = new Transport(store, frames, clock);
  const shown: { frame: number; time: number }[] = [];
  store.subscribe((state, before) => {
    if (state.frame === before.frame) return;
    assert.equal(loaded.at(-1), state.frame, "a frame is shown that is not loaded");
    shown.push({ frame: state.frame, time });
  });
  const ended = async () => {
    for (let turn = 0; store.state.isPlaying; turn += 1) {
      assert.ok(turn < 100_000, "playing does not end");
      await Promise.resolve();
    }
  };
  return { store, transport, shown, prefetched, ended, fail: (index: number) => (failing = index) };
}

test("every frame is played in its time if frames are quick", async () => {
  const { store, transport, shown, ended } = player(0);
  transport.play(1);
  await ended();
  assert.deepEqual(
    shown.map(({ frame }) => frame),
    Array.from({ length: 89 }, (_, index) => index + 1),
  );
  for (const { frame, time } of shown) {
    assert.ok(time >= (frame * 1000) / 30 - 1e-6 && time < ((frame + 1.5) * 1000) / 30, `${frame} at ${time}`);
  }
  assert.equal(store.state.frame, 89);
});

test("slow frames are skipped, and time is kept", async () => {
  const { transport, shown, prefetched, ended } = player(100);
  transport.play(1);
  await ended();
  assert.ok(shown.length > 20 && shown.length < 35, `${shown.length} frames`);
  for (const { frame, time } of shown.slice(2)) {
    assert.ok(Math.abs(time - (frame * 1000) / 30) < 200, `${frame} at ${time}`);
  }
  assert.ok(prefetched.some(([, step]) => step > 1));
});

test("backward and faster, within the range", async () => {
  const { store, transport, shown, ended } = player(0);
  store.adjust((doc) => ({ ...doc, range: { start: 20, end: 59 } }));
  transport.play(-2);
  await ended();
  assert.deepEqual([shown[0]?.frame, shown.at(-1)?.frame], [59, 20]);
  assert.ok(shown.every(({ frame }, index) => index === 0 || frame < shown[index - 1]!.frame));
  const took = shown.at(-1)!.time - shown[0]!.time;
  assert.ok(Math.abs(took - (39 * 1000) / 60) < 50, `${took} ms`);
});

test("of several frames that are asked for, the last one stays", async () => {
  const { store, transport, shown } = player(10);
  void transport.goTo(5);
  void transport.goTo(6);
  await transport.goTo(900);
  assert.equal(store.state.frame, 89);
  assert.deepEqual(
    shown.map(({ frame }) => frame),
    [5, 89],
  );
  transport.step(-1);
  transport.step(-1);
  await transport.goTo(transport.target);
  assert.equal(store.state.frame, 87);
});

test("a frame that cannot be loaded is told, and the next one clears it", async () => {
  const { store, transport, fail } = player(0);
  fail(7);
  await transport.goTo(7);
  assert.match(store.state.problem?.sentence ?? "", /It is broken/);
  assert.equal(store.state.frame, 0);
  await transport.goTo(6);
  assert.deepEqual([store.state.frame, store.state.problem], [6, null]);
});

test("moving by hand leaves the tracking, following does not", async () => {
  const { store, transport } = player(0);
  store.update({ tracking: trackOver("t1", ["a"], { status: "running" }) });
  await transport.goTo(3);
  assert.equal(store.state.follow, true);
  await transport.seek(4);
  assert.equal(store.state.follow, false);
});

test("staying drops the frame that is being loaded, and ends following and playing", async () => {
  const { store, transport, shown, fail } = player(10);
  store.update({ tracking: trackOver("t1", ["a"], { status: "running" }) });
  const going = transport.goTo(5);
  transport.stay();
  await going;
  assert.deepEqual([shown, transport.target, store.state.follow], [[], 0, false]);
  fail(6);
  const failing = transport.goTo(6);
  transport.stay();
  await failing;
  assert.equal(store.state.problem, null);
  await transport.goTo(7);
  assert.equal(store.state.frame, 7);
  transport.play(1);
  transport.stay();
  assert.equal(store.state.isPlaying, false);
});

test("following ends before the track is known, and begins again with the next project", async () => {
  const { store, transport } = player(0);
  transport.stay();
  assert.equal(store.state.follow, false);
  store.open(PROJECT);
  assert.equal(store.state.follow, true);
});

test("a jump ends playing", async () => {
  const { store, transport, ended } = player(0);
  transport.play(1);
  await transport.goTo(50);
  await ended();
  assert.deepEqual([store.state.frame, store.state.isPlaying], [50, false]);
});
