/** The checker of traces itself: what it must find, and what it must not. */
import { expect, test } from "bun:test";
import type { Call } from "../../support/preload.ts";
import { earlyAcks, type SentFrame, timeBytes } from "../../support/preload_proof.ts";

const TIME = 1_760_000_000_000;
const FRAME: SentFrame = { port: 5, times: [TIME] };
const call = (kind: Call["kind"], data: Uint8Array = new Uint8Array(0)): Call => ({
  kind,
  thread: 1,
  at: 0,
  localPort: 0,
  peerPort: 0,
  name: kind === "send" ? "" : "berth.db-wal",
  data,
});
/** A header of the log: `pages` is not 0 where it ends a transaction. */
function header(pages: number): Call {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32BE(pages, 4);
  return call("write", bytes);
}
const page = (time: number): Call => call("write", Buffer.concat([Buffer.alloc(100), timeBytes(time), Buffer.alloc(100)]));
const ackAt = (index: number): { frame: SentFrame; call: number }[] => [{ frame: FRAME, call: index }];
const SYNC = [call("sync_begins"), call("sync_ended")];
const NEXT_COMMIT = [header(9), page(0), ...SYNC];

test("an answer after the sync of its commit is honest, also when another thread sent between a header and its page", () => {
  const calls = [header(7), call("send"), page(TIME), ...SYNC, call("send"), ...NEXT_COMMIT];
  expect(earlyAcks(calls, ackAt(5))).toEqual([]);
});

test("an answer between the writes of its commit and their sync is early", () => {
  const calls = [header(7), page(TIME), call("send"), ...SYNC];
  expect(earlyAcks(calls, ackAt(2))).toHaveLength(1);
});

test("a sync that began before the last page of the commit does not count", () => {
  const calls = [header(0), page(TIME), call("sync_begins"), header(7), page(0), call("sync_ended"), call("send"), ...SYNC];
  expect(earlyAcks(calls, ackAt(6))).toHaveLength(1);
});

test("an answer for what was never written, or never synced, is early", () => {
  expect(earlyAcks([...NEXT_COMMIT, call("send")], ackAt(4))).toHaveLength(1);
  expect(earlyAcks([header(7), page(TIME), call("send")], ackAt(2))).toHaveLength(1);
});
