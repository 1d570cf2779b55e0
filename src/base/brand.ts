/** Branded numbers and strings: two units never meet by accident. Pure; used by every thread. */
declare const brand: unique symbol;
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** A device's identity after normalisation: an IMEI ("356307042441013") or another id. ASCII, 1-64 bytes. */
export type DeviceId = Brand<string, "DeviceId">;
/** A connection inside one codec worker: `generation << 16 | slot`, u32. A reused slot has a new generation. */
export type ConnId = Brand<number, "ConnId">;
/** Rises strictly per device: `counter * 1024 + instance slot`, < 2^53. The higher one owns the device. */
export type Fence = Brand<number, "Fence">;
/** Position in the journal, ≥ 1, < 2^53. 0 means "before the first". */
export type Seq = Brand<number, "Seq">;
/** Wall clock, ms since 1970 UTC. May step; only for people and for stored times. */
export type WallMs = Brand<number, "WallMs">;
/** Monotonic clock, ms. Its origin differs per thread: never compare across threads. */
export type MonoMs = Brand<number, "MonoMs">;
/** Small persistent number of a device inside one store (u32, ≥ 1); 0 means "no device". */
export type DeviceNo = Brand<number, "DeviceNo">;

export const asDeviceId = (text: string): DeviceId => text as DeviceId;
export const asConnId = (bits: number): ConnId => (bits >>> 0) as ConnId;
export const asFence = (value: number): Fence => value as Fence;
export const asSeq = (value: number): Seq => value as Seq;
export const asWallMs = (value: number): WallMs => value as WallMs;
export const asMonoMs = (value: number): MonoMs => value as MonoMs;
export const asDeviceNo = (value: number): DeviceNo => value as DeviceNo;

export const connSlot = (conn: ConnId): number => conn & 0xffff;
export const connOf = (slot: number, generation: number): ConnId => asConnId((generation << 16) | slot);
