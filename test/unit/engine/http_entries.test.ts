/** Rows on the broadcast ring that are written and not on the disk yet. What both sources owe: test/contract/entries.test.ts. */
import { expect, test } from "bun:test";
import { asDeviceNo, asFence, asSeq } from "../../../src/base/brand.ts";
import { RingEntries } from "../../../src/engine/http/entries.ts";
import { BroadcastProducer, createBroadcast } from "../../../src/ring/broadcast.ts";
import { eventEntry } from "../../../src/store/entry.ts";

test("a row is given out when it is committed, not when it is written", () => {
  const memory = createBroadcast(4096);
  const producer = new BroadcastProducer(memory, []);
  let committed = 0;
  const source = new RingEntries(memory, 1 << 20, () => asSeq(committed));
  const body = eventEntry("refused", asDeviceNo(0), asFence(0), 0, {});
  const look = (from: number): unknown[] => {
    const answer = source.entries(asSeq(from));
    return [answer.kind, answer.kind === "rows" ? answer.rows.map((row) => row.seq as number) : answer.oldest, source.hasNext()];
  };
  producer.append(asSeq(1), body);
  producer.append(asSeq(2), body);
  producer.publish();
  expect(look(1)).toEqual(["rows", [], false]);
  committed = 1;
  expect(source.hasNext()).toBe(true);
  expect(look(1)).toEqual(["rows", [1], false]);
  committed = 2;
  expect(look(2)).toEqual(["rows", [2], false]);
});
