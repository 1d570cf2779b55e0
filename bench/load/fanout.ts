/**
 * Fan-out beside nchan, in one run, interleaved: one http thread of Berth against one worker of nginx, the same native client,
 * 200-byte messages published over one WebSocket, subscribers over server-sent events.
 *
 *   apt-get install nginx-light libnginx-mod-nchan
 *   bun bench/load/fanout.ts [--berth PATH]... [--runs 5] [--seconds 5] [--only 1000x50,5000x10,100x5000] [--servers berth,nchan]
 *                            [--tracker] [--threads 1] [--json FILE]
 *
 * Berth keeps each message on the disk before it delivers it; nchan keeps messages in memory. Its processor time is that of the whole
 * gateway, and in brackets that of the http thread. `--tracker`: a tracker's records instead of messages; then for Berth alone. `--threads`: http threads.
 */
import { writeFileSync, writeSync } from "node:fs";
import { availableParallelism, release } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { endEverything } from "../../test/support/gateway.ts";
import { FanoutClient, type FanoutRun, type Shape } from "./fanout_client.ts";
import { berth, type FanoutServer, nchan } from "./fanout_servers.ts";
import { median } from "./compare_report.ts";

const SHAPES = ["1000x50", "5000x10", "100x5000"];

const shapeOf = (name: string, seconds: number): Shape => {
  const [subscribers, rate] = name.split("x").map(Number);
  return { subscribers: subscribers!, rate: rate!, seconds };
};

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function table(shapes: readonly string[], servers: readonly string[], all: ReadonlyMap<string, readonly FanoutRun[]>): string {
  const lines = [
    row([
      "subscribers x events/s",
      "server",
      "delivered/s",
      "p50 ms",
      "p99 ms",
      "CPU, us a delivery",
      "RSS a subscriber, KiB",
      "RSS after the load, MiB",
    ]),
    row(Array<string>(8).fill("---")),
  ];
  for (const shape of shapes) {
    for (const server of servers) {
      const runs = all.get(`${shape} ${server}`)!;
      const mid = (of: (run: FanoutRun) => number): number => median(runs.map(of));
      const cpu = `${mid((run) => run.cpuUs).toFixed(2)} (${mid((run) => run.threadCpuUs).toFixed(2)})`;
      lines.push(row([
        shape,
        server,
        Math.round(mid((run) => run.deliveredPerSecond)).toLocaleString("en-US"),
        mid((run) => run.p50Ms).toFixed(2),
        mid((run) => run.p99Ms).toFixed(2),
        server === "nchan" ? mid((run) => run.cpuUs).toFixed(2) : cpu,
        mid((run) => run.rssKiB).toFixed(1),
        mid((run) => run.rssEndMiB).toFixed(0),
      ]));
    }
  }
  return `${lines.join("\n")}\n`;
}

const say = (text: string): void => void writeSync(2, text);

async function runOnce(server: FanoutServer, shape: Shape, client: FanoutClient, tracker: boolean): Promise<FanoutRun> {
  const running = await server.start();
  try {
    return await client.run(running, shape, tracker ? running.trackerPort : 0);
  } finally {
    await running.stop();
  }
}

if (import.meta.main) {
  const { values: options } = parseArgs({
    options: {
      berth: { type: "string", multiple: true, default: [join(import.meta.dirname, "../../dist/berth")] },
      runs: { type: "string", default: "5" },
      seconds: { type: "string", default: "5" },
      only: { type: "string", default: SHAPES.join(",") },
      servers: { type: "string", default: "berth,nchan" },
      tracker: { type: "boolean", default: false },
      threads: { type: "string", default: "1" },
      json: { type: "string" },
    },
  });
  const wanted = options.servers.split(",");
  const commandOf = (path: string): string[] => (path.endsWith(".ts") ? [process.execPath, resolve(path)] : [resolve(path)]);
  const builds = options.berth.map((path, i) =>
    berth(options.berth.length === 1 ? "berth" : `berth ${i + 1}`, commandOf(path), Number(options.threads))
  );
  const servers = [...(wanted.includes("berth") ? builds : []), ...(wanted.includes("nchan") && !options.tracker ? [nchan] : [])];
  const shapes = options.only.split(",");
  const all = new Map<string, FanoutRun[]>();
  const client = new FanoutClient();
  try {
    for (let round = 0; round < Number(options.runs); round++) {
      for (const shape of shapes) {
        // Each round another server begins, so that none is always first after the other.
        for (let i = 0; i < servers.length; i++) {
          const server = servers[(i + round) % servers.length]!;
          const run = await runOnce(server, shapeOf(shape, Number(options.seconds)), client, options.tracker);
          all.set(`${shape} ${server.name}`, [...(all.get(`${shape} ${server.name}`) ?? []), run]);
          say(`${round + 1}/${options.runs} ${shape} ${server.name}: ${JSON.stringify(run)}\n`);
        }
      }
    }
  } finally {
    await endEverything();
    client.remove();
  }
  const text = table(shapes, servers.map(({ name }) => name), all);
  process.stdout.write(`${availableParallelism()} cores, Linux ${release()}, ${options.runs} runs\n\n${text}`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
}
