/**
 * All that the page knows of one device beyond what the fleet knows: its track in a range, newest values, last records, takeovers,
 * liveness. Read when it is opened and whenever the journal could not be followed; in between the stream goes on with it. An
 * answer that comes after something else was asked for is dropped. Owned by the page.
 */
import type { Result } from "../../../base/result.ts";
import type { OneDeviceJson, StoredJson } from "../../schema.ts";
import { isOpen, type Takeover, takeoversIn } from "./takeovers.ts";
import { Timeline } from "./timeline.ts";
import { NO_END, type Range, Track } from "./track.ts";
import { type GetJson, PAGE_RECORDS, PAGES, type Read, readTrack } from "./track_reader.ts";
import { NewestValues } from "./values.ts";

/** What the reader asked for: the latest so many ms, or from here to there. */
export type Choice = { readonly latestMs: number } | { readonly from: number; readonly to: number };

export type StoryState = "reading" | "shown" | "unknown" | "fault";

/** As many as were read once more may join from the stream. */
const POINTS_MAX = 2 * PAGES * PAGE_RECORDS;
const RECORDS_SHOWN = 100;
/** More are in the history. */
export const TAKEOVERS = 50;
const HISTORY = `/history?limit=${TAKEOVERS}`;
/** It may take so long until the gateway knows what became of a connection that lost its device. */
const EVIDENCE_MS = 180_000;
const NOBODY = " answered 404 ";

export const DEFAULT_CHOICE: Choice = { latestMs: 3_600_000 };
export const EVERYTHING_MS = NO_END;

const nothing = (): Track => new Track({ latestMs: null, from: 0, to: 0 }, 1);

export class DeviceStory {
  readonly #getJson: GetJson;
  readonly #changed: () => void;
  id: string | null = null;
  state: StoryState = "reading";
  /** Why it could not be read. */
  fault = "";
  choice: Choice = DEFAULT_CHOICE;
  track: Track = nothing();
  /** Where a chosen range ends early, for it holds too much. */
  cutAt: number | null = null;
  values = new NewestValues();
  records = new Timeline<StoredJson>();
  takeovers: readonly Takeover[] = [];
  liveness: OneDeviceJson["liveness"] = null;
  /** Changes when a track was read anew. */
  reads = 0;
  /** Changes with every record and every answer. */
  version = 0;
  #turn = 0;
  #isReading = false;
  /** Records that the stream brought while it was read. */
  #early: StoredJson[] = [];
  /** Something else happened to the device meanwhile: the answers may be from before. */
  #isLate = false;

  constructor(getJson: GetJson, changed: () => void) {
    this.#getJson = getJson;
    this.#changed = changed;
  }

  /** Being read for the first time or once more. */
  get isReading(): boolean {
    return this.#isReading;
  }

  open(id: string): Promise<void> {
    this.close();
    this.id = id;
    this.choice = DEFAULT_CHOICE;
    return this.read();
  }

  close(): void {
    this.#turn++;
    this.id = null;
    this.state = "reading";
    this.#isReading = false;
    this.#forget();
    this.#told();
  }

  choose(choice: Choice): Promise<void> {
    this.choice = choice;
    return this.read();
  }

  /** Reads everything: what was shown stays until there is something newer. */
  async read(): Promise<void> {
    const { id } = this;
    if (id === null) return;
    const turn = ++this.#turn;
    this.#isReading = true;
    this.#isLate = false;
    this.#early = [];
    this.#told();
    const [device, history] = await Promise.all([this.#ask(id, ""), this.#ask(id, HISTORY)]);
    if (turn !== this.#turn) return;
    if (!device.ok) return this.#failed(device.message);
    if (!history.ok) return this.#failed(history.message);
    const one = device.value as OneDeviceJson;
    this.liveness = one.liveness;
    this.takeovers = takeoversIn(history.value);
    const newest = one.position?.time ?? one.lastSeenAt;
    const range = rangeOf(this.choice, one.position?.time ?? null);
    const read = await readTrack(this.#getJson, id, range, newest);
    if (turn !== this.#turn) return;
    if (!read.ok) return this.#failed(read.message);
    this.#show(range, read.value);
  }

  /** An event of the journal. */
  event(kind: string, data: unknown): void {
    const { id } = this;
    if (id === null || (data as { readonly device?: string }).device !== id) return;
    if (kind === "record") {
      if (this.#isReading) this.#keepEarly(data as StoredJson);
      else if (this.state === "shown") this.#add(data as StoredJson);
      else void this.read();
    } else if (this.#isReading) this.#isLate = true;
    else if (this.state !== "shown") void this.read();
    else if (kind === "replaced") void this.look(true);
    else if (kind === "connected" || kind === "disconnected") void this.look(false);
  }

  /** Asks again for what no event tells: liveness, and what became of connections that lost the device. */
  async look(withHistory: boolean): Promise<void> {
    const { id } = this;
    if (id === null || this.#isReading) return;
    if (this.state === "fault") return await this.read();
    if (this.state !== "shown") return;
    const turn = this.#turn;
    const device = await this.#ask(id, "");
    const asksHistory = withHistory || this.takeovers.some((each) => isOpen(each) && Date.now() - each.at < EVIDENCE_MS);
    const history = asksHistory ? await this.#ask(id, HISTORY) : null;
    if (turn !== this.#turn) return;
    if (device.ok) this.liveness = (device.value as OneDeviceJson).liveness;
    if (history?.ok === true) this.takeovers = takeoversIn(history.value);
    this.#told();
  }

  #ask(id: string, path: string): Promise<Result<unknown, string>> {
    return this.#getJson(`/v1/devices/${encodeURIComponent(id)}${path}`);
  }

  #show(range: Range, { records, from, until }: Read): void {
    this.track = new Track({ ...range, from, to: until ?? range.to }, POINTS_MAX, from > range.from);
    this.cutAt = until;
    this.records = new Timeline();
    this.state = "shown";
    this.fault = "";
    this.#isReading = false;
    for (const record of [...records, ...this.#early]) this.#add(record);
    this.#early = [];
    this.reads++;
    this.#told();
    if (this.#isLate) void this.look(true);
  }

  #add(record: StoredJson): void {
    this.values.add(record);
    if (!this.track.add(record)) return;
    this.records.add(record);
    this.records.keep(RECORDS_SHOWN);
    this.version++;
  }

  #forget(): void {
    this.track = nothing();
    this.cutAt = null;
    this.values = new NewestValues();
    this.records = new Timeline();
    this.takeovers = [];
    this.liveness = null;
  }

  #keepEarly(record: StoredJson): void {
    this.#early.push(record);
    // So much at once is a backlog: it is in the answer that is on its way, or in the next one.
    if (this.#early.length > POINTS_MAX) this.#early.shift();
  }

  #failed(message: string): void {
    this.#isReading = false;
    this.state = message.includes(NOBODY) ? "unknown" : "fault";
    this.fault = message.replace(/^\S+ answered /, "").replace(/^Cannot reach \S+: /, "");
    // What was shown was another journal's.
    if (this.state === "unknown") this.#forget();
    this.#told();
    if (this.#isLate && this.state === "unknown") void this.read();
  }

  #told(): void {
    this.version++;
    this.#changed();
  }
}

/** `newest`: the time of the newest position. Without one a device's own clock is not known: its newest record begins the range. */
function rangeOf(choice: Choice, newest: number | null): Range {
  if (!("latestMs" in choice)) return { latestMs: null, ...choice };
  const { latestMs } = choice;
  return { latestMs, from: newest === null ? 0 : Math.max(0, newest - latestMs), to: NO_END };
}
