// Edits of clicks and objects.

import { namesOf, type Store } from "./store";
import type { Click } from "./types";

export function addClick(store: Store, x: number, y: number, foreground: boolean): void {
  const { drawing, frame } = store.state;
  const name = drawing.active || freeName(drawing.objects);
  const clicks = [...drawing.clicks, { x, y, foreground, frame, name }];
  const objects = drawing.objects.includes(name) ? drawing.objects : [...drawing.objects, name];
  store.draw({ clicks, objects, active: name }, { selected: clicks.length - 1 });
}

export function moveClick(store: Store, index: number, x: number, y: number, keep: boolean): void {
  const { drawing, video } = store.state;
  const click = drawing.clicks[index];
  if (!click || !video) return;
  const moved: Click = { ...click, x: within(x, video.width), y: within(y, video.height) };
  const clicks = drawing.clicks.map((other, i) => (i === index ? moved : other));
  store.draw({ ...drawing, clicks }, { keep, selected: index });
}

export function removeClick(store: Store, index: number): void {
  const { drawing } = store.state;
  store.draw({ ...drawing, clicks: drawing.clicks.filter((_, i) => i !== index) }, { selected: null });
}

export function selectClick(store: Store, index: number): void {
  const { drawing } = store.state;
  const active = drawing.clicks[index]?.name || drawing.active;
  store.update({ selected: index, drawing: { ...drawing, active } });
}

export function addObject(store: Store): void {
  const { drawing } = store.state;
  const name = freeName(drawing.objects);
  store.draw({ ...drawing, objects: [...drawing.objects, name], active: name });
}

export function chooseObject(store: Store, name: string): void {
  store.update({ drawing: { ...store.state.drawing, active: name } });
}

// Renames an object; the name of another object is refused, because it would merge the two.
export function renameObject(store: Store, before: string, wanted: string): boolean {
  const { drawing } = store.state;
  const name = wanted.replaceAll(",", " ").replace(/\s+/g, " ").trim();
  if (name === before) return true;
  if (!name || drawing.objects.includes(name)) return false;
  const renamed = (old: string) => (old === before ? name : old);
  store.draw({
    clicks: drawing.clicks.map((click) => ({ ...click, name: renamed(click.name) })),
    objects: drawing.objects.map(renamed),
    active: renamed(drawing.active),
  });
  return true;
}

export function removeObject(store: Store, name: string): void {
  const { drawing } = store.state;
  const clicks = drawing.clicks.filter((click) => click.name !== name);
  const objects = drawing.objects.filter((other) => other !== name);
  const active = drawing.active === name ? (namesOf(clicks)[0] ?? objects[0] ?? "") : drawing.active;
  store.draw({ clicks, objects, active }, { selected: null });
}

function freeName(taken: readonly string[]): string {
  let number = 1;
  while (taken.includes(`Object ${number}`)) number += 1;
  return `Object ${number}`;
}

function within(value: number, size: number): number {
  return Math.min(Math.max(Math.floor(value), 0), size - 1);
}
