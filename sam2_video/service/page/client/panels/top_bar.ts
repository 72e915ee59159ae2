// The bar at the top: the project's name, the model, other work, the link, help.

import type { Store } from "../state/store";

export function buildTopBar(_store: Store, _bar: HTMLElement, _actions: HTMLElement): void {}
