/**
 * Takeovers from holders that cannot be told anything, with the full counts: receive windows full and never read, the gateway's
 * write stuck as well, and connections that died by a reset. Prints one line a run; exit status 1 when a successor had to wait or to try again.
 *
 *   bun bench/load/dead_holders.ts [stuck holders = 300] [resets = 1000] [--accept fd|reuseport]
 */
import { type Accept, endEverything, Gateway } from "../../test/support/gateway.ts";
import { returnAfterReset, takeFromStuck } from "../../test/support/takeover_storm.ts";

const SERVED_WITHIN_MS = 100;
const CLOSED_WITHIN_MS = 1500;

const args = process.argv.slice(2);
const at = args.indexOf("--accept");
const accept = (at < 0 ? "fd" : args.splice(at, 2)[1]) as Accept;
const [stuck = 300, resets = 1000] = args.map(Number);

const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0).toFixed(2));
};
const spread = (values: readonly number[]) => ({ p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: quantile(values, 1) });
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const gateway = await Gateway.start({ settings: { "tcp.accept": accept, workers: 2 } });
  let held = true;
  for (const [index, kind] of (["window", "write"] as const).entries()) {
    const full = await takeFromStuck(gateway, stuck, kind, 10_000 * (index + 1));
    const inTime = full.loginMs.filter((ms) => ms < SERVED_WITHIN_MS).length;
    held &&= inTime === stuck && full.allClosedMs < CLOSED_WITHIN_MS;
    print({
      run: `full ${kind}`,
      accept,
      rounds: stuck,
      inTime,
      loginMs: spread(full.loginMs),
      ackMs: spread(full.ackMs),
      lastClosedAfterMs: Math.round(full.allClosedMs),
    });
  }
  const reset = await returnAfterReset(gateway, resets);
  print({ run: "reset", accept, rounds: resets, firstAttempt: reset.first, loginMs: spread(reset.loginMs) });
  const stopped = await gateway.stop();
  process.exitCode = held && reset.first === resets && stopped.code === 0 ? 0 : 1;
} finally {
  await endEverything();
}
