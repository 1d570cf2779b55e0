/**
 * Devices as the fold of their journal entries. Pure. The journal, every reader and every http thread keep their own and
 * give it the same entries in the same order, so all of them say the same about a device at the same seq.
 */
import { broken } from "../base/assert.ts";
import { asFence, asSeq, type DeviceId, type DeviceNo, type Fence, type Seq } from "../base/brand.ts";
import { recordEnd } from "../codec/teltonika/avl.ts";
import type { Transport } from "../wire/control.ts";
import { EntryView, FLAG_UNFENCED, NO_BEST } from "./entry.ts";
import type { DeviceState } from "./port.ts";
import { recordStart, recordTime } from "./record_walk.ts";

interface OriginJson {
  readonly address: string;
  readonly port: number;
  readonly clientInstance: string;
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

const scratch = new EntryView();

/** One device. `position` is kept in a buffer of its own, so that a frame that moves it makes no garbage. */
export class FoldedDevice implements DeviceState {
  readonly no: DeviceNo;
  readonly id: DeviceId;
  connected = false;
  fence: Fence = asFence(0);
  transport: Transport = "tcp";
  address = "";
  port = 0;
  clientInstance = "";
  since = 0;
  lastSeenAt = 0;
  lastByteAt = 0;
  records = 0;
  /** Fences of its other open connections, rising: under multi(n) only. */
  older: readonly number[] = NONE;
  /** Entries up to this seq are in the state already. */
  mark: Seq = asSeq(0);
  /** Of the newest record since the fold began. */
  #newestSeq = 0;
  #positionSeq = 0;
  #positionTime = -1;
  #positionCodec = 0;
  #positionLength = 0;
  #positionBytes: Uint8Array = EMPTY;
  /** The body with the newest frame that may move the position, and where in it; null when there is none. */
  #candidate: Uint8Array | null = null;
  #candidateAt = 0;
  #candidateSeq = 0;
  #candidateTime = 0;

  constructor(no: DeviceNo, id: DeviceId) {
    this.no = no;
    this.id = id;
  }

  /** A copy of the last position; null before the first. */
  get position(): DeviceState["position"] {
    this.settle();
    if (this.#positionSeq === 0) return null;
    const bytes = this.#positionBytes.slice(0, this.#positionLength);
    return { seq: asSeq(this.#positionSeq), time: this.#positionTime, codec: this.#positionCodec, bytes };
  }

  /** A newer record than this one is known, and the position is not from it: who wants the latest needs it no more. */
  isSuperseded(seq: number): boolean {
    return seq < Math.max(this.#newestSeq, this.#positionSeq) && seq !== this.#positionSeq;
  }

  restore(state: DeviceState, mark: Seq, older: readonly number[] = NONE): void {
    this.older = older;
    this.connected = state.connected;
    this.fence = state.fence;
    this.transport = state.transport;
    this.address = state.address;
    this.port = state.port;
    this.clientInstance = state.clientInstance;
    this.since = state.since;
    this.lastSeenAt = state.lastSeenAt;
    this.lastByteAt = state.lastByteAt;
    this.records = state.records;
    this.mark = mark;
    const position = state.position;
    if (position !== null) this.#place(position.seq, position.time, position.codec, position.bytes, 0, position.bytes.length);
  }

  /** True when the frame may move the position and nothing waited for `settle` before: many frames cost one look into one. */
  frame(entry: EntryView, seq: number): boolean {
    this.records += entry.seqs;
    if (entry.seqs > 0) this.#newestSeq = seq + entry.seqs - 1;
    if ((entry.flags & FLAG_UNFENCED) !== 0) return false;
    const time = entry.time;
    if (time > this.lastSeenAt) this.lastSeenAt = time;
    if (time > this.lastByteAt) this.lastByteAt = time;
    // Its best record is dated between the frame's least and greatest time: what cannot win is not looked for.
    const latest = entry.maxTime;
    if (entry.best === NO_BEST || entry.isQuarantined || latest < this.#positionTime) return false;
    if (this.#candidate !== null && entry.minTime < this.#candidateTime) this.settle();
    const first = this.#candidate === null;
    this.#candidate = entry.bytes;
    this.#candidateAt = entry.at;
    this.#candidateSeq = seq;
    this.#candidateTime = latest;
    return first;
  }

  /** Takes the position from the frame that may move it. */
  settle(): void {
    const bytes = this.#candidate;
    if (bytes === null) return;
    this.#candidate = null;
    const entry = scratch.over(bytes, this.#candidateAt);
    const { best, dataAt } = entry;
    const codec = bytes[dataAt]!;
    const at = recordStart(bytes, dataAt, best);
    const recorded = recordTime(bytes, at);
    if (recorded < this.#positionTime) return;
    let own = this.#candidateSeq;
    for (let i = 0; i < best; i++) if (entry.isNew(i)) own++;
    this.#place(own, recorded, codec, bytes, at, recordEnd(codec, bytes, at, bytes.length));
  }

  open(fence: Fence, at: number, event: EventJson): void {
    if (fence < this.fence) return;
    if (this.connected) this.older = [...this.older, this.fence];
    if (event.old !== undefined) this.#forget(event.old.fence);
    this.connected = true;
    this.fence = fence;
    this.transport = event.transport ?? "tcp";
    this.address = event.origin?.address ?? "";
    this.port = event.origin?.port ?? 0;
    this.clientInstance = event.origin?.clientInstance ?? "";
    this.since = at;
    if (at > this.lastSeenAt) this.lastSeenAt = at;
  }

  close(fence: Fence, at: number, event: EventJson): void {
    // I3: what a lower fence says about the end of its connection changes nothing else.
    if (fence < this.fence) return this.#forget(fence);
    // Offline is said when the last connection leaves; until then the next older one stands for the device.
    if (event.left === undefined) this.connected = false;
    else {
      this.fence = asFence(event.left);
      this.#forget(event.left);
    }
    if (at > this.lastSeenAt) this.lastSeenAt = at;
    const lastByteAt = event.lastByteAt ?? 0;
    if (lastByteAt > this.lastByteAt) this.lastByteAt = lastByteAt;
  }

  #forget(fence: number): void {
    if (this.older.length > 0) this.older = this.older.filter((one) => one !== fence);
  }

  seen(at: number): void {
    if (at > this.lastSeenAt) this.lastSeenAt = at;
    if (at > this.lastByteAt) this.lastByteAt = at;
  }

  #place(seq: number, time: number, codec: number, from: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#positionBytes.length < length) this.#positionBytes = new Uint8Array((length + 63) & ~63);
    const bytes = this.#positionBytes;
    for (let i = 0; i < length; i++) bytes[i] = from[start + i]!;
    this.#positionSeq = seq;
    this.#positionTime = time;
    this.#positionCodec = codec;
    this.#positionLength = length;
  }
}

/** The device has said something: what else happens to a command is our own doing. */
const isHeard = ({ unsolicited, state }: EventJson): boolean => unsolicited === true || state === "answered" || state === "nacked";

const EMPTY = new Uint8Array(0);
const NONE: readonly number[] = [];

export class DeviceFold implements Iterable<FoldedDevice> {
  /** Device numbers are dense from 1. */
  readonly #byNo: (FoldedDevice | undefined)[] = [];
  readonly #byId = new Map<DeviceId, FoldedDevice>();
  readonly #unsettled: FoldedDevice[] = [];

  get size(): number {
    return this.#byId.size;
  }

  byNo(no: DeviceNo): FoldedDevice | undefined {
    return this.#byNo[no];
  }

  byId(id: DeviceId): FoldedDevice | undefined {
    return this.#byId.get(id);
  }

  /** Makes the device known, with nothing in it yet; gives the one there is otherwise. */
  add(no: DeviceNo, id: DeviceId): FoldedDevice {
    const known = this.#byNo[no];
    if (known !== undefined) return known;
    const device = new FoldedDevice(no, id);
    this.#byNo[no] = device;
    this.#byId.set(id, device);
    return device;
  }

  /** Takes over states that hold everything up to `mark`; entries at or below it are then skipped for them. */
  hydrate(states: Iterable<DeviceState>, mark: Seq): void {
    for (const state of states) this.add(state.no, state.id).restore(state, mark);
  }

  /** One device as its row has it. */
  restore(state: DeviceState, mark: Seq, older: readonly number[]): void {
    this.add(state.no, state.id).restore(state, mark, older);
  }

  /**
   * Folds the entry `entry` stands on; its first event has `seq`. Entries come in order, each once. The body must stay as it
   * is until `settle`.
   */
  apply(entry: EntryView, seq: Seq): void {
    const no = entry.deviceNo;
    if (no === 0) return;
    if (entry.isFrame) {
      const device = this.#known(no);
      if (seq > device.mark && device.frame(entry, seq)) this.#unsettled.push(device);
    } else this.#event(entry, no, seq);
  }

  /** At the end of a batch of entries: looks into the frames that move positions, and lets go of their bodies. */
  settle(): void {
    for (let i = 0; i < this.#unsettled.length; i++) this.#unsettled[i]!.settle();
    this.#unsettled.length = 0;
  }

  /** Up to `limit` devices with numbers above `after`, in that order. */
  above(after: DeviceNo, limit: number): FoldedDevice[] {
    const found: FoldedDevice[] = [];
    for (let no = after + 1; no < this.#byNo.length && found.length < limit; no++) {
      const device = this.#byNo[no];
      if (device !== undefined) found.push(device);
    }
    return found;
  }

  /** In order of device number. */
  *[Symbol.iterator](): IterableIterator<FoldedDevice> {
    for (const device of this.#byNo) if (device !== undefined) yield device;
  }

  #known(no: DeviceNo): FoldedDevice {
    const device = this.#byNo[no];
    if (device === undefined) broken(`journal entry of device ${no}, which is not known`);
    return device;
  }

  #event(entry: EntryView, no: DeviceNo, seq: Seq): void {
    const kind = entry.event;
    if (kind === "connected" || kind === "replaced") {
      const event = JSON.parse(entry.json) as EventJson;
      const device = this.#byNo[no] ?? this.add(no, (event.id ?? "") as DeviceId);
      if (seq > device.mark) device.open(entry.fence, entry.time, event);
      return;
    }
    const device = this.#known(no);
    if (seq <= device.mark) return;
    if (kind === "disconnected") device.close(entry.fence, entry.time, JSON.parse(entry.json) as EventJson);
    else if (kind === "quarantined" || (kind === "command" && isHeard(JSON.parse(entry.json) as EventJson))) device.seen(entry.time);
  }
}
