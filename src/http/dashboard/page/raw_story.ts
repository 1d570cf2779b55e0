/**
 * The frames of one device as the page has them: a page of those that are stored, newest first, and those that could not be decoded. Read
 * when somebody looks at them, and again when the stream says that there are more. Owned by the page.
 */
import type { Result } from "../../../base/result.ts";
import { type BadFrame, framePage, type KeptFrame, keptPage, plainFault, type StoredFrame } from "./raw_frames.ts";

export interface RawPorts {
  getJson(path: string): Promise<Result<unknown, string>>;
  post(path: string): Promise<Result<unknown, string>>;
}

export const FRAMES = 20;
/** A device that sends often is read once in this time. */
const READ_EVERY_MS = 1500;
/** Repeats of a frame are told by no event. */
const LOOK_MS = 15_000;

export class RawStory {
  readonly #ports: RawPorts;
  readonly #changed: () => void;
  id: string | null = null;
  stored: readonly StoredFrame[] = [];
  kept: readonly KeptFrame[] = [];
  bad: readonly BadFrame[] = [];
  /** Where older frames begin; null: there are none. */
  next: string | null = null;
  /** Begins below the newest frame. */
  after: string | null = null;
  /** Newer frames than those shown have come. */
  hasNewer = false;
  /** Why they could not be read. */
  fault = "";
  wasRead = false;
  version = 0;
  #turn = 0;
  #isReading = false;
  #readAt = Number.NEGATIVE_INFINITY;
  #keptAt = Number.NEGATIVE_INFINITY;
  #isKeptStale = false;

  constructor(ports: RawPorts, changed: () => void) {
    this.#ports = ports;
    this.#changed = changed;
  }

  open(id: string): void {
    this.close();
    this.id = id;
    void this.readKept();
  }

  close(): void {
    this.#turn++;
    this.id = null;
    this.stored = [];
    this.kept = [];
    this.bad = [];
    this.next = null;
    this.after = null;
    this.fault = "";
    this.wasRead = false;
    this.hasNewer = true;
    this.#isReading = false;
    this.#readAt = Number.NEGATIVE_INFINITY;
    this.#told();
  }

  event(kind: string, data: unknown): void {
    if (this.id === null || (data as { readonly device?: string }).device !== this.id) return;
    if (kind === "record") this.hasNewer = true;
    else if (kind === "quarantined") this.#isKeptStale = true;
  }

  /** The journal could not be followed for a while. */
  readAgain(): void {
    this.hasNewer = true;
    this.#isKeptStale = true;
  }

  /** `isSeen`: somebody looks at the stored frames, and they need not stand still. */
  tick(isSeen: boolean, now: number): void {
    if (this.id === null) return;
    if (isSeen && this.hasNewer && this.after === null && !this.#isReading && now - this.#readAt >= READ_EVERY_MS) void this.read(null);
    const isOld = this.kept.length + this.bad.length > 0 && now - this.#keptAt >= LOOK_MS;
    if ((this.#isKeptStale && now - this.#keptAt >= READ_EVERY_MS) || isOld) void this.readKept();
  }

  /** A page of stored frames; null: the newest. */
  async read(after: string | null): Promise<void> {
    const turn = this.#turn;
    this.#isReading = true;
    this.#readAt = Date.now();
    if (after === null) this.hasNewer = false;
    const answer = await this.#ports.getJson(`${this.#path()}/frames?limit=${FRAMES}${after === null ? "" : `&after=${after}`}`);
    if (turn !== this.#turn) return;
    this.#isReading = false;
    this.fault = answer.ok ? "" : plainFault(answer.message);
    if (answer.ok) {
      const page = framePage(answer.value);
      this.stored = page.frames;
      this.next = page.next;
      this.after = after;
      this.wasRead = true;
    } else this.hasNewer = true;
    this.#told();
  }

  async readKept(): Promise<void> {
    const turn = this.#turn;
    this.#isKeptStale = false;
    this.#keptAt = Date.now();
    const answer = await this.#ports.getJson(`/v1/quarantine?device=${encodeURIComponent(this.id ?? "")}`);
    if (turn !== this.#turn || !answer.ok) return;
    const page = keptPage(answer.value);
    this.kept = page.frames;
    this.bad = page.badCrc;
    this.#told();
  }

  /** The bytes of a frame that could not be decoded; null: they cannot be had. */
  async hexOf(frame: KeptFrame | BadFrame): Promise<string | null> {
    const device = encodeURIComponent(this.id ?? "");
    const after = "id" in frame ? `&after=${frame.id + 1}` : "";
    const answer = await this.#ports.getJson(`/v1/quarantine?device=${device}&limit=1&raw=true${after}`);
    if (!answer.ok) return null;
    const { frames, badCrc } = keptPage(answer.value);
    const found = "id" in frame
      ? frames.find(({ id }) => id === frame.id)
      : badCrc.find(({ at, bytes }) => at === frame.at && bytes === frame.bytes);
    return found?.hex ?? null;
  }

  /** Why it was not done, or null. */
  async order(id: number, verb: "release" | "replay"): Promise<string | null> {
    const answer = await this.#ports.post(`/v1/quarantine/${id}/${verb}`);
    if (!answer.ok) return plainFault(answer.message);
    await this.readKept();
    return null;
  }

  #path(): string {
    return `/v1/devices/${encodeURIComponent(this.id ?? "")}`;
  }

  #told(): void {
    this.version++;
    this.#changed();
  }
}
