/** How long to wait before the next attempt: exponential with full jitter, so that a fleet of clients does not come back at once. Pure. */

export const BACKOFF_MIN_MS = 1000;
export const BACKOFF_MAX_MS = 30_000;
/** A gateway may ask for more than a backoff, not for for ever. */
const RETRY_AFTER_MAX_MS = 600_000;

/** Anywhere between nothing and twice as long as the last time. `baseMs`: what the first may last. */
export const backoffMs = (baseMs: number, failures: number, random: () => number): number =>
  Math.round(random() * Math.min(BACKOFF_MAX_MS, baseMs * 2 ** Math.min(failures, 32)));

/** Never before the gateway asked for, and not all at that moment either. */
export const retryAfterMs = (askedMs: number, baseMs: number, random: () => number): number =>
  Math.round(Math.min(Math.max(askedMs, 0), RETRY_AFTER_MAX_MS) + random() * Math.min(baseMs, BACKOFF_MAX_MS));

/** A Retry-After header, seconds or a date, in ms from `wallMs` on; null when it is neither. */
export function retryAfterOf(text: string | null, wallMs: number): number | null {
  if (text === null || text.trim() === "") return null;
  if (/^\d{1,10}$/.test(text.trim())) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - wallMs);
}
