/** Distances on the earth. Pure; positions as trackers send them, in degrees × 10^7. */

const EARTH_RADIUS_KM = 6371;
const RADIANS = Math.PI / 180 / 1e7;

/** Along the surface, of a sphere: half a percent off at most. */
export function kilometresBetween(latA: number, lonA: number, latB: number, lonB: number): number {
  const [sinLat, sinLon] = [Math.sin(((latB - latA) * RADIANS) / 2), Math.sin(((lonB - lonA) * RADIANS) / 2)];
  const chord = sinLat * sinLat + Math.cos(latA * RADIANS) * Math.cos(latB * RADIANS) * sinLon * sinLon;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}
