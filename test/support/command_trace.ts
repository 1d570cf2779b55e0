/**
 * A traced run with commands, for the durability proof: a gateway under the shim, trackers that get and answer commands while
 * their frames keep commits coming. And what the store knows of a command when the power goes as its bytes leave.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inState, submit } from "./command_asks.ts";
import { CommandTracker } from "./command_tracker.ts";
import { TestDevice } from "./fleet.ts";
import { Gateway, temporaryData } from "./gateway.ts";
import { buildShim, type Call, readTrace, shimEnvironment } from "./preload.ts";
import { looseCrash } from "./preload_crash.ts";
import { databaseName } from "./preload_run.ts";
import { until } from "./until.ts";

export interface CommandTrace {
  readonly calls: readonly Call[];
  readonly gatewayPort: number;
  /** Every command that was answered. */
  readonly texts: readonly string[];
}

const SETTINGS = {
  workers: 2,
  "journal.overlap_bytes": 1,
  "journal.reserve_bytes": 0,
  "command.command_login_ms": 0,
  "command.command_patience_ms": 10,
};

/** Index of the first send that carries the text, or -1. */
export function sendOf(calls: readonly Call[], gatewayPort: number, text: string): number {
  const bytes = Buffer.from(text);
  return calls.findIndex((call) =>
    call.kind === "send" && call.localPort === gatewayPort &&
    Buffer.from(call.data.buffer, call.data.byteOffset, call.data.length).includes(bytes)
  );
}

/** Each of the devices gets that many commands, one after the other. `syncUs`: a sync takes that much longer. The gateway is killed: a stop would sync what it forgot. */
export async function tracedCommands(devices: number, commands: number, syncUs: number, faults = ""): Promise<CommandTrace> {
  const folder = temporaryData();
  const data = join(folder, "data");
  const trace = join(folder, "trace");
  mkdirSync(data);
  const environment = shimEnvironment(buildShim(folder), { data, trace, syncUs });
  const gateway = await Gateway.start({ data, settings: SETTINGS, faults, environment });
  const texts: string[] = [];
  await Promise.all(Array.from({ length: devices }, async (_, i) => {
    const one = new TestDevice(8900 + i, "8E");
    const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei, () => ({ text: "done" }));
    let going = true;
    const frames = (async () => {
      while (going) await tracker.send(one.frame(one.records(1)).bytes);
    })();
    for (let n = 0; n < commands; n++) {
      const text = `command-${i}-${n}.`;
      const { id } = await submit(gateway.url, one.imei, { text });
      await inState(gateway.url, id, "answered");
      texts.push(text);
    }
    going = false;
    await frames;
  }));
  const { tcpPort } = gateway;
  await until("every command in the trace", () => {
    const calls = readTrace(trace);
    return texts.every((text) => sendOf(calls, tcpPort, text) >= 0);
  });
  await gateway.kill();
  return { calls: readTrace(trace), gatewayPort: tcpPort, texts };
}

/**
 * The power goes right after the send that carries the command: its state in the store, or null when it has no row. `keep`: which
 * of the writes no sync had covered are on the disk.
 */
export function stateAtSend({ calls, gatewayPort }: CommandTrace, text: string, scratch: string, keep: () => boolean): string | null {
  looseCrash(calls, sendOf(calls, gatewayPort, text), keep).image.writeTo(scratch);
  const database = new Database(join(scratch, databaseName(calls)), { readwrite: true, create: false });
  try {
    return database.query<{ state: string }, [string]>("SELECT state FROM command WHERE text = ?").get(text)?.state ?? null;
  } finally {
    database.close();
  }
}
