/** What a simulation counts, the bar it shows while it runs, and the line it ends with. Pure. */

const LEAST_MS = 0.01;
const STEP = Math.log(1.02);

/** Round trips in buckets that grow by 2 %, from 10 µs up: any number of them in fixed memory. */
class Latencies {
  readonly #buckets = new Float64Array(1024);
  #count = 0;

  add(ms: number): void {
    const bucket = Math.floor(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / STEP);
    this.#buckets[Math.min(bucket, this.#buckets.length - 1)]!++;
    this.#count++;
  }

  /** Milliseconds that `share` (0-1) of the round trips stay within, or null when there were none. */
  quantile(share: number): number | null {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return null;
    let bucket = 0;
    while (bucket < this.#buckets.length - 1 && (left -= this.#buckets[bucket]!) > 0) bucket++;
    return Math.round(LEAST_MS * Math.exp((bucket + 1) * STEP) * 1000) / 1000;
  }
}

export class Tally {
  /** Frames sent, each counted once; `resent`: sent again because no acknowledgement came. */
  sent = 0;
  resent = 0;
  acked = 0;
  records = 0;
  logins = 0;
  reconnects = 0;
  refused = 0;
  timeouts = 0;
  mismatches = 0;
  /** Commands that came. */
  commands = 0;
  /** Why the last attempt to connect or to log in came to nothing, in a few words; "": none did, or its login was refused. */
  trouble = "";
  readonly latencies = new Latencies();
}

export interface Summary {
  readonly sent: number;
  readonly acked: number;
  readonly records: number;
  readonly resent: number;
  readonly reconnects: number;
  readonly refused: number;
  readonly timeouts: number;
  readonly mismatches: number;
  readonly commands: number;
  readonly seconds: number;
  readonly ackP50Ms: number | null;
  readonly ackP99Ms: number | null;
}

export function summaryOf(tally: Tally, elapsedMs: number): Summary {
  const { sent, acked, records, resent, reconnects, refused, timeouts, mismatches, commands, latencies } = tally;
  const seconds = Math.round(elapsedMs) / 1000;
  return {
    sent,
    acked,
    records,
    resent,
    reconnects,
    refused,
    timeouts,
    mismatches,
    commands,
    seconds,
    ackP50Ms: latencies.quantile(0.5),
    ackP99Ms: latencies.quantile(0.99),
  };
}

const WIDTH = 30;

/** `done`: 0-1, null: there is no end. One line, to be drawn over the one before. */
export function progressLine(tally: Tally, done: number | null, elapsedMs: number): string {
  const perSecond = elapsedMs > 0 ? Math.round((tally.acked * 1000) / elapsedMs) : 0;
  const trouble = tally.reconnects > 0 ? `, ${tally.reconnects} reconnects` : "";
  const words = `${tally.acked} frames acknowledged, ${perSecond}/s${trouble}`;
  if (done === null) return words;
  const filled = Math.round(Math.min(1, Math.max(0, done)) * WIDTH);
  return `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}] ${String(Math.floor(done * 100)).padStart(3)}%  ${words}`;
}
