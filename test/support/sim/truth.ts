/**
 * What the log says, read from the disk after every commit and folded in the order of seq by the plainest means. All the
 * invariants of stored effects are checked here, entry by entry.
 */
import { asSeq } from "../../../src/base/brand.ts";
import { EntryView } from "../../../src/store/entry.ts";
import { recordStart } from "../../../src/store/record_walk.ts";
import type { Database, Statement } from "../../../src/platform/port.ts";
import { hold } from "./violation.ts";
import { originOf } from "./watch.ts";

interface Origin {
  readonly address: string;
  readonly port: number;
}

/** Of a connected or replaced event, as far as it must explain itself. */
interface EventJson {
  readonly origin: Origin;
  readonly policy?: string;
  readonly old?: { readonly fence: number; readonly origin: Origin };
  readonly evidence?: { readonly oldLastByteAt?: number; readonly oldInFlight?: number };
}

export interface Told {
  readonly device: string;
  readonly kind: string;
}

export class TrueDevice {
  readonly stored = new Map<string, number>();
  /** Fences of the connections open now, by the log. */
  readonly open = new Set<number>();
  highest = 0;
  /** As the journal was told: nothing below may be stored from `floorSeq` on. */
  floor = 0;
  floorSeq = 0;
}

const latin = new TextDecoder("latin1");
export const keyOf = (record: Uint8Array): string => latin.decode(record);

export class Truth {
  readonly devices = new Map<string, TrueDevice>();
  /** Events by seq; those trimmed stay. */
  readonly told: Told[] = [{ device: "", kind: "" }];
  next = 1;
  /** Of one device, by the most generous policy it may have had. */
  mostOwners = 1;
  /** Nothing below it is on disk any more. */
  oldest = 1;
  readonly #view = new EntryView();
  #rows: Statement | null = null;
  #numbers: Statement | null = null;
  #sums: Statement | null = null;
  #trimmed: Statement | null = null;
  readonly #names = new Map<number, string>();
  readonly #origins: ReadonlyMap<number, string>;

  /** `origins`: where the connection of a fence came from. */
  constructor(origins: ReadonlyMap<number, string>) {
    this.#origins = origins;
  }

  device(id: string): TrueDevice {
    let device = this.devices.get(id);
    if (device === undefined) this.devices.set(id, device = new TrueDevice());
    return device;
  }

  /** The journal has been told a floor. */
  raise(id: string, floor: number, seq: number): void {
    const device = this.device(id);
    if (floor <= device.floor) return;
    device.floor = floor;
    device.floorSeq = seq;
  }

  /** Another process, or the first: what was committed must still be there. */
  attach(disk: Database): void {
    this.#rows = disk.prepare("SELECT seq, next_seq, body FROM log WHERE seq >= ? ORDER BY seq");
    this.#numbers = disk.prepare("SELECT no, id FROM device");
    this.#sums = disk.prepare("SELECT coalesce(sum(next_seq - seq), 0) AS events FROM log WHERE seq < ?");
    this.#trimmed = disk.prepare("SELECT coalesce(min(seq), 0) AS seq FROM log");
    const kept = Number(this.#sums.get(this.next)!["events"]);
    const from = Number(this.#trimmed.get()!["seq"]);
    if (from > 0 && from < this.next) {
      hold(kept === this.next - from, "I11 acknowledged is stored", () => `${kept} events of ${from}..${this.next - 1} are left`);
    }
    this.read();
  }

  /** Everything committed since the last time. Only between transactions. */
  read(): void {
    for (const row of this.#rows!.all(this.next)) {
      const seq = Number(row["seq"]);
      hold(seq === this.next, "I8 views agree", () => `the log goes from ${this.next - 1} to ${seq}`);
      this.#row(row["body"] as Uint8Array);
      hold(this.next === Number(row["next_seq"]), "I8 views agree", () => `row ${seq} ends at ${this.next}`);
    }
    this.oldest = Number(this.#trimmed!.get()!["seq"]) || this.next;
  }

  #row(body: Uint8Array): void {
    const view = this.#view.over(body);
    for (let at = 0; view.load(at); at = view.end) {
      const id = view.deviceNo === 0 ? "" : this.#nameOf(view.deviceNo);
      if (view.isFrame) this.#frame(view, id);
      else {
        this.#event(view, id);
        this.told.push({ device: id, kind: view.event });
        this.next++;
      }
    }
  }

  #nameOf(no: number): string {
    if (!this.#names.has(no)) { for (const row of this.#numbers!.all()) this.#names.set(Number(row["no"]), String(row["id"])); }
    return this.#names.get(no)!;
  }

  #frame(view: EntryView, id: string): void {
    const device = this.device(id);
    const fence: number = view.fence;
    hold(device.open.has(fence), "I3 no effect of a lower fence", () => `${id} stores under ${fence}, open are ${[...device.open].join()}`);
    const { floor, floorSeq } = device;
    const may = fence >= floor || this.next < floorSeq;
    hold(
      may,
      "I3 no effect of a lower fence",
      () => `${id} stores seq ${this.next} under ${fence}, its floor is ${floor} from ${floorSeq}`,
    );
    for (let i = 0; i < view.n; i++) {
      if (!view.isNew(i)) continue;
      const key = keyOf(view.bytes.subarray(recordStart(view.bytes, view.dataAt, i), recordStart(view.bytes, view.dataAt, i + 1)));
      const before = device.stored.get(key);
      // What retention has deleted may come again.
      hold(before === undefined || before < this.oldest, "I12 stored once", () => `${id} stores the record of seq ${before} again`);
      device.stored.set(key, this.next);
      this.told.push({ device: id, kind: "record" });
      this.next++;
    }
  }

  #event(view: EntryView, id: string): void {
    const kind = view.event;
    if (kind !== "connected" && kind !== "replaced" && kind !== "disconnected") return;
    const device = this.device(id);
    const fence: number = view.fence;
    if (kind === "disconnected") {
      hold(device.open.delete(fence), "I3 no effect of a lower fence", () => `${id} disconnected(${fence}) is not open`);
      return;
    }
    hold(fence > device.highest, "I2 fences rise", () => `${id} gets ${fence} after ${device.highest}`);
    device.highest = fence;
    const json = JSON.parse(view.json) as EventJson;
    this.#explain(id, fence, json.origin);
    if (kind === "replaced") {
      const { old, policy, evidence } = json;
      hold(
        old !== undefined && policy !== undefined && evidence?.oldLastByteAt !== undefined && evidence.oldInFlight !== undefined,
        "I10 explained",
        () => `${id} replaced(${fence}) says too little: ${view.json}`,
      );
      this.#explain(id, old.fence, old.origin);
      hold(device.open.delete(old.fence), "I10 explained", () => `${id} replaced(${fence}) names ${old.fence}, which is not open`);
    }
    device.open.add(fence);
    hold(device.open.size <= this.mostOwners, "I1 one owner", () => `${id} has owners ${[...device.open].join()}`);
  }

  #explain(id: string, fence: number, origin: Origin): void {
    const real = this.#origins.get(fence);
    hold(originOf(origin) === real, "I10 explained", () => `${id} ${fence} is said to come from ${originOf(origin)}, not ${real}`);
  }

  has(id: string, key: string): boolean {
    return this.devices.get(id)?.stored.has(key) ?? false;
  }

  get committed(): number {
    return asSeq(this.next - 1);
  }
}
