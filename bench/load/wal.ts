/**
 * Commits without a pause and watches the write-ahead log: it must stay within four times the checkpoint trigger.
 *
 *   bun bench/load/wal.ts [seconds = 60] [trigger in MiB = 16]
 */
import { endEverything, Gateway } from "../../test/support/gateway.ts";
import { metrics } from "../../test/support/rest.ts";
import { Generator } from "./trackers.ts";
import { walBytes } from "../../test/support/wal_bytes.ts";

const seconds = Number(process.argv[2] ?? 60);
const triggerMiB = Number(process.argv[3] ?? 16);
const MiB = 1024 * 1024;

const generator = new Generator();
const gateway = await Gateway.start({ settings: { "journal.checkpoint_bytes": triggerMiB * MiB } });
let most = 0;
const watch = setInterval(() => most = Math.max(most, walBytes(gateway.data)), 5);
try {
  const load = await generator.run({ port: gateway.tcpPort, trackers: 200, window: 8, seconds, threads: 1 });
  const samples = await metrics(gateway.url);
  const checkpoints = samples.get("berth_checkpoints_total") ?? 0;
  const holds = most <= 4 * triggerMiB * MiB && checkpoints > 0;
  const storeMiB = (samples.get("berth_store_bytes") ?? 0) / MiB;
  process.stdout.write(`${JSON.stringify({ triggerMiB, walMostMiB: most / MiB, checkpoints, storeMiB, load, holds })}\n`);
  process.exitCode = holds ? 0 : 1;
} finally {
  clearInterval(watch);
  await gateway.stop();
  await endEverything();
  generator.remove();
}
