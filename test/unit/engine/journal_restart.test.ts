/** What a restart writes down for connections that were open when the process died. */
import { afterAll, expect, test } from "bun:test";
import { asDeviceId, asFence } from "../../../src/base/brand.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { here } from "../../support/here.ts";
import { JournalProcess } from "../../support/journal_process.ts";

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => here.removeTree(dir)));

test("every open connection of a device gets its end at the next start, flushed or not", () => {
  for (const flushed of [false, true]) {
    const dir = here.temporaryDirectory("berth-restart-");
    dirs.push(dir);
    const limits = limitsWith();
    const first = new JournalProcess(dir, limits, 1);
    const { device } = first.journal.device(asDeviceId("a"));
    for (const [i, fence] of [1024, 2048, 3072].entries()) {
      first.journal.event("connected", device, asFence(fence), i, { at: i, id: "a" }, { makes: i === 0 });
    }
    first.journal.commit();
    if (flushed) { while (first.slice(0, true) !== null); }
    first.end();
    const second = new JournalProcess(dir, limits, 1);
    expect([...second.journal.fold][0]).toMatchObject({ connected: true, fence: 3072, older: [1024, 2048] });
    second.journal.commit();
    expect([...second.journal.fold][0]).toMatchObject({ connected: false, fence: 3072, older: [] });
    expect(second.journal.nextSeq).toBe(7);
    second.end();
  }
});
