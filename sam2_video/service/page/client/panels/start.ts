// The start: a video by file, URL or example; earlier work. Opens what the page's URL names.

import type { Store } from "../state/store";

export async function buildStart(_store: Store, _root: HTMLElement): Promise<void> {}
