/** SHA-256 beside the runtime's. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { sha256 } from "../../../src/base/sha256.ts";

test("sha256 is that of the runtime at every length around a block", () => {
  for (let length = 0; length <= 260; length++) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 31 + length) & 0xff);
    expect({ length, hash: sha256(bytes) }).toEqual({ length, hash: new Uint8Array(createHash("sha256").update(bytes).digest()) });
  }
});
