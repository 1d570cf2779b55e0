/**
 * The fleet as the page knows it: hydrated from GET /v1/devices, then folded from the events after. A page of devices holds
 * everything up to its own cursor; events at or below it are not counted again. Pure; owned by the page.
 */
import type { DeviceJson, StoredJson } from "../../schema.ts";
import { Trail } from "./trail.ts";
import { worldX, worldY } from "./world.ts";

type Origin = DeviceJson["origin"];

export interface Place {
  readonly time: number;
  readonly lon: number;
  readonly lat: number;
  readonly x: number;
  readonly y: number;
  readonly angle: number;
  readonly speed: number;
  readonly altitude: number;
  readonly satellites: number;
}

export interface Vehicle {
  readonly id: string;
  connected: boolean;
  fence: number;
  transport: string;
  origin: Origin;
  since: number;
  lastSeenAt: number;
  records: number;
  place: Place | null;
  readonly trail: Trail;
  /** Events up to this seq are in it. */
  mark: number;
  /** Seq of the last event of it that came. */
  last: number;
}

/** What lifecycle events carry beside device and fence. */
interface Life {
  readonly device?: string;
  readonly fence?: number;
  readonly at?: number;
  readonly transport?: string;
  readonly origin?: Origin;
  readonly unsolicited?: boolean;
  readonly state?: string;
}

/** The device has said something: what else happens to a command is the gateway's doing. */
const isHeard = ({ unsolicited, state }: Life): boolean => unsolicited === true || state === "answered" || state === "nacked";

/** A clock that is wrong must not pin a device to a place for ever. As the gateway does it by default. */
export const FUTURE_MS = 24 * 60 * 60 * 1000;
const NOWHERE: Origin = { address: "", port: 0, clientInstance: null };

type Fix = Omit<Place, "x" | "y">;

const placeOf = ({ time, lon, lat, angle, speed, altitude, satellites }: Fix): Place => ({
  time,
  lon,
  lat,
  x: worldX(lon),
  y: worldY(lat),
  angle,
  speed,
  altitude,
  satellites,
});

export class Fleet {
  /** In the order they were met. */
  readonly vehicles: Vehicle[] = [];
  readonly #byId = new Map<string, Vehicle>();
  /** Changes whenever a vehicle comes or goes. */
  membership = 0;
  /** Changes whenever anything does. */
  version = 0;
  connected = 0;
  #fresh: Set<string> | null = null;

  get(id: string): Vehicle | undefined {
    return this.#byId.get(id);
  }

  /** A page of devices as of `seq`. The first of a hydrate begins it. */
  page(devices: readonly DeviceJson[], seq: number): void {
    this.#fresh ??= new Set();
    for (const device of devices) {
      this.#fresh.add(device.id);
      this.#restore(this.#byId.get(device.id) ?? this.#add(device.id), device, seq);
    }
    this.version++;
  }

  /** Ends a hydrate: what was on no page is not there. */
  hydrated(): void {
    const fresh = this.#fresh ?? new Set<string>();
    this.#fresh = null;
    const kept = this.vehicles.filter(({ id }) => fresh.has(id));
    if (kept.length < this.vehicles.length) {
      for (const { id } of this.vehicles) if (!fresh.has(id)) this.#byId.delete(id);
      this.vehicles.length = 0;
      for (const one of kept) this.vehicles.push(one);
      this.membership++;
    }
    this.connected = kept.reduce((sum, one) => sum + (one.connected ? 1 : 0), 0);
    this.version++;
  }

  /** Known devices as of `seq`, read while events are folded: where the stream is not beyond that already, theirs is what stands. */
  correct(devices: readonly DeviceJson[], seq: number): void {
    for (const device of devices) {
      const one = this.#byId.get(device.id);
      if (one !== undefined && Math.max(one.last, one.mark) <= seq) this.#restore(one, device, seq);
    }
    this.version++;
  }

  /** Folds one event of the journal. */
  apply(kind: string, seq: number, data: unknown): void {
    const { device, fence = 0 } = data as Life;
    if (device === undefined) return;
    this.version++;
    const isOpening = kind === "connected" || kind === "replaced";
    const one = this.#byId.get(device) ?? (isOpening || kind === "record" ? this.#add(device) : null);
    if (one === null) return;
    one.last = seq;
    if (kind === "record") this.#record(one, seq, data as StoredJson);
    else if (isOpening) {
      if (seq > one.mark && fence >= one.fence) this.#open(one, data as Life);
    } else if (seq > one.mark) this.#other(one, kind, data as Life);
  }

  /** What came beside the device's owner, long ago, or while two fought for it says nothing of where it is. */
  #record(one: Vehicle, seq: number, record: StoredJson): void {
    const { unfenced = false, quarantined = false } = record;
    if (
      !unfenced && !quarantined && record.satellites > 0 && Math.abs(record.lat) <= 90 && Math.abs(record.lon) <= 180 &&
      record.time <= record.receivedAt + FUTURE_MS
    ) {
      // Events from before the hydrate are asked for to have a trail from the start.
      one.trail.push(worldX(record.lon), worldY(record.lat), record.time);
      if (seq > one.mark && record.time >= (one.place?.time ?? -1)) one.place = placeOf(record);
    }
    if (seq <= one.mark) return;
    one.records++;
    if (!unfenced) one.lastSeenAt = Math.max(one.lastSeenAt, record.receivedAt);
  }

  #open(one: Vehicle, { fence = 0, at = 0, transport = "tcp", origin = NOWHERE }: Life): void {
    if (!one.connected) this.connected++;
    one.connected = true;
    one.fence = fence;
    one.transport = transport;
    one.origin = origin;
    one.since = at;
    one.lastSeenAt = Math.max(one.lastSeenAt, at);
  }

  #other(one: Vehicle, kind: string, life: Life): void {
    const { fence = 0, at = 0 } = life;
    if (kind === "disconnected") {
      if (fence < one.fence) return;
      if (one.connected) this.connected--;
      one.connected = false;
    } else if (kind !== "quarantined" && (kind !== "command" || !isHeard(life))) return;
    one.lastSeenAt = Math.max(one.lastSeenAt, at);
  }

  #restore(one: Vehicle, device: DeviceJson, seq: number): void {
    const { connected, fence, transport, origin, since, lastSeenAt, records, position } = device;
    this.connected += Number(connected) - Number(one.connected);
    Object.assign(one, { connected, fence, transport, origin, since, lastSeenAt, records, mark: seq });
    one.place = position === null ? null : placeOf(position);
  }

  #add(id: string): Vehicle {
    const one: Vehicle = {
      id,
      connected: false,
      fence: 0,
      transport: "tcp",
      origin: NOWHERE,
      since: 0,
      lastSeenAt: 0,
      records: 0,
      place: null,
      trail: new Trail(),
      mark: 0,
      last: 0,
    };
    this.#byId.set(id, one);
    this.vehicles.push(one);
    this.membership++;
    return one;
  }
}
