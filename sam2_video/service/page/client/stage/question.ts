// Asks next to a click which object it is for.

import { h } from "../dom";
import type { Place } from "./viewport";

export interface Choice {
  readonly text: string;
  readonly act: () => void;
}

export class Question {
  readonly element = h("div", {
    class: "stage-question",
    role: "group",
    "aria-label": "What is this for?",
    hidden: true,
  });
  readonly spot = h("div", { class: "stage-spot", hidden: true }); // marks the place that it is about
  private at: Place = { x: 0, y: 0 };

  constructor(private readonly done: (hadFocus: boolean) => void) {
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation(); // no key of the page
      if (event.key === "Escape") this.close();
      else if (event.key === "ArrowDown") this.turn(1);
      else if (event.key === "ArrowUp") this.turn(-1);
      else return;
      event.preventDefault();
    });
    // The picture is not clicked through it.
    this.element.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.element.addEventListener("contextmenu", (event) => event.stopPropagation());
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  // `at`: the place of the picture that it is about. The first choice is the default, if there is one.
  ask(at: Place, choices: readonly Choice[], hasDefault: boolean): void {
    this.at = at;
    const buttons = choices.map(({ text, act }) =>
      h("button", {
        type: "button",
        textContent: text,
        onclick: () => {
          this.close();
          act();
        },
      }),
    );
    if (hasDefault) buttons[0]?.classList.add("stage-default");
    this.element.replaceChildren(...buttons);
    this.element.hidden = this.spot.hidden = false;
  }

  focus(): void {
    this.element.querySelector("button")?.focus({ preventScroll: true });
  }

  close(): void {
    if (!this.isOpen) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = this.spot.hidden = true;
    this.done(hadFocus);
  }

  // Beside the point, inside of the area.
  place(areaAt: (at: Place) => Place, across: number, down: number): void {
    if (!this.isOpen) return;
    const { x, y } = areaAt(this.at);
    this.spot.style.left = `${x}px`;
    this.spot.style.top = `${y}px`;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x + 18 + width > across ? x - 18 - width : x + 18;
    this.element.style.left = `${Math.max(8, Math.min(left, across - width - 8))}px`;
    this.element.style.top = `${Math.max(8, Math.min(y - height / 2, down - height - 8))}px`;
  }

  private turn(step: 1 | -1): void {
    const buttons = [...this.element.querySelectorAll("button")];
    const focused = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons.at((focused + step) % buttons.length)?.focus();
  }
}
