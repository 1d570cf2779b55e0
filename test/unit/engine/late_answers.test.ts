/** Answers to commands that come late, as the journal takes them: kept by themselves, and nothing of a connection that has lost its device. */
import { afterAll, expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { type Message, send } from "../../../src/wire/control.ts";
import { here } from "../../support/here.ts";
import { JournalProcess } from "../../support/journal_process.ts";

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => here.removeTree(dir)));

test("a late answer is kept as an event of its fence, until a higher one has the device", () => {
  const dir = here.temporaryDirectory("berth-late-");
  dirs.push(dir);
  const journal = new JournalProcess(dir, limitsWith(), 1);
  const told = (...messages: readonly Message[]): number => {
    const before = journal.journal.nextSeq;
    for (const message of messages) expect(send(journal.lifecycle, message)).toBe(true);
    journal.lifecycle.publish();
    journal.commit();
    return journal.journal.nextSeq - before;
  };
  const late = (fence: number): Message => ({
    type: "lateAnswer",
    device: "a",
    fence,
    at: 5,
    command: "c1",
    codec: 12,
    messageType: 6,
    hex: "4f4b",
  });
  const origin = { address: "10.0.0.1", port: 1, clientInstance: "" };
  expect(told({ type: "connected", device: "a", fence: 1024, ring: 0, conn: 1, transport: 0, at: 1, ...origin })).toBe(1);
  expect(told(late(1024))).toBe(1);
  expect(told({ type: "raiseFloor", device: "a", fence: 2048 })).toBe(0);
  expect(told(late(1024))).toBe(0);
  expect(told(late(2048))).toBe(1);
  journal.end();
});
