import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { saveProject } from "../api";
import { PROJECT } from "./page";

const WIDE = "\u5b57"; // three bytes

for (const [name, isKept] of [
  ["a short text", true],
  ["x".repeat(60_000), false],
  [WIDE.repeat(25_000), false], // browsers refuse more than 64 KiB
] as const) {
  test(`a request of ${name.length} letters ends after its page: ${isKept}`, async () => {
    const sent = mock.method(globalThis, "fetch", async () => new Response(JSON.stringify({ revision: 1 })));
    await saveProject(PROJECT, { name });
    const options = sent.mock.calls[0]?.arguments[1];
    assert.equal(options?.keepalive, isKept);
    assert.equal(JSON.parse(new TextDecoder().decode(options?.body as Uint8Array)).name, name);
    sent.mock.restore();
  });
}
