/**
 * Berth beside the two floors of floor.c, in one run, interleaved: what everything a gateway does costs over sockets alone,
 * and over sockets and durability alone.
 *
 *   bun bench/load/compare.ts [--berth PATH]... [--runs 5] [--quick] [--seconds S] [--only fleet,pipelined,backlog,paced]
 *                             [--servers berth,durable,floor] [--generators 2] [--dir DIRECTORY] [--json FILE]
 *
 * Every run has a new process and a new directory on the same disk, removed after. `--berth` given twice compares two builds.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism, release, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { endEverything, Gateway } from "../../test/support/gateway.ts";
import { type Comparison, type LoadRuns, type LoadShape, markdown, ratios, type Run } from "./compare_report.ts";
import { Floor } from "./floor.ts";
import { Generator } from "./trackers.ts";

const MiB = 1024 * 1024;
const TMPFS = 0x0102_1994;

interface Shape extends LoadShape {
  /** So that no run writes more than 2 GiB, the durable floor's included. */
  readonly seconds: number;
  readonly quickSeconds: number;
}

const SHAPES: readonly Shape[] = [
  { name: "fleet", trackers: 1000, window: 1, records: 4, rate: 0, seconds: 4, quickSeconds: 1.5 },
  { name: "pipelined", trackers: 200, window: 8, records: 4, rate: 0, seconds: 3, quickSeconds: 1.5 },
  { name: "backlog", trackers: 100, window: 32, records: 20, rate: 0, seconds: 1.2, quickSeconds: 1 },
  { name: "paced", trackers: 1000, window: 1, records: 4, rate: 10_000, seconds: 10, quickSeconds: 3 },
];

/** What a load is run against. `warmup` in seconds: a runtime that compiles as it runs needs more than C. */
interface Server {
  readonly name: string;
  readonly warmup: number;
  start(directory: string): Promise<{ readonly port: number; readonly pid: number; stop(): Promise<unknown> }>;
}

const berth = (name: string, path: string): Server => ({
  name,
  warmup: 1,
  async start(directory) {
    const gateway = await Gateway.start({ command: [path], data: directory, settings: { log_level: "warn" } });
    return { port: gateway.tcpPort, pid: gateway.pid, stop: () => gateway.stop() };
  },
});

const floors = (floor: Floor, threads: number): Server[] => [
  { name: "durable", warmup: 0.3, start: (directory) => floor.start(threads, join(directory, "frames")) },
  { name: "floor", warmup: 0.3, start: () => floor.start(threads, null) },
];

const writtenBytes = (pid: number): number => Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0);

async function runOnce(
  server: Server,
  shape: Shape,
  seconds: number,
  generators: number,
  parent: string,
  generator: Generator,
): Promise<Run> {
  const directory = mkdtempSync(join(parent, "berth-compare-"));
  try {
    const running = await server.start(directory);
    const { trackers, window, records, rate } = shape;
    const result = await generator.run({
      port: running.port,
      trackers,
      window,
      records,
      rate,
      seconds,
      warmup: server.warmup,
      threads: generators,
    });
    const writtenMiB = writtenBytes(running.pid) / MiB;
    await running.stop();
    return {
      framesPerSecond: result.frames_per_second,
      p50Ms: result.ack_ms.p50,
      p99Ms: result.ack_ms.p99,
      generatorCores: result.generator_cores,
      writtenMiB,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      berth: { type: "string", multiple: true, default: [join(import.meta.dirname, "../../dist/berth")] },
      runs: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean", default: false },
      only: { type: "string", default: SHAPES.map(({ name }) => name).join(",") },
      servers: { type: "string", default: "berth,durable,floor" },
      generators: { type: "string", default: "2" },
      dir: { type: "string", default: tmpdir() },
      json: { type: "string" },
    },
  });
  return values;
}

const say = (text: string): void => void writeSync(2, text);

if (import.meta.main) {
  const options = readOptions();
  const runs = Number(options.runs ?? (options.quick ? 1 : 5));
  const generators = Number(options.generators);
  const shapes = SHAPES.filter(({ name }) => options.only.split(",").includes(name));
  const wanted = options.servers.split(",");
  mkdirSync(options.dir, { recursive: true });
  if (statfsSync(options.dir).type === TMPFS) throw new Error(`Cannot compare durability: ${options.dir} is in memory; give --dir`);
  const codecWorkers = Math.max(1, availableParallelism() - 1);
  const generator = new Generator();
  const floor = new Floor();
  const builds = options.berth.map((path, i) => berth(options.berth.length === 1 ? "berth" : `berth ${i + 1}`, resolve(path)));
  const servers = [...(wanted.includes("berth") ? builds : []), ...floors(floor, codecWorkers).filter(({ name }) => wanted.includes(name))];
  const all = new Map<Shape, Map<string, Run[]>>(shapes.map((shape) => [shape, new Map(servers.map(({ name }) => [name, []]))]));
  try {
    for (let round = 0; round < runs; round++) {
      for (const shape of shapes) {
        // Each round another server begins, so that none is always first after the others.
        for (let i = 0; i < servers.length; i++) {
          const server = servers[(i + round) % servers.length]!;
          const seconds = Number(options.seconds ?? (options.quick ? shape.quickSeconds : shape.seconds));
          const run = await runOnce(server, shape, seconds, generators, resolve(options.dir), generator);
          all.get(shape)!.get(server.name)!.push(run);
          say(`${round + 1}/${runs} ${shape.name} ${server.name}: ${run.framesPerSecond} frames/s, p50 ${run.p50Ms} p99 ${run.p99Ms} ms\n`);
        }
      }
    }
  } finally {
    await endEverything();
    generator.remove();
    floor.remove();
  }
  const loads: LoadRuns[] = shapes.map((shape) => {
    const { name, trackers, window, records, rate } = shape;
    return { name, trackers, window, records, rate, servers: Object.fromEntries(all.get(shape)!) };
  });
  const comparison: Comparison = {
    cores: availableParallelism(),
    kernel: release(),
    at: new Date().toISOString(),
    codecWorkers,
    generatorThreads: generators,
    runs,
    loads,
    ratios: ratios(loads),
  };
  process.stdout.write(markdown(comparison));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(comparison, null, 2)}\n`);
}
