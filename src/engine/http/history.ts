/**
 * Takeovers and conflicts as an http thread offers them: read from the store by a reader, acknowledged by way of the
 * registry. Owned by an http thread.
 */
import { asDeviceId } from "../../base/brand.ts";
import { formatCursor, parseCursor } from "../../broker/cursor.ts";
import type { StoredConflict } from "../../store/port.ts";
import { OUTCOMES } from "../../wire/control.ts";
import type { RegistryClient } from "./asks.ts";
import type { Busy } from "./busy.ts";
import type { ReaderClient } from "./queries.ts";

/** `id` is the cursor of its event. */
export type ConflictView = Omit<StoredConflict, "seq"> & { readonly id: string };
export type HistoryFound = { readonly kind: "history"; readonly takeovers: readonly string[] } | { readonly kind: "unknown_device" } | Busy;
export type ConflictsFound = { readonly kind: "conflicts"; readonly conflicts: readonly ConflictView[] } | Busy;
export type Acknowledged = { readonly kind: "acknowledged" } | { readonly kind: "unknown_conflict" } | Busy;

interface Stored {
  readonly kind: "conflicts";
  readonly conflicts: readonly StoredConflict[];
}

export interface HistoryParts {
  readonly epoch: string;
  readonly readers: ReaderClient;
  readonly registry: RegistryClient;
}

export class HttpHistory {
  readonly #parts: HistoryParts;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  /** JSON of the device's newest takeovers, newest first. */
  async takeovers(device: string, limit: number): Promise<HistoryFound> {
    const answer = await this.#parts.readers.ask({ type: "history", device: asDeviceId(device), limit });
    if (answer.kind === "history" || answer.kind === "unknown_device" || answer.kind === "busy") return answer;
    throw new Error(`Cannot use an answer of kind ${answer.kind} to a history query`);
  }

  /** Conflicts, newest first. */
  async conflicts(limit: number): Promise<ConflictsFound> {
    const found = await this.#stored(1, Number.MAX_SAFE_INTEGER, limit);
    if (found.kind === "busy") return found;
    const conflicts = found.conflicts.map(({ seq, ...rest }) => ({ id: formatCursor(this.#parts.epoch, seq), ...rest }));
    return { kind: "conflicts", conflicts };
  }

  /** Tells the registry that somebody knows, and comes back when that is on disk. `busy`: it may be known all the same. */
  async acknowledge(id: string): Promise<Acknowledged> {
    const cursor = parseCursor(id);
    if (cursor === null || cursor.epoch !== this.#parts.epoch) return { kind: "unknown_conflict" };
    const { seq } = cursor;
    const before = await this.#stored(seq, seq, 1);
    if (before.kind === "busy") return before;
    const conflict = before.conflicts[0];
    if (conflict === undefined) return { kind: "unknown_conflict" };
    const { device } = JSON.parse(conflict.json) as { readonly device: string };
    const done = await this.#parts.registry.order("acknowledge", device, String(seq));
    if (done === null) return { kind: "busy", reason: "the registry did not answer in time" };
    const outcome = OUTCOMES[done.outcome];
    if (outcome === "busy") return { kind: "busy", reason: "the journal takes no events now" };
    if (outcome !== "done") return { kind: "unknown_conflict" };
    return { kind: "acknowledged" };
  }

  async #stored(from: number, to: number, limit: number): Promise<Stored | Busy> {
    const answer = await this.#parts.readers.ask({ type: "conflicts", from, to, limit });
    if (answer.kind === "conflicts" || answer.kind === "busy") return answer;
    throw new Error(`Cannot use an answer of kind ${answer.kind} to a conflicts query`);
  }
}
