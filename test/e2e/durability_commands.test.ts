/**
 * The proof that what is sent to a device is known to the disk before: when the power goes as a command's bytes leave, its row says
 * that they may have. So it is never sent again. kill -9 cannot show it, for the page cache survives a kill.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prng } from "../../src/base/prng.ts";
import { stateAtSend, tracedCommands } from "../support/command_trace.ts";
import { endEverything } from "../support/gateway.ts";
import { compiler } from "../support/preload.ts";

const scratch = mkdtempSync(join(tmpdir(), "berth-command-"));
afterAll(async () => {
  await endEverything();
  rmSync(scratch, { recursive: true, force: true });
});

describe.if(compiler() !== null)("durability of commands", () => {
  test("a command's row says routed on the disk before a byte of it leaves, whatever else of the disk is lost", async () => {
    const trace = await tracedCommands(3, 8, 1000);
    const random = prng(5);
    for (const text of trace.texts) {
      for (const keep of [() => false, () => random.chance(0.5)]) {
        expect([text, stateAtSend(trace, text, scratch, keep)]).toEqual([text, "routed"]);
      }
    }
    expect(trace.texts).toHaveLength(24);
  }, 60_000);

  test("a gateway that never syncs is found out", async () => {
    const trace = await tracedCommands(1, 3, 1000, "journal.synchronous_off:fail");
    const states = trace.texts.map((text) => {
      try {
        return stateAtSend(trace, text, scratch, () => false);
      } catch {
        return "no store";
      }
    });
    expect(states).not.toContain("routed");
  }, 60_000);

  test("a gateway that tells of a commit before its sync is found out", async () => {
    const trace = await tracedCommands(4, 4, 250_000, "journal.ack_before_sync:fail@1+");
    const states = trace.texts.map((text) => stateAtSend(trace, text, scratch, () => false));
    expect(states.filter((state) => state !== "routed").length).toBeGreaterThan(0);
  }, 60_000);
});
