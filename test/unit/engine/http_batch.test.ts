/** Pages of a reader as the broker gets them: never further than the http thread knows devices by name. */
import { expect, test } from "bun:test";
import { asDeviceNo, asFence, asSeq } from "../../../src/base/brand.ts";
import { BatchMaker, pageOf } from "../../../src/engine/http/batch.ts";
import { eventEntry } from "../../../src/store/entry.ts";

const row = (seq: number) => ({
  seq: asSeq(seq),
  body: eventEntry("connected", asDeviceNo(seq), asFence(1024), 5, { at: 5, id: `d${seq}` }),
});
const rows = { kind: "rows" as const, rows: [row(4), row(5)], next: asSeq(6) };
const maker = new BatchMaker("e", (no) => `d${no}`);

test("a page ends where the journal was followed to, so that no event is of a device without a name", () => {
  const page = pageOf(rows, asSeq(4), maker);
  expect(page.kind === "rows" ? [page.batches.map((batch) => batch.first as number), page.next as number] : page.kind).toEqual([[4], 5]);
});

test("a page that is not ahead is given whole", () => {
  const page = pageOf(rows, asSeq(9), maker);
  expect(page.kind === "rows" ? [page.batches.length, page.next as number] : page.kind).toEqual([2, 6]);
});

test("a page that is kept no more is told as it is", () => {
  expect(pageOf({ kind: "behind", oldest: asSeq(7) }, asSeq(9), maker)).toEqual({ kind: "behind", oldest: asSeq(7) });
});
