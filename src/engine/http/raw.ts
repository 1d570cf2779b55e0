/**
 * Frames as they came, as an http thread offers them: those of a device and those that could not be decoded, read from the store by a
 * reader; and orders about the latter by way of the registry to the journal. Owned by an http thread.
 */
import type { FramesPage, QuarantineQuery, StoredBadFrame, StoredFrame, StoredQuarantined } from "../../store/port.ts";
import { OUTCOMES, type QuarantineOrder } from "../../wire/control.ts";
import type { AnswerRaw } from "../../wire/query_answer.ts";
import type { RegistryClient } from "./asks.ts";
import type { Busy } from "./busy.ts";
import type { ReaderClient } from "./queries.ts";

export type FramesFound = (FramesPage & { readonly kind: "frames" }) | { readonly kind: "unknown_device" } | Busy;

export interface Quarantined {
  readonly kind: "quarantined";
  /** Newest first. */
  readonly frames: readonly StoredQuarantined[];
  /** There are older ones. */
  readonly more: boolean;
  readonly bad: readonly StoredBadFrame[];
}

/** `frame`: as it is now; null: an order to forget it was done. */
export type QuarantineOrdered =
  | { readonly kind: "done"; readonly frame: StoredQuarantined | null }
  | { readonly kind: "unknown_frame" }
  | Busy;

export class HttpRaw {
  readonly #parts: { readonly readers: ReaderClient; readonly registry: RegistryClient };

  constructor(parts: { readonly readers: ReaderClient; readonly registry: RegistryClient }) {
    this.#parts = parts;
  }

  /** Frames of a device whose first new record has a seq of `upTo` at most, newest first. */
  async frames(device: string, upTo: number, limit: number): Promise<FramesFound> {
    const answer = await this.#parts.readers.ask({ type: "frames", device, upTo, limit });
    if (answer.kind === "unknown_device" || answer.kind === "busy") return answer;
    if (answer.kind !== "frames") throw new Error(`Cannot use an answer of kind ${answer.kind} to a frames query`);
    return { kind: "frames", frames: answer.frames.map(wholeStored), more: answer.more };
  }

  /** Undecodable frames with ids up to `upTo`, of one device or (null) of all; `bad`: with those of wrong CRC. */
  undecodable(device: string | null, query: QuarantineQuery, bad: boolean): Promise<Quarantined | Busy> {
    return this.#ask(0, device ?? "", query, bad);
  }

  async one(id: number): Promise<{ readonly kind: "quarantined"; readonly frame: StoredQuarantined | null } | Busy> {
    const found = await this.#ask(id, "", { upTo: 0, limit: 1, held: false }, false);
    return found.kind === "busy" ? found : { kind: "quarantined", frame: found.frames[0] ?? null };
  }

  /** Back when it is on disk. `busy`: it may be done all the same. */
  async order(order: QuarantineOrder, id: number): Promise<QuarantineOrdered> {
    const before = await this.one(id);
    if (before.kind === "busy") return before;
    if (before.frame === null) return { kind: "unknown_frame" };
    const done = await this.#parts.registry.quarantine(order, id);
    if (done === null) return { kind: "busy", reason: "it is not on disk yet" };
    if (OUTCOMES[done.outcome] !== "done") return { kind: "busy", reason: "the journal takes no orders now" };
    const after = await this.one(id);
    if (after.kind === "busy") return after;
    const { frame } = after;
    if (order === "forget") return frame === null ? { kind: "done", frame } : notDone;
    if (frame === null) return { kind: "unknown_frame" };
    const isDone = order === "release" ? frame.releasedAt !== null : frame.replayedAt !== before.frame.replayedAt;
    return isDone ? { kind: "done", frame } : notDone;
  }

  async #ask(id: number, device: string, query: QuarantineQuery, bad: boolean): Promise<Quarantined | Busy> {
    const answer = await this.#parts.readers.ask({ type: "quarantine", id, device, ...query, bad });
    if (answer.kind === "busy") return answer;
    if (answer.kind !== "quarantine") throw new Error(`Cannot use an answer of kind ${answer.kind} to a quarantine query`);
    const { frames, more, bad: badCrc } = answer;
    return { kind: "quarantined", frames: frames.map(wholeFrame), more, bad: badCrc.map(wholeBad) };
  }
}

/** The batch it was in was lost with a commit that failed. */
const notDone: Busy = { kind: "busy", reason: "a commit failed" };

const wholeStored = ({ json, bytes }: AnswerRaw): StoredFrame => ({ ...(JSON.parse(json) as Omit<StoredFrame, "bytes">), bytes });
const wholeFrame = ({ json, bytes }: AnswerRaw): StoredQuarantined => ({
  ...(JSON.parse(json) as Omit<StoredQuarantined, "bytes">),
  bytes,
});
const wholeBad = ({ json, bytes }: AnswerRaw): StoredBadFrame => ({ ...(JSON.parse(json) as Omit<StoredBadFrame, "bytes">), bytes });
