/**
 * Readers that take nothing while much is published to them: what they cost the gateway, and whether each has every event, or is told
 * of a gap, when it takes again. The CI's test and bench/load/stalled.ts run it.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { Gateway } from "./gateway.ts";
import { metrics } from "./rest.ts";
import { until } from "./until.ts";
import { WsClient } from "./ws_client.ts";

const CHANNEL = "app.stalled";
const PATH = `/v1/events?channel=${CHANNEL}`;
/** Messages on their way to the disk. */
const WINDOW = 64;
const MESSAGE_BYTES = 1000;

export interface StalledOutcome {
  /** Growth of the gateway's resident memory while everything was published and nothing taken. */
  readonly grownBytes: number;
  /** Growth when the same was published to nobody before. */
  readonly ownBytes: number;
  /** The most bytes the gateway ever held for one client. */
  readonly peakBytes: number;
  /** What a reader that takes at once got meanwhile, in ms from the first event to the last. */
  readonly otherMs: number;
  /** Readers that had every event, or gaps where some were missing, once and in order. */
  readonly whole: number;
  readonly gaps: number;
  readonly events: number;
}

/** Follows the ids of a stream of server-sent events without keeping it. */
class StalledReader {
  /** Seq of the last event, or of the end of the last gap. */
  last = 0;
  events = 0;
  gaps = 0;
  wrong = "";
  readonly #socket: Socket;
  #rest = "";

  constructor(url: string, from: string, takes: boolean) {
    this.last = Number(from.slice(from.lastIndexOf(".") + 1));
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname);
    if (!takes) this.#socket.pause();
    this.#socket.on("data", (piece: Buffer) => this.#read(piece.toString("latin1")));
    this.#socket.on("error", () => {});
    this.#socket.write(`GET ${PATH} HTTP/1.1\r\nHost: ${hostname}\r\nLast-Event-ID: ${from}\r\n\r\n`);
  }

  take(): void {
    this.#socket.resume();
  }
  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    const whole = this.#rest + text;
    const end = whole.lastIndexOf("\ndata: ");
    if (end < 0) {
      this.#rest = whole;
      return;
    }
    // What a data line holds may be cut here; the id and the name stand before it.
    const cut = end + "\ndata: ".length;
    for (const [, seq, name] of whole.slice(0, cut).matchAll(/id: \w+\.(\d+)\nevent: (\w+)\ndata: /g)) this.#event(Number(seq), name!);
    this.#rest = whole.slice(cut);
  }

  #event(seq: number, name: string): void {
    if (name === "gap") this.gaps++;
    else if (name !== "message") this.wrong ||= `an event ${name}`;
    else {
      this.events++;
      // Nothing else happens in this journal: the next message has the next seq.
      if (seq !== this.last + 1) this.wrong ||= `${seq} after ${this.last}`;
    }
    this.last = seq;
  }
}

const rssBytes = (pid: number): number => 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

async function publish(gateway: Gateway, bytes: number, messageBytes: number): Promise<number> {
  const client = await WsClient.open(gateway.url);
  const data = "x".repeat(messageBytes);
  const count = Math.ceil(bytes / messageBytes);
  for (let sent = 0; sent < count; sent += WINDOW) {
    const upTo = Math.min(count, sent + WINDOW);
    for (let i = sent; i < upTo; i++) client.socket.send(JSON.stringify({ type: "publish", id: String(i), channel: CHANNEL, data }));
    await client.until("what is published", () => client.of("publish").length === upTo, 30_000);
  }
  client.socket.close();
  return count;
}

/** Publishes `bytes` to `readers` that take nothing. `isWarm`: the same is published to nobody before. */
export async function stalledRun(gateway: Gateway, readers: number, bytes: number, isWarm: boolean): Promise<StalledOutcome> {
  const coldBytes = rssBytes(gateway.pid);
  if (isWarm) await publish(gateway, bytes, MESSAGE_BYTES);
  const ownBytes = rssBytes(gateway.pid) - coldBytes;
  const { cursor } = (await (await fetch(`${gateway.url}/v1/devices`)).json()) as { cursor: string };
  const other = new StalledReader(gateway.url, cursor, true);
  const stalled = Array.from({ length: readers }, () => new StalledReader(gateway.url, cursor, false));
  const subscribed = async (): Promise<boolean> => (await metrics(gateway.url)).get('berth_subscribers{transport="sse"}') === readers + 1;
  await until("all subscribed", subscribed, 30_000);
  const before = rssBytes(gateway.pid);
  const began = performance.now();
  const count = await publish(gateway, bytes, MESSAGE_BYTES);
  await until("the other one", () => other.events === count, 30_000);
  const otherMs = performance.now() - began;
  const grownBytes = rssBytes(gateway.pid) - before;
  for (const each of stalled) each.take();
  const { last } = other;
  await until("all of it", () => stalled.every((each) => each.last >= last || each.wrong !== ""), 120_000);
  // Told a few times a second.
  await until("the peak", async () => peakOf(await metrics(gateway.url)) > 0);
  const peakBytes = peakOf(await metrics(gateway.url));
  const whole = stalled.filter((each) => each.wrong === "" && (each.events === count || each.gaps > 0)).length;
  for (const each of [other, ...stalled]) each.close();
  return { grownBytes, ownBytes, peakBytes, otherMs, whole, gaps: stalled.reduce((sum, { gaps }) => sum + gaps, 0), events: count };
}

const peakOf = (samples: ReadonlyMap<string, number>): number =>
  Math.max(...[...samples].filter(([name]) => name.startsWith("berth_subscriber_peak_bytes")).map(([, value]) => value));
