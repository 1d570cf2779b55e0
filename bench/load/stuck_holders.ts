/**
 * What other devices feel of bad neighbours: the p99 of their acknowledgements at 2,000 frames/s, quiet, and beside 100 holders that
 * read nothing of full windows while ten identities are taken over 1,000 times a second. Pairs on one gateway, one after the other.
 *
 *   bun bench/load/stuck_holders.ts [pairs = 5] [seconds a run = 4]
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { DeafSocket } from "../../test/support/deaf_socket.ts";
import { imeiOf, TestDevice } from "../../test/support/fleet.ts";
import { encodeLogin } from "../../test/support/frames.ts";
import { endEverything, Gateway } from "../../test/support/gateway.ts";
import { metric } from "../../test/support/rest.ts";
import { until } from "../../test/support/until.ts";
import { Generator, type LoadResult } from "./trackers.ts";

const HOLDERS = 100;
const FIRST_HOLDER = 40_000;
const IDENTITIES = 10;
const FIRST_IDENTITY = 50_000;
const TAKEOVERS_PER_SECOND = 1000;
const FRAMES_PER_SECOND = 2000;
const TICK_MS = 5;
const BOUND = 2;
const SUPERSEDED = 'berth_evictions_total{reason="superseded"}';

/** Connects the next connection of each identity in turn, whether the one before was answered or not. */
class Storm {
  readonly #port: number;
  readonly #open = new Set<Socket>();
  readonly #timer: ReturnType<typeof setInterval>;
  #made = 0;

  constructor(port: number) {
    this.#port = port;
    const began = performance.now();
    this.#timer = setInterval(() => {
      for (const due = ((performance.now() - began) * TAKEOVERS_PER_SECOND) / 1000; this.#made < due; this.#made++) this.#take();
    }, TICK_MS);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#open) socket.resetAndDestroy();
    while (this.#open.size > 0) await once([...this.#open][0]!, "close");
  }

  #take(): void {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    this.#open.add(socket);
    socket.write(encodeLogin(imeiOf(FIRST_IDENTITY + (this.#made % IDENTITIES))));
    socket.resume();
    // No port may stay in TIME_WAIT: thousands a second are used.
    socket.on("end", () => socket.resetAndDestroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#open.delete(socket));
  }
}

async function stuckHolders(gateway: Gateway): Promise<DeafSocket[]> {
  const holders: DeafSocket[] = [];
  for (let i = 0; i < HOLDERS; i++) {
    const device = new TestDevice(FIRST_HOLDER + i, "8");
    const holder = DeafSocket.tracker(gateway.tcpPort, device.imei);
    await holder.fill(device.frame(device.records(1)).bytes);
    holders.push(holder);
  }
  return holders;
}

interface Pair {
  readonly quiet: LoadResult;
  readonly beside: LoadResult;
  readonly takeoversPerSecond: number;
}

async function pair(generator: Generator, seconds: number): Promise<Pair> {
  const gateway = await Gateway.start({ settings: { log_level: "error" } });
  try {
    const load = { port: gateway.tcpPort, trackers: 200, records: 4, rate: FRAMES_PER_SECOND, seconds, warmup: 1 };
    const quiet = await generator.run(load);
    const holders = await stuckHolders(gateway);
    const before = await metric(gateway.url, SUPERSEDED);
    const storm = new Storm(gateway.tcpPort);
    const began = performance.now();
    const beside = await generator.run({ ...load, start: Date.now() });
    const taken = await metric(gateway.url, SUPERSEDED) - before;
    const takeoversPerSecond = Math.round((taken * 1000) / (performance.now() - began));
    await storm.end();
    await until("every holder stuck to the end", () => holders.every((holder) => holder.windowIsFull), 1000);
    for (const holder of holders) holder.close();
    return { quiet, beside, takeoversPerSecond };
  } finally {
    await gateway.stop();
  }
}

const [pairs = 5, seconds = 4] = process.argv.slice(2).map(Number);
const generator = new Generator();
const ratios: number[] = [];
try {
  console.log("pair  quiet p50, p99 (ms)  beside p50, p99 (ms)  takeovers/s  p99 ratio");
  for (let i = 1; i <= pairs; i++) {
    const { quiet, beside, takeoversPerSecond } = await pair(generator, seconds);
    const ratio = beside.ack_ms.p99 / quiet.ack_ms.p99;
    ratios.push(ratio);
    const both = ({ ack_ms: { p50, p99 } }: LoadResult): string => `${p50.toFixed(2)}, ${p99.toFixed(2)}`;
    console.log(
      `${String(i).padEnd(6)}${both(quiet).padEnd(21)}${both(beside).padEnd(22)}${String(takeoversPerSecond).padEnd(13)}${
        ratio.toFixed(2)
      }`,
    );
  }
} finally {
  generator.remove();
  await endEverything();
}
const median = ratios.toSorted((a, b) => a - b)[Math.floor(ratios.length / 2)]!;
console.log(`median ratio of ${pairs} pairs: ${median.toFixed(2)} (bound ${BOUND})`);
process.exitCode = median <= BOUND ? 0 : 1;
