/** What is stored beside a device's owner: kept and told, and it changes nothing that the owner says. */
import { afterAll, expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { EntryView, FLAG_UNFENCED } from "../../../src/store/entry.ts";
import { type Message, send } from "../../../src/wire/control.ts";
import { EXCEPTION_BYTES, Verdict } from "../../../src/wire/frame_message.ts";
import { avlData, avlRecord } from "../../support/avl_data.ts";
import { putFrame } from "../../support/frame_ring.ts";
import { here } from "../../support/here.ts";
import { JournalProcess } from "../../support/journal_process.ts";

const AT = 1_700_000_000_000;
const FENCE = 2048;
const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => here.removeTree(dir)));

class Bench {
  readonly process: JournalProcess;
  constructor() {
    const dir = here.temporaryDirectory("berth-beside-");
    dirs.push(dir);
    this.process = new JournalProcess(dir, limitsWith(), 2);
  }
  tell(message: Message): void {
    expect(send(this.process.lifecycle, message)).toBe(true);
    this.process.lifecycle.publish();
  }
  connected(fence: number, ring: number, conn: number): void {
    this.tell({ type: "connected", device: "a", fence, ring, conn, transport: 0, address: "h", port: 1, clientInstance: "", at: AT });
  }
  frame(ring: number, conn: number, time: number): void {
    const { data } = avlData(8, [avlRecord(8, { time })]);
    putFrame(this.process.frames[ring]!, conn, data, AT + 5000, limitsWith().futureMs);
    this.process.frames[ring]!.publish();
  }
  commit(): void {
    const done = this.process.commit();
    this.process.settle(done?.ok ?? true);
  }
  get device() {
    return [...this.process.journal.fold][0]!;
  }
  /** The verdict of ring `i` that is not "kept", if there is one. */
  verdict(i: number): number {
    const ring = this.process.exceptions[i]!;
    if (!ring.next()) return Verdict.kept;
    expect(ring.length).toBe(EXCEPTION_BYTES);
    return ring.view.getUint32(ring.offset + 8, true);
  }
}

test("a frame beside the owner is kept under its fence, and moves neither its position nor its times", () => {
  const bench = new Bench();
  bench.connected(FENCE, 0, 1);
  bench.frame(0, 1, AT);
  bench.commit();
  const { lastSeenAt } = bench.device;
  bench.tell({ type: "beside", device: "a", fence: FENCE, ring: 1, conn: 7, at: AT });
  bench.frame(1, 7, AT + 1000);
  bench.commit();
  expect(bench.verdict(1)).toBe(Verdict.kept);
  expect(bench.device).toMatchObject({ records: 2, connected: true, fence: FENCE, lastSeenAt });
  expect(bench.device.position!.time).toBe(AT);
  const view = new EntryView().over(bench.process.journal.lastRows[0]!.body);
  expect([view.isFrame, Number(view.fence), view.flags & FLAG_UNFENCED]).toEqual([true, FENCE, FLAG_UNFENCED]);
  bench.process.end();
});

test("it is kept when a higher fence has the device by now, where a frame with a fence is refused", () => {
  const bench = new Bench();
  bench.connected(FENCE, 0, 1);
  bench.tell({ type: "beside", device: "a", fence: FENCE, ring: 1, conn: 7, at: AT });
  bench.tell({ type: "raiseFloor", device: "a", fence: FENCE + 1 });
  bench.frame(1, 7, AT);
  bench.frame(0, 1, AT + 1);
  bench.commit();
  expect([bench.verdict(0), bench.verdict(1)]).toEqual([Verdict.refused, Verdict.kept]);
  expect(bench.device.records).toBe(1);
  bench.process.end();
});

test("a record that the owner has sent is stored once, whoever sends it again", () => {
  const bench = new Bench();
  bench.connected(FENCE, 0, 1);
  bench.frame(0, 1, AT);
  bench.tell({ type: "beside", device: "a", fence: FENCE, ring: 1, conn: 7, at: AT });
  bench.frame(1, 7, AT);
  bench.frame(1, 7, AT + 1);
  bench.commit();
  bench.frame(0, 1, AT + 1);
  bench.commit();
  expect([bench.verdict(0), bench.verdict(1), bench.device.records]).toEqual([Verdict.kept, Verdict.kept, 2]);
  bench.process.end();
});

test("after a restart it still moves nothing", () => {
  const bench = new Bench();
  bench.connected(FENCE, 0, 1);
  bench.frame(0, 1, AT);
  bench.tell({ type: "beside", device: "a", fence: FENCE, ring: 1, conn: 7, at: AT });
  bench.frame(1, 7, AT + 1000);
  bench.commit();
  bench.process.end();
  const again = new JournalProcess(dirs.at(-1)!, limitsWith(), 2);
  expect([...again.journal.fold][0]).toMatchObject({ records: 2 });
  expect([...again.journal.fold][0]!.position!.time).toBe(AT);
  again.end();
});
