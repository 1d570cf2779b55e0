/**
 * Devices as the fold of their journal entries. Pure. The journal, every reader and every http thread keep their own and
 * give it the same entries in the same order, so all of them say the same about a device at the same seq.
 */
import { broken } from "../base/assert.ts";
import { asDeviceId, asDeviceNo, type DeviceId, type DeviceNo, type Seq } from "../base/brand.ts";
import { IdTable } from "../base/id_table.ts";
import type { Transport } from "../wire/control.ts";
import type { EntryView } from "./entry.ts";
import { foldFrame, settleRow } from "./fold_frame.ts";
import { type FoldBlock, FoldTable } from "./fold_table.ts";
import { FoldedDevice } from "./folded_device.ts";
import type { DeviceState } from "./port.ts";

interface OriginJson {
  readonly address: string;
  readonly port: number;
  /** Null or, in a journal that an older version wrote, "": it names none. */
  readonly clientInstance: string | null;
}
interface EventJson {
  readonly id?: string;
  readonly transport?: Transport;
  readonly origin?: OriginJson;
  readonly lastByteAt?: number;
  /** Of a disconnect: the newest connection the device still has. */
  readonly left?: number;
  /** Of a command: what the device sent by itself or too late, and how a command of ours goes. */
  readonly unsolicited?: boolean;
  readonly state?: string;
  /** Of a takeover: who lost the device. */
  readonly old?: { readonly fence: number };
}

const NOWHERE: OriginJson = { address: "", port: 0, clientInstance: null };

/** The device has said something: what else happens to a command is our own doing. */
const isHeard = ({ unsolicited, state }: EventJson): boolean => unsolicited === true || state === "answered" || state === "nacked";

export class DeviceFold implements Iterable<FoldedDevice> {
  readonly #table: FoldTable;
  /** Shows whichever device an entry is of. Null before the first device. */
  #view: FoldedDevice | null = null;

  /** `ids`: of a thread that has a table of them already. */
  constructor(ids = new IdTable()) {
    this.#table = new FoldTable(ids);
  }

  get size(): number {
    return this.#table.size;
  }

  byNo(no: DeviceNo): FoldedDevice | undefined {
    return this.#table.isKnown(no) ? new FoldedDevice(this.#table, no) : undefined;
  }

  byId(id: DeviceId): FoldedDevice | undefined {
    return this.byNo(asDeviceNo(this.#table.ids.find(id)));
  }

  /** The device's identity, or "" when it is not known. */
  nameOf(no: DeviceNo): string {
    return this.#table.isKnown(no) ? this.#table.ids.name(no) : "";
  }

  /** A newer record than that of `seq` is known of `id`, and its position is not from it. */
  isSuperseded(id: DeviceId, seq: number): boolean {
    const no = this.#table.ids.find(id);
    return this.#table.isKnown(no) && this.#show(no).isSuperseded(seq);
  }

  /** Makes the device known, with nothing in it yet; gives the one there is otherwise. */
  add(no: DeviceNo, id: DeviceId): FoldedDevice {
    this.#add(no, id);
    return new FoldedDevice(this.#table, no);
  }

  /** Takes over states that hold everything up to `mark`; entries at or below it are then skipped for them. */
  hydrate(states: Iterable<DeviceState>, mark: Seq): void {
    for (const state of states) this.restore(state, mark);
  }

  /** One device as its row has it. */
  restore(state: DeviceState, mark: Seq, older?: readonly number[]): void {
    this.#add(state.no, state.id).restore(state, mark, older);
  }

  /**
   * Folds the entry `entry` stands on; its first event has `seq`. Entries come in order, each once. The body must stay as it
   * is until `settle`.
   */
  apply(entry: EntryView, seq: Seq): void {
    const no = entry.deviceNo;
    if (no === 0) return;
    if (entry.isFrame) foldFrame(this.#table, this.#blockOf(no), no, entry, seq);
    else this.#event(entry, no, seq);
  }

  /** At the end of a batch of entries: looks into the frames that move positions, and lets go of their bodies. */
  settle(): void {
    const table = this.#table;
    const { candidates } = table;
    for (let i = 0; i < candidates.count; i++) settleRow(table, table.block(candidates.nos[i]!), candidates.nos[i]!);
    candidates.count = 0;
  }

  /** Up to `limit` devices with numbers above `after`, in that order. */
  above(after: DeviceNo, limit: number): FoldedDevice[] {
    const found: FoldedDevice[] = [];
    const { end } = this.#table;
    for (let no = after + 1; no < end && found.length < limit; no++) {
      if (this.#table.isKnown(no)) found.push(new FoldedDevice(this.#table, no));
    }
    return found;
  }

  /** In order of device number. */
  *[Symbol.iterator](): IterableIterator<FoldedDevice> {
    for (let no = 1; no < this.#table.end; no++) if (this.#table.isKnown(no)) yield new FoldedDevice(this.#table, no);
  }

  #show(no: number, block = this.#table.block(no)): FoldedDevice {
    return this.#view === null ? this.#view = new FoldedDevice(this.#table, no) : this.#view.to(no, block);
  }

  #blockOf(no: DeviceNo): FoldBlock {
    const block = this.#table.find(no);
    if (block === null) broken(`journal entry of device ${no}, which is not known`);
    return block;
  }

  #add(no: DeviceNo, id: DeviceId): FoldedDevice {
    if (!this.#table.isKnown(no)) {
      const { ids } = this.#table;
      if (!ids.has(no)) ids.set(no, id);
      this.#table.add(no);
    }
    return this.#show(no);
  }

  #event(entry: EntryView, no: DeviceNo, seq: Seq): void {
    const kind = entry.event;
    if (kind === "connected" || kind === "replaced") {
      const event = JSON.parse(entry.json) as EventJson;
      const device = this.#add(no, asDeviceId(event.id ?? ""));
      if (seq > device.mark) open(device, entry, event);
      return;
    }
    const device = this.#show(no, this.#blockOf(no));
    if (seq <= device.mark) return;
    if (kind === "disconnected") close(device, entry, JSON.parse(entry.json) as EventJson);
    else if (kind === "quarantined" || (kind === "command" && isHeard(JSON.parse(entry.json) as EventJson))) device.seen(entry.time);
  }
}

function open(device: FoldedDevice, { fence, time }: EntryView, { old, transport, origin }: EventJson): void {
  if (fence < device.fence) return;
  const { address, port, clientInstance } = origin ?? NOWHERE;
  device.open(fence, time, transport ?? "tcp", { address, port, clientInstance: clientInstance ?? "" });
  if (old !== undefined) device.forget(old.fence);
}

function close(device: FoldedDevice, { fence, time }: EntryView, { left, lastByteAt }: EventJson): void {
  // I3: what a lower fence says about the end of its connection changes nothing else.
  if (fence < device.fence) device.forget(fence);
  else device.close(time, lastByteAt ?? 0, left ?? 0);
}
