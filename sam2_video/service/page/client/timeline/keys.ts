// The keyboard: what keys do on the whole page, and the card that lists them.

import type { Stage } from "../stage/stage";
import type { Store } from "../state/store";
import type { Transport } from "./transport";

export function listenForKeys(_store: Store, _transport: Transport, _stage: Stage): void {}
