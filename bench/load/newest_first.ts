/**
 * A backlog sent newest first by 1,000 devices into a month-old store, against the same frames in order: frames a second.
 * The store is made by the real journal under a clock that runs ahead: an hourly frame a device, 672 flushes, merges.
 *
 *   bun bench/load/newest_first.ts [devices = 1000] [frames per device and round = 100] [rounds = 5]
 *
 * `behind` is the gap of the last day, which no stored record touches: the usual backlog. `between` falls into the holes between
 * the month's hourly records, where every frame must be compared with stored ones.
 */
import { endEverything, Gateway, temporaryData } from "../../test/support/gateway.ts";
import { HOUR, makeOldStore } from "../../test/support/old_store.ts";
import { metric, RECORDS_STORED } from "../../test/support/rest.ts";
import { Generator, type Load } from "./trackers.ts";

const devices = Number(process.argv[2] ?? 1000);
const frames = Number(process.argv[3] ?? 100);
const rounds = Number(process.argv[4] ?? 5);
const RECORDS = 4;
const GAP = 1000;
const APART = HOUR / 3;
const DAY = 24 * HOUR;
const HOURS = 28 * 24;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const data = temporaryData();
const until = Date.now() - DAY;
say({ store: makeOldStore({ data, devices, hours: HOURS, until }) });
const generator = new Generator();
const gateway = await Gateway.start({ data });
try {
  const base = { port: gateway.tcpPort, trackers: devices, records: RECORDS, window: 8, frames, gap: GAP, seconds: 120 };
  const span = frames * RECORDS * GAP;
  let stored = 0;
  const run = async (load: Partial<Load>): Promise<number> => {
    const result = await generator.run({ ...base, ...load });
    stored += result.acked_records;
    return result.frames_per_second;
  };
  const rates = { inOrder: [] as number[], behind: [] as number[], between: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    // Twenty minutes apart, so that neither touches what the other stored.
    const from = until + HOUR + 2 * round * (span + APART);
    rates.inOrder.push(await run({ order: "rising", start: from }));
    rates.behind.push(await run({ order: "newest-first", start: from + 2 * span + APART }));
    // A minute after one of the hourly records, and well before the next.
    rates.between.push(await run({ order: "newest-first", start: until - (20 + round) * DAY + 60_000 + span, first: 0 }));
  }
  const kept = await metric(gateway.url, RECORDS_STORED);
  const inOrder = median(rates.inOrder);
  const ratio = { behind: inOrder / median(rates.behind), between: inOrder / median(rates.between) };
  say({ devices, framesPerSecond: rates, ratio, acknowledged: stored, stored: kept });
  process.exitCode = ratio.behind <= 2 && kept === stored ? 0 : 1;
} finally {
  await gateway.stop();
  await endEverything();
  generator.remove();
}
