/**
 * 200 readers that take nothing while 10 MB are published: what they cost the gateway, and what they get when they take again.
 *
 *   bun bench/load/stalled.ts [--berth PATH] [--readers 200] [--bytes 10000000]
 *
 * Fails when resident memory grew by more than 1.1 MiB a reader and 32 MiB, when more than 1 MiB was ever held for one of them, or when
 * one has not every event, or a gap in its place, once and in order.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { endEverything, Gateway } from "../../test/support/gateway.ts";
import { stalledRun } from "../../test/support/stalled_run.ts";

const MiB = 1024 * 1024;

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      berth: { type: "string", default: join(import.meta.dirname, "../../dist/berth") },
      readers: { type: "string", default: "200" },
      bytes: { type: "string", default: "10000000" },
    },
  });
  const command = values.berth.endsWith(".ts") ? [process.execPath, resolve(values.berth)] : [resolve(values.berth)];
  const gateway = await Gateway.start({ command, settings: { log_level: "warn", "http.threads": 1 } });
  const readers = Number(values.readers);
  const outcome = await stalledRun(gateway, readers, Number(values.bytes), false);
  const allowed = readers * MiB * 1.1 + 32 * MiB;
  console.log(
    `${readers} stalled readers, ${outcome.events} messages: memory grew by ${(outcome.grownBytes / MiB).toFixed(1)} MiB ` +
      `(allowed ${(allowed / MiB).toFixed(0)}), at most ${(outcome.peakBytes / MiB).toFixed(3)} MiB held for one, ` +
      `a reader beside them had all after ${
        (outcome.otherMs / 1000).toFixed(1)
      } s; ${outcome.whole} have every event, or were told of a gap (${outcome.gaps})`,
  );
  const { code } = await gateway.stop();
  await endEverything();
  process.exitCode = outcome.grownBytes <= allowed && outcome.peakBytes <= MiB && outcome.whole === readers && code === 0 ? 0 : 1;
}
