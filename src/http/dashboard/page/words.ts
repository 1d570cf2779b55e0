/** Numbers and times as people read them. Pure. */

const grouped = new Intl.NumberFormat("en");

export const count = (value: number): string => grouped.format(value);

/** "now", "42 s", "3 min", "5 h", "12 d". A clock that runs ahead of ours says "now". */
export function span(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export const ago = (ms: number): string => (ms < 1000 ? "now" : `${span(ms)} ago`);

export function rate(perSecond: number): string {
  if (perSecond >= 10_000) return `${(perSecond / 1000).toFixed(1)} k`;
  return perSecond >= 100 || perSecond === 0 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** Seconds as milliseconds or seconds, three digits at most. */
export function latency(seconds: number): string {
  const ms = seconds * 1000;
  if (ms >= 1000) return `${seconds.toFixed(seconds >= 10 ? 0 : 1)} s`;
  if (ms >= 100) return `${Math.round(ms)} ms`;
  return ms >= 10 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(2)} ms`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Time of day on the reader's clock. */
export function clock(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The day too when it is not the reader's today. */
export function moment(ms: number, now: number): string {
  const at = new Date(ms);
  const isToday = at.toDateString() === new Date(now).toDateString();
  return isToday ? clock(ms) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(ms)}`;
}

const POINTS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

export const heading = (degrees: number): string => `${degrees}° ${POINTS[Math.round(degrees / 45) % 8]!}`;

export const degrees = (lat: number, lon: number): string => `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
