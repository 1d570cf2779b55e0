/**
 * Frames that cannot be decoded, on their way into quarantine, and what operators have done with those that are there. Owned by the
 * journal thread.
 */
import { asDeviceNo, asFence } from "../../base/brand.ts";
import { Fault } from "../../codec/teltonika/avl.ts";
import { IncomingFrame } from "../../store/incoming_frame.ts";
import type { Journal } from "../../store/journal.ts";
import { Redecoder } from "../../store/redecode.ts";
import { type MessageOf, QUARANTINE_ORDERS } from "../../wire/control.ts";
import { FRAME_FAULTS, Verdict } from "../../wire/frame_message.ts";
import type { Connected } from "./connections.ts";

/** Records of the batch under way, by what became of them. */
interface Tally {
  stored: number;
  duplicate: number;
  quarantined: number;
}

interface Origin {
  readonly address: string;
  readonly port: number;
}

export class JournalQuarantine {
  readonly #journal: Journal;
  readonly #decoder = new Redecoder();
  readonly #frame = new IncomingFrame();
  /** Where connections of the batch under way came from, by fence; the fold knows those that are committed. */
  readonly #origins = new Map<number, Origin>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  came(m: MessageOf<"connected"> | MessageOf<"replaced">): void {
    this.#origins.set(m.fence, m);
  }

  /** The batch is over. */
  clear(): void {
    if (this.#origins.size > 0) this.#origins.clear();
  }

  /** A frame that cannot be decoded: kept raw and not acknowledged, unless somebody has released it. */
  take(frame: IncomingFrame, { device, fence }: Connected, tally: Tally): Verdict {
    const { header } = frame;
    const { quarantine, batch } = this.#journal;
    const reason = FRAME_FAULTS[header.fault] ?? "none";
    const bytes = frame.copyData();
    const { codec, receivedAt: at } = header;
    const outcome = quarantine.take(
      { device: device.no, reason, codec, at, fence, origin: this.#origin(device.no, fence), bytes },
      batch.nextSeq,
    );
    if (outcome === "released") return Verdict.kept;
    tally.quarantined += header.n;
    if (outcome === "first") {
      const payload = { at, reason, codec, bytes: bytes.length, hash: quarantine.hash, id: quarantine.id };
      this.#journal.frameEvent("quarantined", device, fence, at, payload);
    }
    return Verdict.quarantined;
  }

  obey({ order, id, at }: MessageOf<"quarantineOrdered">, tally: Tally): void {
    const verb = QUARANTINE_ORDERS[order]!;
    if (verb === "replay") {
      const done = replay(this.#journal, id, at, this.#decoder, this.#frame);
      tally.stored += done.stored;
      tally.duplicate += done.records - done.stored;
    } else this.#journal.quarantine.order(verb, id, at);
  }

  #origin(device: number, fence: number): Origin | null {
    const known = this.#origins.get(fence);
    if (known !== undefined) return known;
    const folded = this.#journal.fold.byNo(asDeviceNo(device));
    return folded !== undefined && folded.fence === fence ? folded : null;
  }
}

/** What came of a frame: `records` 0 when it still cannot be decoded. */
export interface Replayed {
  readonly records: number;
  readonly stored: number;
}

/** A kept frame through today's decoder, into the batch under way: beside whoever has the device now, once. */
export function replay(journal: Journal, id: number, at: number, decoder: Redecoder, frame: IncomingFrame): Replayed {
  const kept = journal.quarantine.kept(id);
  const device = kept === null ? undefined : journal.ledger.byNo(asDeviceNo(kept.device));
  let [records, stored] = [0, 0];
  if (kept !== null && device !== undefined && decoder.decode(kept.bytes, kept.firstAt, journal.limits.futureMs, frame) === Fault.none) {
    records = frame.header.n;
    stored = journal.frame(frame, device, asFence(kept.fence), "redecoded");
  }
  journal.quarantine.replayed(id, at, records, stored);
  return { records, stored };
}
