/**
 * What a connection costs that says nothing, or hardly anything: a storm of connects, then memory and processor time of the gateway
 * beside the same gateway before anybody came.
 *
 *   bun bench/load/idle.ts [--berth PATH] [--trackers 10000] [--seconds 30] [--settle 20] [--accept fd|reuseport] [--known]
 *                          [--every SECONDS]
 *
 * `--every`: instead of the storm, trackers that send a frame of four records each so often; settle for longer than that.
 * `--known`: the store knows the trackers, from a gateway before; so what a device costs is in the gateway before anybody came.
 * Memory is the kernel's account of the process (smaps_rollup): resident, proportional, private. Exit 1 when not all logged in.
 */
import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endEverything, Gateway, temporaryData } from "../../test/support/gateway.ts";
import { Generator } from "./trackers.ts";

interface Memory {
  readonly rssKiB: number;
  readonly pssKiB: number;
  readonly privateKiB: number;
}

/** Of USER_HZ, which is 100 on every Linux. */
const TICK_SECONDS = 0.01;

function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  return { rssKiB: of("Rss"), pssKiB: of("Pss"), privateKiB: of("Private_Clean") + of("Private_Dirty") };
}

/** Processor seconds used so far, by thread name and in all. */
function cpuOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

/** Share of one core over `seconds`, in percent. */
async function corePercent(pid: number, seconds: number): Promise<number> {
  const before = cpuOf(pid);
  await Bun.sleep(seconds * 1000);
  return (cpuOf(pid) - before) / seconds * 100;
}

const { values: options } = parseArgs({
  options: {
    berth: { type: "string", default: join(import.meta.dirname, "../../dist/berth") },
    trackers: { type: "string", default: "10000" },
    seconds: { type: "string", default: "30" },
    settle: { type: "string", default: "20" },
    known: { type: "boolean", default: false },
    accept: { type: "string", default: "fd" },
    every: { type: "string", default: "0" },
  },
});

/** Makes the trackers known to the store. */
async function meet(gateway: Gateway, generator: Generator, trackers: number): Promise<void> {
  const storm = await generator.storm(gateway.tcpPort, trackers, 60);
  await storm.end();
  await gateway.stop();
}

const trackers = Number(options.trackers);
const seconds = Number(options.seconds);
const settle = Number(options.settle);
const every = Number(options.every);

/** Trackers that come at once and say nothing. False: not all logged in. */
async function silent(gateway: Gateway, generator: Generator): Promise<boolean> {
  await Bun.sleep(settle * 1000);
  const emptyPercent = await corePercent(gateway.pid, seconds);
  const empty = memoryOf(gateway.pid);
  const silence = await generator.storm(gateway.tcpPort, trackers, settle + seconds + 60);
  const atOnce = memoryOf(gateway.pid);
  await Bun.sleep(settle * 1000);
  const settled = memoryOf(gateway.pid);
  const silentPercent = await corePercent(gateway.pid, seconds);
  const after = memoryOf(gateway.pid);
  await silence.end();
  const each = (name: keyof Memory, memory: Memory): number => Math.round((memory[name] - empty[name]) * 1024 / trackers);
  const bytes = (memory: Memory) => ({ rss: each("rssKiB", memory), pss: each("pssKiB", memory), private: each("privateKiB", memory) });
  const result = {
    storm: silence.storm,
    empty,
    bytesPerConnection: { atOnce: bytes(atOnce), settled: bytes(settled), after: bytes(after) },
    corePercent: { empty: emptyPercent, silent: silentPercent },
  };
  writeSync(1, `${JSON.stringify(result)}\n`);
  return silence.storm.logged_in === trackers;
}

/** Trackers that send a frame every so often. False: not every one was answered. */
async function talking(gateway: Gateway, generator: Generator): Promise<boolean> {
  const load = { port: gateway.tcpPort, trackers, records: 4, rate: trackers / every, seconds: settle + seconds + 5 };
  const run = generator.run(load);
  await Bun.sleep(settle * 1000);
  const talks = await corePercent(gateway.pid, seconds);
  const { acked_frames: frames, unanswered_frames: unanswered, ack_ms: ackMs } = await run;
  writeSync(1, `${JSON.stringify({ corePercent: { talking: talks }, frames, unanswered, ackMs })}\n`);
  return unanswered === 0;
}

if (import.meta.main) {
  const generator = new Generator();
  const data = temporaryData();
  const start = (): Promise<Gateway> =>
    Gateway.start({ command: [options.berth], data, settings: { log_level: "warn", "tcp.accept": options.accept } });
  if (options.known) await meet(await start(), generator, trackers);
  const gateway = await start();
  try {
    const isWhole = await (every > 0 ? talking : silent)(gateway, generator);
    process.exitCode = isWhole ? 0 : 1;
  } finally {
    await gateway.stop();
    await endEverything();
    generator.remove();
  }
}
