/** The worked examples as typed data: the vendor's are carried here, more are read from a `shared` folder beside the repository. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface VectorRecord {
  readonly timestamp_ms: number;
  readonly priority: number;
  readonly lon_raw: number;
  readonly lat_raw: number;
  readonly lon: string;
  readonly lat: string;
  readonly altitude: number;
  readonly angle: number;
  readonly satellites: number;
  readonly speed: number;
  readonly event_id: number;
  readonly generation_type?: number;
  readonly io: Readonly<Record<string, string>>;
}

export interface VectorMessage {
  readonly type: number;
  readonly payload_hex: string;
  readonly text: string;
  readonly imei?: string;
  readonly timestamp_s?: number;
}

export interface Vector {
  readonly name: string;
  readonly transport: "tcp" | "udp";
  readonly hex: string;
  readonly expected: {
    readonly strict_ok: boolean;
    readonly kind: "imei" | "frame" | "udp" | "ping";
    readonly error?: string;
    readonly imei?: string;
    readonly codec?: string;
    readonly codec_id?: number;
    readonly n1?: number;
    readonly records?: readonly VectorRecord[];
    readonly messages?: readonly VectorMessage[];
    readonly ack?: string;
    readonly data_length?: number;
  };
}

const SHARED = join(import.meta.dirname, "../../../shared/spec/vectors_public.json");

function readVectors(path: string): Vector[] {
  return (JSON.parse(readFileSync(path, "utf8")) as { vectors: Vector[] }).vectors;
}

export const VENDOR_VECTORS: readonly Vector[] = readVectors(join(import.meta.dirname, "vendor_vectors.json"));

const PUBLIC_UDP: readonly Vector[] = readVectors(join(import.meta.dirname, "udp_vectors.json"));
/** Every datagram: the vendor's, and those of public test suites. */
export const UDP_VECTORS: readonly Vector[] = [...VENDOR_VECTORS.filter(({ transport }) => transport === "udp"), ...PUBLIC_UDP];
const OWN: readonly Vector[] = [...VENDOR_VECTORS, ...PUBLIC_UDP];

/** Those that are here, and where the shared file is there all that it has beyond them. */
export const ALL_VECTORS: readonly Vector[] = [
  ...OWN,
  ...(existsSync(SHARED) ? readVectors(SHARED) : []).filter((other) => !OWN.some((own) => own.name === other.name)),
];

/** RECORD of the interface for what a vector says. */
export const recordOf = (vector: VectorRecord): object => ({
  time: vector.timestamp_ms,
  priority: vector.priority,
  lon: Number(vector.lon),
  lat: Number(vector.lat),
  altitude: vector.altitude,
  angle: vector.angle,
  satellites: vector.satellites,
  speed: vector.speed,
  eventId: vector.event_id,
  generationType: vector.generation_type ?? null,
  io: vector.io,
});
