/**
 * What a connection has sent, as far as it tells one device from another with the same identity: which records, and where
 * they say it was. Pure. Made by codec workers, judged by the registry.
 */
import { kilometresBetween } from "../base/geo.ts";

/** One position of a record, in degrees × 10^7. */
export interface Fix {
  /** By the device's clock, ms. */
  readonly time: number;
  readonly lat: number;
  readonly lon: number;
}

export interface Sent {
  /** The codec's id byte; 0: no record yet. */
  readonly codec: number;
  /** The shape of its periodic records (codec/fingerprint.ts); 0: none came, or they differ. */
  readonly shape: number;
  /** Null: no position yet. */
  readonly first: Fix | null;
  readonly newest: Fix | null;
  /** Its positions are such as one vehicle can have. Else its receiver errs, and they prove nothing. */
  readonly isSteady: boolean;
}

/** The way between two positions that no vehicle can have taken. */
export interface Movement {
  readonly from: Fix;
  readonly to: Fix;
  readonly km: number;
  readonly seconds: number;
}

export interface MovementBounds {
  readonly impossibleKm: number;
  readonly impossibleKmh: number;
}

const HOUR_S = 3600;
/** Of a degree of latitude, and so at most of one of longitude. */
const KM_PER_UNIT = 111.4 / 1e7;

/** How far apart, in kilometres, if no vehicle can have been at both; else 0. Whichever is later: records need not come in order. */
export function impossibleKm(
  fromTime: number,
  fromLat: number,
  fromLon: number,
  toTime: number,
  toLat: number,
  toLon: number,
  bounds: MovementBounds,
): number {
  // Nearly always, and without a sine.
  if ((Math.abs(toLat - fromLat) + Math.abs(toLon - fromLon)) * KM_PER_UNIT < bounds.impossibleKm) return 0;
  const km = kilometresBetween(fromLat, fromLon, toLat, toLon);
  const seconds = Math.abs(toTime - fromTime) / 1000;
  return km < bounds.impossibleKm || km * HOUR_S <= bounds.impossibleKmh * seconds ? 0 : km;
}

/** Null: a vehicle may have been at both. */
export function impossibleBetween(from: Fix, to: Fix, bounds: MovementBounds): Movement | null {
  const km = impossibleKm(from.time, from.lat, from.lon, to.time, to.lat, to.lon, bounds);
  return km === 0 ? null : { from, to, km, seconds: Math.abs(to.time - from.time) / 1000 };
}
