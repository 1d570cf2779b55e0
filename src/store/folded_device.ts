/**
 * One device of a fold: reads and changes its row. A view, so that no device has an object; it sees what happens to the device
 * later too. Pure.
 */
import { asDeviceId, asDeviceNo, asFence, asSeq, type DeviceId, type DeviceNo, type Fence, type Seq } from "../base/brand.ts";
import { packIpv4, unpackIpv4 } from "../base/ipv4.ts";
import { type Transport, TRANSPORTS } from "../wire/control.ts";
import { CODEC_SHIFT, place, positionBytes, settleRow } from "./fold_frame.ts";
import {
  ADDRESS,
  CONNECTED,
  FENCE,
  FLOATS,
  type FoldBlock,
  type FoldTable,
  HAS_OLDER,
  HAS_ORIGIN,
  LAST_BYTE,
  LAST_SEEN,
  type LongOrigin,
  MARK,
  NEWEST_SEQ,
  POSITION,
  POSITION_SEQ,
  POSITION_TIME,
  RECORDS,
  rowOf,
  SINCE,
  STATE,
  TRANSPORT_MASK,
  TRANSPORT_SHIFT,
  WORDS,
} from "./fold_table.ts";
import type { DeviceState } from "./port.ts";

const PORT_MASK = 0xffff;
const NONE: readonly number[] = [];

export class FoldedDevice implements DeviceState {
  readonly #table: FoldTable;
  #no = asDeviceNo(0);
  #block!: FoldBlock;
  #floats!: Float64Array;
  #words!: Int32Array;
  /** Where its row begins. */
  #f = 0;
  #w = 0;

  /** Of a device that is known. */
  constructor(table: FoldTable, no: number) {
    this.#table = table;
    this.to(no, table.block(no));
  }

  /** Shows another device from now on, the row of which is in `block`. */
  to(no: number, block: FoldBlock): this {
    this.#no = asDeviceNo(no);
    this.#block = block;
    this.#floats = block.floats;
    this.#words = block.words;
    this.#f = rowOf(no) * FLOATS;
    this.#w = rowOf(no) * WORDS;
    return this;
  }

  get no(): DeviceNo {
    return this.#no;
  }
  get id(): DeviceId {
    return asDeviceId(this.#table.ids.name(this.#no));
  }
  get connected(): boolean {
    return this.#has(CONNECTED);
  }
  get fence(): Fence {
    return asFence(this.#float(FENCE));
  }
  get transport(): Transport {
    return TRANSPORTS[(this.#state >>> TRANSPORT_SHIFT) & TRANSPORT_MASK] ?? "tcp";
  }
  get address(): string {
    if (this.#has(HAS_ORIGIN)) return this.#table.origins.get(this.#no)!.address;
    const bits = this.#words[this.#w + ADDRESS]!;
    return bits === 0 ? "" : unpackIpv4(bits);
  }
  get port(): number {
    return this.#state & PORT_MASK;
  }
  get clientInstance(): string {
    return this.#has(HAS_ORIGIN) ? this.#table.origins.get(this.#no)!.clientInstance : "";
  }
  get since(): number {
    return this.#float(SINCE);
  }
  get lastSeenAt(): number {
    return this.#float(LAST_SEEN);
  }
  get lastByteAt(): number {
    return this.#float(LAST_BYTE);
  }
  get records(): number {
    return this.#float(RECORDS);
  }
  get mark(): Seq {
    return asSeq(this.#float(MARK));
  }
  /** Fences of its other open connections, rising: under multi(n) only. */
  get older(): readonly number[] {
    return this.#has(HAS_OLDER) ? this.#table.older.get(this.#no)! : NONE;
  }

  /** A copy of the last position; null before the first. */
  get position(): DeviceState["position"] {
    settleRow(this.#table, this.#block, this.#no);
    const seq = this.#float(POSITION_SEQ);
    if (seq === 0) return null;
    const word = this.#words[this.#w + POSITION]!;
    const bytes = positionBytes(this.#table, this.#block, this.#no);
    return { seq: asSeq(seq), time: this.#float(POSITION_TIME), codec: word >>> CODEC_SHIFT, bytes };
  }

  /** A newer record than this one is known, and the position is not from it: who wants the latest needs it no more. */
  isSuperseded(seq: number): boolean {
    const position = this.#float(POSITION_SEQ);
    return seq !== position && (seq < position || seq < this.#float(NEWEST_SEQ));
  }

  restore(state: DeviceState, mark: Seq, older: readonly number[] = NONE): void {
    const floats = this.#floats;
    this.#setOlder(older);
    this.#set(CONNECTED, state.connected);
    this.#setOrigin(state.transport, state.address, state.port, state.clientInstance);
    floats[this.#f + FENCE] = state.fence;
    floats[this.#f + SINCE] = state.since;
    floats[this.#f + LAST_SEEN] = state.lastSeenAt;
    floats[this.#f + LAST_BYTE] = state.lastByteAt;
    floats[this.#f + RECORDS] = state.records;
    floats[this.#f + MARK] = mark;
    const position = state.position;
    if (position !== null) {
      place(this.#table, this.#block, this.#no, position.seq, position.time, position.codec, position.bytes, 0, position.bytes.length);
    }
  }

  open(fence: Fence, at: number, transport: Transport, origin: Pick<DeviceState, "address" | "port" | "clientInstance">): void {
    this.#setOrigin(transport, origin.address, origin.port, origin.clientInstance);
    const floats = this.#floats;
    if (this.connected) this.#setOlder([...this.older, this.fence]);
    this.#set(CONNECTED, true);
    floats[this.#f + FENCE] = fence;
    floats[this.#f + SINCE] = at;
    this.touch(at);
  }

  /** Its newest connection has ended. `left`: the next older one stands for the device from now on, or 0. */
  close(at: number, lastByteAt: number, left: number): void {
    // Offline is said when the last connection leaves.
    if (left === 0) this.#set(CONNECTED, false);
    else {
      this.#floats[this.#f + FENCE] = left;
      this.forget(left);
    }
    this.touch(at);
    this.#hear(lastByteAt);
  }

  /** One of its older connections has ended. */
  forget(fence: number): void {
    if (this.#has(HAS_OLDER)) this.#setOlder(this.older.filter((one) => one !== fence));
  }

  seen(at: number): void {
    this.touch(at);
    this.#hear(at);
  }

  /** Something of it happened. */
  touch(at: number): void {
    if (at > this.#float(LAST_SEEN)) this.#floats[this.#f + LAST_SEEN] = at;
  }

  #hear(at: number): void {
    if (at > this.#float(LAST_BYTE)) this.#floats[this.#f + LAST_BYTE] = at;
  }

  get #state(): number {
    return this.#words[this.#w + STATE]!;
  }
  #float(field: number): number {
    return this.#floats[this.#f + field]!;
  }
  #has(flag: number): boolean {
    return (this.#state & flag) !== 0;
  }
  #set(flag: number, on: boolean): void {
    this.#words[this.#w + STATE] = on ? this.#state | flag : this.#state & ~flag;
  }

  #setOlder(older: readonly number[]): void {
    if (older.length > 0) this.#table.older.set(this.#no, older);
    else if (this.#has(HAS_OLDER)) this.#table.older.delete(this.#no);
    this.#set(HAS_OLDER, older.length > 0);
  }

  #setOrigin(transport: Transport, address: string, port: number, clientInstance: string): void {
    const bits = packIpv4(address);
    const isLong = clientInstance !== "" || (bits === 0 && address !== "");
    this.#setPlace(transport, bits, port, isLong ? { address, clientInstance } : null);
  }

  #setPlace(transport: Transport, bits: number, port: number, origin: LongOrigin | null): void {
    if (origin !== null) this.#table.origins.set(this.#no, origin);
    else if (this.#has(HAS_ORIGIN)) this.#table.origins.delete(this.#no);
    this.#set(HAS_ORIGIN, origin !== null);
    const place = (port & PORT_MASK) | (Math.max(0, TRANSPORTS.indexOf(transport)) << TRANSPORT_SHIFT);
    this.#words[this.#w + ADDRESS] = bits;
    this.#words[this.#w + STATE] = (this.#state & ~(PORT_MASK | (TRANSPORT_MASK << TRANSPORT_SHIFT))) | place;
  }
}
