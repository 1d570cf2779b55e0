/** Cursors, branch by branch. */
import { describe, expect, test } from "bun:test";
import { asSeq } from "../../../src/base/brand.ts";
import { formatCursor, parseCursor, startAt } from "../../../src/broker/cursor.ts";

describe("a cursor", () => {
  test("is what was formatted", () => {
    for (const seq of [0, 1, 42, Number.MAX_SAFE_INTEGER]) {
      expect(parseCursor(formatCursor("aB-_9", seq))).toEqual({ epoch: "aB-_9", seq: asSeq(seq) });
    }
  });

  test.each([
    "",
    "e",
    "e.",
    ".1",
    "e.01",
    "e.-1",
    "e.1.5",
    "e.1 ",
    " e.1",
    "e.9007199254740992",
    "e.99999999999999999",
    "é.1",
    "e.1\n",
    `${"e".repeat(65)}.1`,
  ])(
    "%p is none",
    (text) => expect(parseCursor(text)).toBeNull(),
  );
});

test.each([
  [null, 10, "none"],
  ["", 10, "none"],
  ["nonsense", 10, "malformed"],
  ["other.5", 10, "epoch"],
  ["e.11", 10, "future"],
  ["e.10", 10, null],
  ["e.0", 0, null],
])("a subscriber with %p starts at %i, resync %p", (text, position, resync) => {
  expect(startAt(text, "e", asSeq(10))).toEqual({ position: asSeq(position), resync } as ReturnType<typeof startAt>);
});
