// One frame of the video with its points and masks.

import { frameUrl } from "./api";
import { h } from "./dom";
import { addClick, moveClick, removeClick, selectClick } from "./editing";
import { colourOf, type State, type Store } from "./store";
import type { Video } from "./types";

const MAX_ZOOM = 16;
const STILL = 5; // CSS pixels that a pointer may move during a click

interface Grip {
  readonly x: number; // where the pointer went down, in CSS pixels of the window
  readonly y: number;
  readonly dot: number | null; // the point under it
  moved: boolean;
}

export class Stage {
  readonly canvas = h("canvas", { class: "masks", "aria-hidden": "true" });
  private readonly picture = h("img", { class: "frame", alt: "", draggable: false });
  private readonly layer = h("div", { class: "layer" }, this.picture, this.canvas);
  private readonly dots = h("div", { class: "dots" });
  private readonly cross = h("div", { class: "cross", hidden: true });
  private readonly view: HTMLElement;

  private zoomBy = 1;
  private left = 0; // of the picture's corner, in CSS pixels of the view
  private top = 0;
  private pointers = new Map<number, PointerEvent>();
  private grip: Grip | null = null;
  private crossAt: { x: number; y: number } | null = null; // in pixels of the frame
  private wanted = 0;
  private isLoading = false;
  private touched = false; // the last pointer was a finger

  constructor(
    private readonly store: Store,
    private readonly root: HTMLElement,
    private readonly say: (text: string) => void,
  ) {
    this.view = h(
      "div",
      {
        class: "view",
        tabIndex: 0,
        role: "application",
        "aria-label": "Picture",
        "aria-describedby": "stage-keys",
        onpointerdown: (event: PointerEvent) => this.press(event),
        onpointermove: (event: PointerEvent) => this.drag(event),
        onpointerup: (event: PointerEvent) => this.release(event),
        onpointercancel: (event: PointerEvent) => this.drop(event),
        oncontextmenu: (event: MouseEvent) => this.menu(event),
        onwheel: (event: WheelEvent) => this.wheel(event),
        onkeydown: (event: KeyboardEvent) => this.key(event),
        onblur: () => this.setCross(null),
      },
      this.layer,
      this.dots,
      this.cross,
    );
    root.append(this.view);
    new ResizeObserver(() => this.place()).observe(this.view);
    store.subscribe((state, before) => this.render(state, before));
  }

  get zoom(): number {
    return this.zoomBy;
  }

  // Shows a frame once it is loaded; if several are requested meanwhile, the last one.
  async goTo(index: number): Promise<void> {
    const { video } = this.store.state;
    if (!video) return;
    this.wanted = Math.min(Math.max(index, 0), video.num_frames - 1);
    if (this.isLoading) return;
    this.isLoading = true;
    this.view.setAttribute("aria-busy", "true");
    try {
      for (let shown = -1; shown !== this.wanted; ) {
        const next = this.wanted;
        await this.load(video, next);
        if (this.store.state.video !== video) break;
        this.store.update({ frame: next, selected: null });
        shown = next;
      }
    } catch {
      this.say(`Frame ${this.wanted} cannot be shown.`);
    } finally {
      this.isLoading = false;
      this.view.removeAttribute("aria-busy");
    }
  }

  step(count: number): void {
    void this.goTo((this.isLoading ? this.wanted : this.store.state.frame) + count);
  }

  // Zooms about a point of the view (its middle by default); 1 shows the whole picture.
  setZoom(zoom: number, x = this.view.clientWidth / 2, y = this.view.clientHeight / 2): void {
    const next = Math.min(Math.max(zoom, 1), MAX_ZOOM);
    this.left = x - ((x - this.left) * next) / this.zoomBy;
    this.top = y - ((y - this.top) * next) / this.zoomBy;
    this.zoomBy = next;
    this.place();
    this.root.dispatchEvent(new CustomEvent("zoom", { bubbles: true }));
  }

  private async load(video: Video, index: number): Promise<void> {
    const loader = new Image();
    loader.src = frameUrl(video, index);
    await loader.decode();
    // `frame` is updated only when the new picture is shown.
    this.picture.src = loader.src;
    await this.picture.decode();
  }

  private render(state: State, before: State): void {
    const { video } = state;
    if (video !== before.video && video) {
      this.view.style.setProperty("--ratio", String(video.width / video.height));
      this.picture.removeAttribute("src");
      this.setZoom(1);
    }
    if (
      state.drawing !== before.drawing ||
      state.frame !== before.frame ||
      state.selected !== before.selected ||
      state.video !== before.video
    ) {
      this.renderDots(state);
      this.place();
    }
  }

  private renderDots(state: State): void {
    const focused = this.dots.contains(document.activeElement) ? state.selected : null;
    const dots = state.drawing.clicks.flatMap((click, index) => {
      if (click.frame !== state.frame) return [];
      const kind = click.foreground ? "belongs to it" : "does not belong to it";
      const dot = h("button", {
        type: "button",
        class: `dot ${click.foreground ? "in" : "out"}${index === state.selected ? " selected" : ""}`,
        "aria-label": `Point ${index + 1}, ${click.name || "every object"}, ${kind}, at ${click.x}, ${click.y}. Arrow keys move it, Delete removes it.`,
        "data-index": index,
        onfocus: () => {
          if (this.store.state.selected !== index) selectClick(this.store, index);
        },
        onkeydown: (event: KeyboardEvent) => this.dotKey(event, index),
      });
      dot.style.setProperty("--colour", click.name ? colourOf(state, click.name) : "#888");
      return [dot];
    });
    this.dots.replaceChildren(...dots);
    if (focused !== null) this.focusDot(focused);
  }

  private focusDot(index: number): void {
    this.dots.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true });
  }

  // Positions everything for the current zoom and pan.
  private place(): void {
    const { clientWidth: width, clientHeight: height } = this.view;
    this.left = Math.min(0, Math.max(width * (1 - this.zoomBy), this.left));
    this.top = Math.min(0, Math.max(height * (1 - this.zoomBy), this.top));
    this.layer.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.zoomBy})`;
    this.view.classList.toggle("zoomed", this.zoomBy > 1);
    const { video, drawing } = this.store.state;
    if (!video) return;
    const scale = (width * this.zoomBy) / video.width;
    this.view.classList.toggle("coarse", scale * devicePixelRatio > 3);
    for (const dot of this.dots.children as Iterable<HTMLElement> & HTMLCollection) {
      const click = drawing.clicks[Number((dot as HTMLElement).dataset.index)];
      if (click) this.put(dot as HTMLElement, click.x + 0.5, click.y + 0.5, scale);
    }
    if (this.crossAt) this.put(this.cross, this.crossAt.x + 0.5, this.crossAt.y + 0.5, scale);
  }

  private put(element: HTMLElement, x: number, y: number, scale: number): void {
    element.style.left = `${this.left + x * scale}px`;
    element.style.top = `${this.top + y * scale}px`;
  }

  // The pixel of the frame at a point of the window; null outside the frame.
  private pixelAt(event: { clientX: number; clientY: number }): { x: number; y: number } | null {
    const { video } = this.store.state;
    if (!video) return null;
    const box = this.view.getBoundingClientRect();
    const scale = (this.view.clientWidth * this.zoomBy) / video.width;
    const x = Math.floor((event.clientX - box.left - this.view.clientLeft - this.left) / scale);
    const y = Math.floor((event.clientY - box.top - this.view.clientTop - this.top) / scale);
    return x >= 0 && y >= 0 && x < video.width && y < video.height ? { x, y } : null;
  }

  private press(event: PointerEvent): void {
    this.touched = event.pointerType === "touch";
    this.pointers.set(event.pointerId, event);
    if (event.button !== 0 && event.pointerType === "mouse") return;
    const dot = (event.target as HTMLElement).closest<HTMLElement>(".dot");
    const index = dot ? Number(dot.dataset.index) : null;
    if (this.pointers.size > 1) {
      if (this.grip) this.grip.moved = true; // two fingers zoom; no click
      return;
    }
    this.grip = { x: event.clientX, y: event.clientY, dot: index, moved: false };
    this.view.setPointerCapture(event.pointerId);
    if (index !== null) {
      event.preventDefault();
      selectClick(this.store, index);
      this.focusDot(index);
    }
  }

  private drag(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) this.pinch(before, event);
    this.pointers.set(event.pointerId, event);
    const grip = this.grip;
    if (!grip || this.pointers.size > 1) return;
    const isFar = Math.hypot(event.clientX - grip.x, event.clientY - grip.y) > STILL;
    if (!grip.moved && !isFar) return;
    if (grip.dot !== null) {
      const pixel = this.pixelAt(event);
      if (pixel) {
        moveClick(this.store, grip.dot, pixel.x, pixel.y, !grip.moved); // one step of undo a drag
        grip.moved = true;
      }
      return;
    }
    grip.moved = true;
    if (this.zoomBy > 1) {
      this.left += event.clientX - before.clientX;
      this.top += event.clientY - before.clientY;
      this.place();
    }
  }

  private pinch(before: PointerEvent, now: PointerEvent): void {
    const other = [...this.pointers.values()].find((pointer) => pointer.pointerId !== now.pointerId);
    if (!other) return;
    const span = (pointer: PointerEvent) =>
      Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
    const box = this.view.getBoundingClientRect();
    const x = (now.clientX + other.clientX) / 2 - box.left;
    const y = (now.clientY + other.clientY) / 2 - box.top;
    this.left += (now.clientX - before.clientX) / 2;
    this.top += (now.clientY - before.clientY) / 2;
    this.setZoom((this.zoomBy * span(now)) / Math.max(1, span(before)), x, y);
  }

  private release(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    const grip = this.grip;
    if (this.pointers.size) return;
    this.grip = null;
    if (!grip || grip.moved || grip.dot !== null) return;
    const pixel = this.pixelAt(event);
    // On some systems Ctrl-click is a right click and arrives as `contextmenu`.
    if (pixel && !event.ctrlKey) this.click(pixel, !event.altKey);
  }

  private drop(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    this.grip = null;
  }

  // A right click or long press adds a background click.
  private menu(event: MouseEvent): void {
    event.preventDefault();
    if (this.grip?.moved || (event.target as HTMLElement).closest(".dot")) return;
    this.grip = null;
    const pixel = this.pixelAt(event);
    if (pixel) addClick(this.store, pixel.x, pixel.y, false);
  }

  private click(pixel: { x: number; y: number }, plain: boolean): void {
    const isIn = this.store.state.marking === "in";
    addClick(this.store, pixel.x, pixel.y, plain ? isIn : false);
  }

  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const box = this.view.getBoundingClientRect();
    this.setZoom(this.zoomBy * Math.exp(-event.deltaY / 200), event.clientX - box.left, event.clientY - box.top);
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.view || event.ctrlKey || event.metaKey) return;
    const { video, frame } = this.store.state;
    if (!video) return;
    const arrows: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const arrow = arrows[event.key];
    if (this.crossAt && arrow) {
      const stride = event.shiftKey ? 1 : Math.max(1, Math.round(video.width / 64));
      this.setCross({
        x: Math.min(Math.max(this.crossAt.x + arrow[0] * stride, 0), video.width - 1),
        y: Math.min(Math.max(this.crossAt.y + arrow[1] * stride, 0), video.height - 1),
      });
    } else if (arrow?.[0]) {
      this.step(arrow[0] * (event.shiftKey ? 10 : 1));
    } else if (event.key === "Enter" || event.key === " ") {
      if (this.crossAt) this.click(this.crossAt, !event.altKey);
      else this.setCross({ x: video.width >> 1, y: video.height >> 1 });
    } else if (event.key === "Escape" && this.crossAt) this.setCross(null);
    else if (event.key === "Home") void this.goTo(0);
    else if (event.key === "End") void this.goTo(video.num_frames - 1);
    else if (event.key === "+" || event.key === "=") this.setZoom(this.zoomBy * 1.5);
    else if (event.key === "-") this.setZoom(this.zoomBy / 1.5);
    else if (event.key === "0") this.setZoom(1);
    else if ((event.key === "Delete" || event.key === "Backspace") && this.store.state.selected !== null) {
      removeClick(this.store, this.store.state.selected);
    } else return;
    event.preventDefault();
    if (frame !== this.store.state.frame) this.setCross(null);
  }

  private dotKey(event: KeyboardEvent, index: number): void {
    const click = this.store.state.drawing.clicks[index];
    if (!click) return;
    const far = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowLeft") moveClick(this.store, index, click.x - far, click.y, !event.repeat);
    else if (event.key === "ArrowRight") moveClick(this.store, index, click.x + far, click.y, !event.repeat);
    else if (event.key === "ArrowUp") moveClick(this.store, index, click.x, click.y - far, !event.repeat);
    else if (event.key === "ArrowDown") moveClick(this.store, index, click.x, click.y + far, !event.repeat);
    else if (event.key === "Delete" || event.key === "Backspace") {
      removeClick(this.store, index);
      this.view.focus({ preventScroll: true });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private setCross(at: { x: number; y: number } | null): void {
    this.crossAt = at;
    this.cross.hidden = !at;
    if (at) this.say(`Crosshair at ${at.x}, ${at.y}. Enter places a point.`);
    this.place();
  }

  get isTouch(): boolean {
    return this.touched || matchMedia("(pointer: coarse)").matches;
  }
}
