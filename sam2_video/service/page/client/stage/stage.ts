// The canvas: the shown frame with its masks, marks and previews; clicks, boxes, zoom.

import { problemOf } from "../api";
import { h } from "../dom";
import { addBox, addClick, addObject, chooseObject, type Doc, hideObject, markOf } from "../state/document";
import { colourOf, type State, type Store } from "../state/store";
import { isStale } from "../state/tracked";
import type { Box } from "../types";
import { maskToRefine, type Scene, type Target, targetOfBox, targetOfClick } from "./click_target";
import { compose, piecesOf, rgbOf, type Style } from "./compose";
import type { Frames, Layer, Loaded } from "./frames";
import { type Handle, Marks, putBox } from "./marks";
import { Previews } from "./preview";
import { Question } from "./question";
import { type Status, statusOf } from "./status";
import { type Place, Viewport } from "./viewport";
import "./stage.css";

const STILL = 5; // CSS pixels that a pointer may move during a click
const LONG_PRESS_MS = 450; // before the browser's own, which opens a menu
const SMALLEST_BOX = 4; // CSS pixels

// What the pointer that is down does.
interface Grip {
  readonly start: Place; // in CSS pixels of the window
  readonly does: "click" | "move" | "pan" | "box";
  readonly isOnDot: boolean;
  handle: Handle | null;
  isDragged: boolean;
  longPress: number; // a timer
}

export class Stage {
  private readonly viewport = new Viewport();
  private readonly picture = h("canvas", { "aria-hidden": "true" });
  private readonly overlay = h("canvas", { "aria-hidden": "true" });
  private readonly layer = h("div", { class: "stage-layer" }, this.picture, this.overlay);
  private readonly cross = h("div", { class: "stage-cross", hidden: true });
  private readonly band = h("div", { class: "stage-box stage-band", hidden: true });
  private readonly status = h("p", { class: "stage-status", hidden: true });
  private readonly question: Question;
  private readonly area: HTMLElement;
  private readonly marks: Marks;
  private readonly previews: Previews;

  private masks: ReadonlyMap<string, Layer> = new Map(); // tracked ones of the shown frame
  private shownPicture: string | null = null; // what the canvas shows: project and frame
  private failed: string | null = null; // why the shown frame is not here
  private refusal: string | null = null; // why the last click did nothing
  private image: ImageData | null = null; // what is painted on the overlay
  private loading = 0; // counts what was asked for
  private isLoading = false;
  private isDrawing = false;
  private pointers = new Map<number, PointerEvent>();
  private grip: Grip | null = null;
  private crossAt: Place | null = null; // in pixels of the picture
  private askedBox: Box | null = null; // the last one that was drawn
  private isSpaceDown = false;
  private onSpaceUp: (() => void) | null = null;
  private isTouch = matchMedia("(pointer: coarse)").matches;

  constructor(
    private readonly store: Store,
    root: HTMLElement,
    private readonly frames: Frames,
    private readonly stay: () => void, // on the shown frame
    private readonly say: (text: string) => void, // to people who cannot see the picture
  ) {
    this.question = new Question((hadFocus) => {
      this.band.hidden = true;
      if (hadFocus) this.focus();
    });
    this.marks = new Marks(store, this.viewport, () => this.focus());
    this.area = h(
      "div",
      {
        class: "stage-area",
        tabIndex: 0,
        role: "application",
        "aria-label": "Picture",
        "aria-describedby": "stage-keys",
        onpointerdown: (event: PointerEvent) => this.press(event),
        onpointermove: (event: PointerEvent) => this.drag(event),
        onpointerup: (event: PointerEvent) => this.release(event),
        onpointercancel: (event: PointerEvent) => this.drop(event),
        oncontextmenu: (event: MouseEvent) => this.menu(event),
        onkeydown: (event: KeyboardEvent) => this.key(event),
        onblur: () => this.setCross(null),
      },
      this.layer,
      this.band,
      this.marks.element,
      this.cross,
      this.question.spot,
      this.question.element,
    );
    this.area.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    root.append(
      this.area,
      this.status,
      h("p", {
        id: "stage-keys",
        class: "hidden-text",
        textContent:
          "Enter shows a crosshair, which the arrow keys move. Enter then adds a point, Alt and Enter one that is not part of the object. Delete removes the selected point.",
      }),
    );
    addEventListener("keydown", (event) => this.space(event, true));
    addEventListener("keyup", (event) => this.space(event, false));
    addEventListener("blur", () => {
      this.onSpaceUp = null;
      this.holdSpace(false);
    });
    new ResizeObserver(() => this.resize()).observe(this.area);
    this.previews = new Previews(store, () => this.draw());
    store.subscribe((state, before) => this.render(state, before));
  }

  get zoom(): number {
    return this.viewport.zoom;
  }

  // Zooms about the middle; 1 shows the whole picture.
  setZoom(zoom: number, about?: Place): void {
    this.viewport.zoomTo(zoom, about);
    this.place();
  }

  focus(): void {
    this.area.focus({ preventScroll: true });
  }

  // Does what Space is for: at once if there is nothing to pan, else when Space goes up without
  // having panned.
  afterSpace(act: () => void): void {
    if (this.isSpaceDown && this.zoom > 1) this.onSpaceUp = act;
    else act();
  }

  // Removes the selected click or box; false if there is none.
  removeSelected(): boolean {
    return this.marks.removeSelected();
  }

  // What is shown.

  private render(state: State, before: State): void {
    const { doc, project } = state;
    if (project?.id !== before.project?.id) this.open();
    if (!doc || !project) return;
    const isMoved = state.frame !== before.frame || project.id !== before.project?.id;
    if (isMoved) this.setCross(null);
    if (isMoved || doc.objects !== before.doc?.objects || doc.active !== before.doc.active) this.question.close();
    if (isMoved || state.doc !== before.doc) this.refusal = null;
    // Tracks bring new masks of the shown frame; objects may have come back.
    if (isMoved || project.tracks !== before.project?.tracks || doc.objects !== before.doc?.objects) this.load();
    else this.draw();
  }

  private open(): void {
    this.shownPicture = null;
    this.masks = new Map();
    this.failed = null;
    for (const canvas of [this.picture, this.overlay]) {
      const video = this.store.state.project?.video;
      canvas.width = video?.width ?? 1;
      canvas.height = video?.height ?? 1;
    }
    this.viewport.zoom = 1;
    this.resize();
  }

  // Shows the frame of the state once it is here; what is on the stage stays until then.
  private load(): void {
    const { opened } = this.store;
    if (!opened) return;
    const { frame, project } = opened;
    this.loading += 1;
    const loaded = this.frames.now(frame);
    if (loaded) {
      this.show(loaded);
      return;
    }
    const load = this.loading;
    const isCurrent = () => this.loading === load && this.store.state.project?.id === project.id;
    this.isLoading = true;
    this.area.setAttribute("aria-busy", "true");
    this.frames.load(frame).then(
      (found) => {
        if (isCurrent()) this.show(found);
      },
      (error: unknown) => {
        if (!isCurrent()) return;
        this.isLoading = false;
        this.failed = problemOf(error).sentence;
        this.draw();
      },
    );
  }

  private show({ picture, masks }: Loaded): void {
    const { project, frame } = this.store.state;
    const key = `${project?.id}/${frame}`;
    if (this.shownPicture !== key)
      this.picture.getContext("2d")?.drawImage(picture, 0, 0, this.picture.width, this.picture.height);
    this.shownPicture = key;
    this.masks = masks;
    this.failed = null;
    this.isLoading = false;
    this.paint();
  }

  // Paints the overlay before the next picture of the screen.
  private draw(): void {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      if (this.isDrawing) this.paint();
    });
  }

  private paint(): void {
    this.isDrawing = false;
    this.tell();
    const { opened } = this.store;
    const context = this.overlay.getContext("2d");
    // While new masks are on their way, those of before stay.
    if (!opened || !context || this.isLoading || this.shownPicture !== `${opened.project.id}/${opened.frame}`) return;
    const { doc, frame, project } = opened;
    const stale = (object: string) => isStale(doc, project.tracks, object, frame);
    const colours = (object: string) => rgbOf(colourOf(opened, object));
    const pieces = piecesOf(doc, this.masks, this.previews.shown, stale, colours);
    const { width, height } = this.overlay;
    if (this.image?.width !== width || this.image.height !== height) this.image = new ImageData(width, height);
    const { image } = this;
    compose(image.data, width, height, pieces, this.style(doc));
    context.putImageData(image, 0, 0);
    this.overlay.dataset.objects = String(pieces.filter(({ layer }) => layer.box).length);
  }

  // Lines and stripes that are as wide on the screen whatever the size of the picture is.
  private style(doc: Doc): Style {
    const { line, cell } = linesAt(this.viewport.scale);
    return { ...doc.look, line, cell };
  }

  private get masksShown(): Map<string, Layer> {
    return new Map([...this.masks, ...this.previews.shown]);
  }

  private tell(): void {
    const { opened } = this.store;
    const isQuiet = !opened || opened.tracking !== null || opened.isPlaying;
    this.status.hidden = isQuiet;
    const isBusy = opened !== null && (this.shownPicture === null || this.previews.status.kind === "working");
    if (isBusy && !this.failed) this.area.setAttribute("aria-busy", "true");
    else this.area.removeAttribute("aria-busy");
    if (isQuiet) return;
    const { doc, frame, project } = opened;
    const previewed = this.previews.shown;
    const found: Status = this.failed
      ? { kind: "failed", text: this.failed }
      : this.refusal
        ? { kind: "hint", text: this.refusal }
        : statusOf({
            doc,
            frame,
            tracks: project.tracks,
            masks: this.masksShown,
            isStale: (object) => !previewed.has(object) && isStale(doc, project.tracks, object, frame),
            preview: this.previews.status,
            tool: opened.tool,
            isTouch: this.isTouch,
          });
    this.status.dataset.kind = found.kind;
    if (this.status.textContent === found.text) return;
    this.status.textContent = found.text;
    this.say(found.text);
  }

  // Where it is shown.

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.area;
    this.viewport.resize({ width, height }, this.picture);
    this.place();
  }

  private place(): void {
    const { left, top, scale, zoom } = this.viewport;
    this.layer.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    this.layer.classList.toggle("stage-coarse", scale * devicePixelRatio > 3);
    this.area.classList.toggle("stage-zoomed", zoom > 1);
    this.marks.place();
    if (this.askedBox) putBox(this.band, this.askedBox, this.viewport);
    this.question.place((at) => this.viewport.areaAt(at), this.area.clientWidth, this.area.clientHeight);
    if (this.crossAt) {
      const { x, y } = this.viewport.areaAt({ x: this.crossAt.x + 0.5, y: this.crossAt.y + 0.5 });
      this.cross.style.left = `${x}px`;
      this.cross.style.top = `${y}px`;
    }
    this.draw();
  }

  private inArea({ clientX, clientY }: { clientX: number; clientY: number }): Place {
    const box = this.area.getBoundingClientRect();
    return { x: clientX - box.left - this.area.clientLeft, y: clientY - box.top - this.area.clientTop };
  }

  // The pixel of the picture at a point of the window; null outside of the picture.
  private pixelAt(event: { clientX: number; clientY: number }): Place | null {
    const at = this.viewport.pictureAt(this.inArea(event));
    const x = Math.floor(at.x);
    const y = Math.floor(at.y);
    return x >= 0 && y >= 0 && x < this.picture.width && y < this.picture.height ? { x, y } : null;
  }

  // Pointers.

  private press(event: PointerEvent): void {
    if (this.isTouch !== (event.pointerType === "touch")) {
      this.isTouch = !this.isTouch;
      this.tell();
    }
    if (!this.store.opened) return;
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size > 1) {
      this.endGrip(); // two fingers zoom
      return;
    }
    this.stay(); // a click is for the frame on which it was made
    if (event.button > 1) return;
    const { tool } = this.store.state;
    this.question.close();
    const held = this.marks.handleAt(event);
    const isOnOwnDot = held?.isOnDot === true && this.isOfActive(held.handle);
    const doesPan = event.button === 1 || this.isSpaceDown;
    const does = doesPan ? "pan" : held ? "move" : tool === "box" || event.shiftKey ? "box" : "click";
    this.grip = {
      start: { x: event.clientX, y: event.clientY },
      does,
      isOnDot: held?.isOnDot ?? false,
      handle: does === "move" ? (held?.handle ?? null) : null,
      isDragged: false,
      longPress: 0,
    };
    if (event.pointerType === "touch" && (does === "click" || (does === "move" && !isOnOwnDot))) {
      this.grip.longPress = window.setTimeout(() => this.pressLong(event), LONG_PRESS_MS);
    }
    this.area.setPointerCapture(event.pointerId);
    this.area.classList.toggle("stage-panning", doesPan);
    if (doesPan || held) event.preventDefault();
    if (does === "move" && held && isOnOwnDot) this.take(held.handle);
    else if (!doesPan) this.focus();
  }

  private pressLong(event: PointerEvent): void {
    const grip = this.grip;
    if (!grip || grip.isDragged) return;
    grip.isDragged = true; // what follows is no click
    navigator.vibrate?.(15);
    const pixel = this.pixelAt(event);
    if (pixel) this.click(pixel, false, grip.isOnDot ? grip.handle : null);
  }

  private drag(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) this.pinch(before, event);
    this.pointers.set(event.pointerId, event);
    const grip = this.grip;
    if (!grip || this.pointers.size > 1) return;
    const isFar = Math.hypot(event.clientX - grip.start.x, event.clientY - grip.start.y) > STILL;
    if (!grip.isDragged && !isFar) return;
    if (!grip.isDragged) {
      grip.isDragged = true;
      clearTimeout(grip.longPress);
      if (grip.does === "move" && grip.handle) {
        this.take(grip.handle);
        this.store.remember(); // one step of undo a drag
      }
      if (grip.does === "pan") this.onSpaceUp = null;
    }
    if (grip.does === "move" && grip.handle) {
      grip.handle = this.marks.move(grip.handle, this.viewport.pictureAt(this.inArea(event)));
    } else if (grip.does === "box") {
      this.band.hidden = false;
      putBox(this.band, this.boxOf(grip, event), this.viewport);
    } else {
      // With the tools for points a zoomed picture moves too.
      this.viewport.move(event.clientX - before.clientX, event.clientY - before.clientY);
      this.place();
    }
  }

  private pinch(before: PointerEvent, now: PointerEvent): void {
    const other = [...this.pointers.values()].find(({ pointerId }) => pointerId !== now.pointerId);
    if (!other) return;
    const span = (pointer: PointerEvent) =>
      Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
    this.viewport.move((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
    const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 };
    this.setZoom((this.zoom * span(now)) / Math.max(1, span(before)), this.inArea(middle));
  }

  private release(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    const grip = this.grip;
    this.endGrip();
    if (!grip) return;
    const box = this.boxOf(grip, event);
    if (grip.does === "box" && grip.isDragged) {
      const least = SMALLEST_BOX / this.viewport.scale;
      if (box[2] - box[0] >= Math.max(1, least) && box[3] - box[1] >= Math.max(1, least)) this.drawBox(box);
      return;
    }
    const dot = grip.isOnDot ? grip.handle : null;
    // On some systems Ctrl-click is a right click and arrives as `contextmenu`.
    if (grip.isDragged || grip.does === "pan" || (dot && this.isOfActive(dot)) || event.ctrlKey) return;
    const pixel = this.pixelAt(event);
    if (pixel) this.click(pixel, !event.altKey && this.store.state.tool !== "remove", dot);
    else if (dot) this.take(dot); // it reaches over the edge of the picture
  }

  private drop(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    this.endGrip();
  }

  private endGrip(): void {
    if (this.grip) clearTimeout(this.grip.longPress);
    this.grip = null;
    this.band.hidden = true;
    this.area.classList.remove("stage-panning");
  }

  // In pixels of the picture, inside of it.
  private boxOf({ start }: Grip, event: PointerEvent): Box {
    const { width, height } = this.picture;
    const from = this.viewport.pictureAt(this.inArea({ clientX: start.x, clientY: start.y }));
    const to = this.viewport.pictureAt(this.inArea(event));
    const inside = (value: number, most: number) => Math.min(Math.max(Math.round(value), 0), most);
    return [
      inside(Math.min(from.x, to.x), width),
      inside(Math.min(from.y, to.y), height),
      inside(Math.max(from.x, to.x), width),
      inside(Math.max(from.y, to.y), height),
    ];
  }

  // A right click; a press of a finger has its own timer.
  private menu(event: MouseEvent): void {
    event.preventDefault();
    const held = this.marks.handleAt(event);
    const dot = held?.isOnDot ? held.handle : null;
    if (this.isTouch || this.grip?.isDragged || (dot && this.isOfActive(dot))) return;
    if (event.button !== 2 && !event.ctrlKey) return; // of the keyboard
    this.endGrip();
    this.pointers.clear();
    const pixel = this.pixelAt(event);
    if (!pixel) return;
    this.focus();
    this.click(pixel, false, dot);
  }

  private wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.setZoom(this.zoom * Math.exp(-event.deltaY / 200), this.inArea(event));
    } else if (this.zoom > 1) {
      event.preventDefault();
      this.viewport.move(-event.deltaX, -event.deltaY);
      this.place();
    }
  }

  private space(event: KeyboardEvent, isDown: boolean): void {
    if (event.code !== "Space" || event.repeat) return;
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea, select");
    this.holdSpace(isDown && !isTyping);
  }

  private holdSpace(isDown: boolean): void {
    this.isSpaceDown = isDown;
    this.area.classList.toggle("stage-grab", isDown && this.zoom > 1);
    const act = this.onSpaceUp;
    this.onSpaceUp = null;
    if (!isDown) act?.();
  }

  // What clicks and boxes do.

  private scene(): Scene | null {
    const { opened } = this.store;
    if (!opened) return null;
    const { doc, frame, project } = opened;
    const hidden = new Set(doc.objects.filter((object) => object.hidden).map(({ id }) => id));
    return {
      doc,
      frame,
      tracks: project.tracks,
      width: project.video.width,
      height: project.video.height,
      masks: new Map([...this.masksShown].filter(([object]) => !hidden.has(object))),
    };
  }

  // `dot`: of a point or box of another object, if the click is on one.
  private click(at: Place, foreground: boolean, dot: Handle | null = null): void {
    const scene = this.scene();
    if (!scene) return;
    const add = (doc: Doc, maskOf: string | null) => addClick(doc, scene.frame, { ...at, foreground }, maskOf);
    const target = targetOfClick(scene, at, foreground, dot?.object ?? null);
    const middle = { x: at.x + 0.5, y: at.y + 0.5 };
    this.apply(target, middle, add, (object) => maskToRefine(scene, object));
    const { active } = scene.doc;
    if (target.kind !== "choose" || active === null) return;
    if (dot) this.take(dot);
    // It may have been for the object that was active after all.
    const text = `${foreground ? "Add to" : "Remove from"} ${this.nameOf(active)} instead`;
    const act = () => this.edit((doc) => add(chooseObject(doc, active), maskToRefine(scene, active)));
    this.question.ask(middle, [{ text, act }], false);
    this.place();
  }

  private drawBox(box: Box): void {
    const scene = this.scene();
    if (!scene) return;
    const add = (doc: Doc, maskOf: string | null) => addBox(doc, scene.frame, box, maskOf);
    this.askedBox = box;
    this.apply(targetOfBox(scene, box), { x: box[2], y: (box[1] + box[3]) / 2 }, add, () => null);
    this.band.hidden = !this.question.isOpen;
  }

  private apply(
    target: Target,
    at: Place,
    add: (doc: Doc, maskOf: string | null) => Doc,
    maskOf: (object: string) => string | null,
  ): void {
    if (target.kind === "refuse") {
      this.refusal = target.sentence;
      this.tell();
    } else if (target.kind === "choose") {
      this.store.adjust((doc) => chooseObject(doc, target.object), { selected: null });
      this.say(`${this.nameOf(target.object)} is selected.`);
    } else if (target.kind === "add") {
      this.edit((doc) => add(doc, target.maskOf));
    } else {
      const choices = [
        { text: "New object", act: () => this.edit((doc) => add(addObject(doc), null)) },
        ...target.objects.map((object) => ({
          text: `Add to ${this.nameOf(object)}`,
          act: () => this.edit((doc) => add(chooseObject(doc, object), maskOf(object))),
        })),
      ];
      this.question.ask(at, choices, true);
      this.place();
      this.question.focus();
    }
  }

  // One step of undo; what it adds is selected, and seen.
  private edit(change: (doc: Doc) => Doc): void {
    const { doc, frame } = this.store.state;
    if (!doc) return;
    const after = change(doc);
    const active = after.active!;
    const mark = markOf(after, active, frame);
    const hasNewBox = mark?.box && mark.box !== markOf(doc, active, frame)?.box;
    const click = hasNewBox ? "box" : (mark?.clicks.length ?? 0) - 1;
    this.store.edit(() => hideObject(after, active, false), { selected: { object: active, click } });
  }

  private take(handle: Handle): void {
    this.marks.select(handle);
    this.marks.focus(handle);
  }

  private isOfActive({ object }: Handle): boolean {
    return object === this.store.state.doc?.active;
  }

  private nameOf(object: string): string {
    return this.store.state.doc?.objects.find(({ id }) => id === object)?.name ?? object;
  }

  // The keyboard on the picture; keys of the whole page are in timeline/keys.ts.

  private key(event: KeyboardEvent): void {
    if (event.target !== this.area || event.ctrlKey || event.metaKey || !this.store.opened) return;
    const { width, height } = this.picture;
    const arrows: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const arrow = arrows[event.key];
    if (this.crossAt && arrow) {
      const stride = event.shiftKey ? 1 : Math.max(1, Math.round(width / 64));
      this.setCross({
        x: Math.min(Math.max(this.crossAt.x + arrow[0] * stride, 0), width - 1),
        y: Math.min(Math.max(this.crossAt.y + arrow[1] * stride, 0), height - 1),
      });
    } else if (event.key === "Enter") {
      this.stay();
      const isBackground = event.altKey || this.store.state.tool === "remove";
      if (this.crossAt) this.click(this.crossAt, !isBackground);
      else this.setCross({ x: width >> 1, y: height >> 1 });
    } else if (event.key === "Escape" && this.crossAt) this.setCross(null);
    else if (event.key === "Escape" && this.store.state.selected) this.store.update({ selected: null });
    else if (event.key === "Delete" || event.key === "Backspace") {
      if (!this.removeSelected()) return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private setCross(at: Place | null): void {
    if (!at && !this.crossAt) return;
    this.crossAt = at;
    this.cross.hidden = !at;
    if (at) this.say(`Crosshair at ${at.x}, ${at.y}. Enter places a point.`);
    this.place();
  }
}

// In pixels of the picture, for a scale of the screen.
function linesAt(scale: number): { line: number; cell: number } {
  return {
    line: Math.min(Math.max(Math.round(1.6 / scale), 1), 8),
    cell: Math.min(Math.max(Math.round(8 / scale), 2), 64),
  };
}
