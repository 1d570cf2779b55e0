/**
 * What the log says, read from the disk after every commit and folded in the order of seq by the plainest means. All the
 * invariants of stored effects are checked here, entry by entry.
 */
import { asSeq } from "../../../src/base/brand.ts";
import { EntryView } from "../../../src/store/entry.ts";
import { recordStart } from "../../../src/store/record_walk.ts";
import type { Database, Statement } from "../../../src/platform/port.ts";
import { TrueCommands } from "./commands.ts";
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
  /** Fences that took the device from a live holder or a closing one, oldest first. */
  readonly takeovers: { readonly fence: number; readonly seq: number }[] = [];
  /** As the journal was told: nothing below may be stored from `floorSeq` on. */
  floor = 0;
  floorSeq = 0;
}

const latin = new TextDecoder("latin1");
export const keyOf = (record: Uint8Array): string => latin.decode(record);

export class Truth {
  readonly devices = new Map<string, TrueDevice>();
  readonly commands = new TrueCommands();
  /** Events by seq; those trimmed stay. */
  readonly told: Told[] = [{ device: "", kind: "" }];
  next = 1;
  /** Of one device, by the most generous policy it may have had. */
  mostOwners = 1;
  /** Devices that have a double. Nobody else is ever fought for. */
  readonly contested = new Set<string>();
  conflicts = 0;
  /** Nothing below it is on disk any more. */
  oldest = 1;
  readonly #view = new EntryView();
  /** Written and not on the disk yet. */
  readonly #written: { readonly seq: number; readonly next: number; readonly body: Uint8Array }[] = [];
  /** The seq after what was written. */
  #fetched = 1;
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

  /** Another process, or the first: what was on the disk must still be there. `kept`: the seq after that. */
  attach(disk: Database, kept: number): void {
    this.#rows = disk.prepare("SELECT seq, next_seq, body FROM log WHERE seq >= ? ORDER BY seq");
    this.#numbers = disk.prepare("SELECT no, id FROM device");
    this.#sums = disk.prepare("SELECT coalesce(sum(next_seq - seq), 0) AS events FROM log WHERE seq < ?");
    this.#trimmed = disk.prepare("SELECT coalesce(min(seq), 0) AS seq FROM log");
    this.#names.clear();
    this.#written.length = 0;
    this.#fetched = this.next;
    const left = Number(this.#sums.get(this.next)!["events"]);
    const from = Number(this.#trimmed.get()!["seq"]);
    if (from > 0 && from < this.next) {
      hold(left === this.next - from, "I11 acknowledged is stored", () => `${left} events of ${from}..${this.next - 1} are left`);
    }
    this.read();
    this.keep(kept);
  }

  /** What was written since the last time. It counts when it is on the disk. Only between transactions. */
  read(): void {
    for (const row of this.#rows!.all(this.#fetched)) {
      const [seq, next] = [Number(row["seq"]), Number(row["next_seq"])];
      hold(seq === this.#fetched, "I8 views agree", () => `the log goes from ${this.#fetched - 1} to ${seq}`);
      this.#written.push({ seq, next, body: row["body"] as Uint8Array });
      this.#fetched = next;
    }
    this.oldest = Number(this.#trimmed!.get()!["seq"]) || this.#fetched;
    for (const row of this.#numbers!.all()) this.#names.set(Number(row["no"]), String(row["id"]));
  }

  /** Everything below `next` is on the disk now. */
  keep(next: number): void {
    while (this.#written.length > 0 && this.#written[0]!.next <= next) {
      const row = this.#written.shift()!;
      this.#row(row.body);
      hold(this.next === row.next, "I8 views agree", () => `row ${row.seq} ends at ${this.next}`);
    }
  }

  #row(body: Uint8Array): void {
    const view = this.#view.over(body);
    for (let at = 0; view.load(at); at = view.end) {
      const id = view.deviceNo === 0 ? "" : this.#names.get(view.deviceNo)!;
      if (view.isFrame) this.#frame(view, id);
      else {
        this.#event(view, id);
        this.told.push({ device: id, kind: view.event });
        this.next++;
      }
    }
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
    if (kind === "conflict") {
      this.conflicts++;
      return hold(this.contested.has(id), "I10 explained", () => `${id} is said to be fought for, and has one origin: ${view.json}`);
    }
    if (kind === "command") return this.commands.tell(view.json);
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
      device.takeovers.push({ fence, seq: this.next });
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
