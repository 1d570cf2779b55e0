/** What a selftest checks, in order; each step leaves the world as the next one needs it. */
import type { AvlRecord } from "../codec/record.ts";
import { connect } from "../client/connect.ts";
import type { BerthEvent } from "../client/events.ts";
import type { Loss } from "../client/loss.ts";
import type { Platform } from "../platform/port.ts";
import { SelftestGateway, within } from "./selftest_gateway.ts";
import { SelftestTracker } from "./selftest_tracker.ts";
import { FrameSource, imeiOf, type SimulatedFrame } from "./simulate_source.ts";

const FIRST_IMEI = "350000000000000";
const CODECS = ["8", "8E", "16"] as const;
const FRAMES = 4;
const RECORDS = 3;
/** Frames of one device in the kill -9 check, and after how many acknowledgements it falls. */
const KILL_FRAMES = 400;
const KILL_AFTER = 40;
const SEED = 20_26;
const START = Date.UTC(2026, 0, 1);

export interface Check {
  readonly name: string;
  /** Resolves with what was seen, in a few words. @throws Error with what was wrong. */
  readonly run: () => Promise<string>;
}

type Stored = AvlRecord & { readonly seq: number };

function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** Field by field; the io values too. */
function sameRecord(sent: AvlRecord, got: AvlRecord): boolean {
  return (Object.keys(sent) as (keyof AvlRecord)[]).every((field) => JSON.stringify(sent[field]) === JSON.stringify(got[field]));
}

function framesOf(index: number, count: number): SimulatedFrame[] {
  const source = new FrameSource({ seed: SEED, codec: "mix", records: RECORDS, start: START, stepMs: 1000, newestFirst: false }, index);
  return Array.from({ length: count }, () => source.next());
}

export class Selftest {
  readonly #platform: Platform;
  readonly #data: string;
  readonly #imeis = CODECS.map((_, index) => imeiOf(FIRST_IMEI, index));
  readonly #sent = CODECS.map((_, index) => framesOf(index, FRAMES));
  readonly #trackers: SelftestTracker[] = [];
  #gateway: SelftestGateway | null = null;
  #cursor = "";

  constructor(platform: Platform, data: string) {
    this.#platform = platform;
    this.#data = data;
  }

  /** What the gateway said last, for a failed check. */
  get lastWords(): string {
    return this.#gateway?.lastWords ?? "";
  }

  readonly checks: readonly Check[] = [
    { name: "the gateway starts, every thread is real", run: () => this.#start() },
    { name: "frames of codec 8, 8E and 16 are acknowledged", run: () => this.#acknowledge() },
    { name: "records read back over REST equal what was sent", run: () => this.#readBack() },
    { name: "SSE gave each record once, in order", run: () => this.#stream() },
    { name: "the same frames again: acknowledged, stored once", run: () => this.#again() },
    { name: "a second connection takes over, the fence rises", run: () => this.#takeOver() },
    { name: "a second gateway on the same data is refused", run: () => this.#refuseSecond() },
    { name: "kill -9 under load: acknowledged ⊆ stored, no duplicate", run: () => this.#kill() },
    { name: "SIGTERM ends it in order", run: () => this.#stop() },
  ];

  /** Ends what still runs. */
  async clean(): Promise<void> {
    if (this.#gateway !== null) await this.#gateway.end("SIGKILL").catch(() => null);
    this.#gateway = null;
  }

  get #running(): SelftestGateway {
    if (this.#gateway === null) throw new Error("there is no gateway");
    return this.#gateway;
  }

  async #start(): Promise<string> {
    this.#gateway = await SelftestGateway.start(this.#platform, this.#data);
    const { threads } = this.#gateway;
    for (const role of ["codec", "registry", "journal", "sync", "reader", "http"]) {
      demand(threads.some(({ name }) => name.replace(/-\d+$/, "") === role), `there is no ${role} thread`);
    }
    const ids = threads.map(({ id }) => id);
    demand(
      this.#platform.threadId() === 0 || new Set([...ids, 0]).size === ids.length + 1,
      `thread ids are not all different: ${ids.join(" ")}`,
    );
    return threads.map(({ name, id }) => `${name} ${id}`).join(", ");
  }

  async #acknowledge(): Promise<string> {
    this.#cursor = ((await this.#running.get("/v1/devices")) as { cursor: string }).cursor;
    for (const [index, frames] of this.#sent.entries()) {
      const tracker = await SelftestTracker.login(this.#platform, this.#running.port, this.#imeis[index]!);
      this.#trackers.push(tracker);
      await this.#sendAll(tracker, frames);
    }
    return `${CODECS.length * FRAMES} frames, ${CODECS.length * FRAMES * RECORDS} records`;
  }

  async #sendAll(tracker: SelftestTracker, frames: readonly SimulatedFrame[]): Promise<void> {
    for (const { bytes, records } of frames) {
      const accepted = await tracker.send(bytes);
      demand(accepted === records.length, `${accepted} records were acknowledged of ${records.length}`);
    }
  }

  async #stored(imei: string): Promise<Stored[]> {
    const found: Stored[] = [];
    let next: string | null = "";
    while (next !== null) {
      const after: string = next === "" ? "" : `&after=${encodeURIComponent(next)}`;
      const page = (await this.#running.get(`/v1/devices/${imei}/records?limit=1000${after}`)) as {
        records: Stored[];
        next: string | null;
      };
      found.push(...page.records);
      next = page.next;
    }
    return found;
  }

  async #readBack(): Promise<string> {
    for (const [index, frames] of this.#sent.entries()) {
      const sent = frames.flatMap(({ records }) => records);
      const stored = await this.#stored(this.#imeis[index]!);
      demand(stored.length === sent.length, `codec ${CODECS[index]}: ${stored.length} records are stored of ${sent.length}`);
      const wrong = sent.findIndex((record, at) => !sameRecord(record, stored[at]!));
      demand(wrong < 0, `codec ${CODECS[index]}: record ${wrong} is ${JSON.stringify(stored[wrong])}, was ${JSON.stringify(sent[wrong])}`);
    }
    return "field by field";
  }

  async #stream(): Promise<string> {
    const wanted = CODECS.length * FRAMES * RECORDS;
    const events: BerthEvent[] = [];
    const { promise, reject } = Promise.withResolvers<never>();
    const failed = ({ cause, reason }: Loss): void => void (cause !== "closed" && reject(new Error(reason)));
    const lost = { onDisconnect: failed, onFailedAttempt: failed };
    const connection = connect(this.#running.url, { kinds: ["record"], cursor: this.#cursor, ...lost });
    const read = async (): Promise<void> => {
      for await (const event of connection) if (events.push(event) >= wanted) return;
    };
    await within(`${wanted} events`, Promise.race([read(), promise])).finally(() => connection.close());
    demand(events.every(({ event }) => event === "record"), `not only records came: ${events.map(({ event }) => event).join(" ")}`);
    const seqs = events.map(({ data }) => (data as Stored).seq);
    demand(seqs.every((seq, at) => at === 0 || seq > seqs[at - 1]!), `seq does not rise: ${seqs.join(" ")}`);
    const ids = events.map(({ id }) => Number(id.slice(id.lastIndexOf(".") + 1)));
    demand(ids.every((id, at) => id === seqs[at]), "an id is not its record's seq");
    return `seq ${seqs[0]} to ${seqs.at(-1)}`;
  }

  async #again(): Promise<string> {
    for (const [index, tracker] of this.#trackers.entries()) await this.#sendAll(tracker, this.#sent[index]!);
    for (const imei of this.#imeis) {
      const stored = await this.#stored(imei);
      demand(stored.length === FRAMES * RECORDS, `${stored.length} records are stored of ${FRAMES * RECORDS}`);
    }
    return "nothing new is stored";
  }

  async #fence(imei: string): Promise<number> {
    return ((await this.#running.get(`/v1/devices/${imei}`)) as { fence: number }).fence;
  }

  async #takeOver(): Promise<string> {
    const imei = this.#imeis[0]!;
    const before = await this.#fence(imei);
    const newer = await SelftestTracker.login(this.#platform, this.#running.port, imei);
    await this.#trackers[0]!.untilClosed();
    const after = await this.#fence(imei);
    demand(after > before, `the fence went from ${before} to ${after}`);
    demand(!newer.closed, "the new connection was closed too");
    this.#trackers[0] = newer;
    return `fence ${before} to ${after}, the old connection is closed`;
  }

  async #refuseSecond(): Promise<string> {
    const { pid } = this.#running;
    const args = ["serve", "--data", this.#data, "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--until-eof"];
    const second = this.#platform.spawnSelf(args, { PATH: this.#platform.env("PATH") ?? "" });
    const [words, code] = await within("the second gateway ends", Promise.all([new Response(second.err).text(), second.ended]));
    demand(code === 1, `it ended with ${code}`);
    demand(words.includes(String(pid)), `it does not name pid ${pid}: ${words.slice(0, 200)}`);
    return `exit status 1, names pid ${pid}`;
  }

  async #kill(): Promise<string> {
    const imei = imeiOf(FIRST_IMEI, CODECS.length);
    const frames = framesOf(CODECS.length, KILL_FRAMES);
    const tracker = await SelftestTracker.login(this.#platform, this.#running.port, imei);
    for (const { bytes } of frames) tracker.write(bytes);
    await tracker.untilUnread(KILL_AFTER);
    await this.#running.end("SIGKILL");
    await tracker.untilClosed();
    const acknowledged = tracker.unreadAcks() * RECORDS;
    this.#gateway = await SelftestGateway.start(this.#platform, this.#data);
    const survived = (await this.#stored(imei)).length;
    demand(survived >= acknowledged, `${acknowledged} records were acknowledged, ${survived} are stored`);
    const again = await SelftestTracker.login(this.#platform, this.#running.port, imei);
    await this.#sendAll(again, frames);
    const sent = frames.flatMap(({ records }) => records);
    const stored = await this.#stored(imei);
    const times = new Set(stored.map(({ time }) => time));
    demand(
      stored.length === sent.length && times.size === sent.length,
      `${sent.length} records were sent, ${stored.length} are stored, ${times.size} different`,
    );
    return `${acknowledged} acknowledged, ${survived} survived, ${stored.length} after sending all again`;
  }

  async #stop(): Promise<string> {
    const code = await this.#running.end("SIGTERM");
    demand(code === 0, `it ended with ${code}`);
    this.#gateway = null;
    return "exit status 0";
  }
}
