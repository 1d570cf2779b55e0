/** How a socket ended, by the error its runtime names. Any thread. */
import type { SocketEnd } from "./port.ts";

/** The kernel gave up: nothing was heard for too long, or it learned that there is no way there. */
const LOST: readonly unknown[] = ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN"];
/** The same by Linux's numbers. */
const LOST_NUMBERS: readonly number[] = [110, 113, 101, 112];

export function endOf(error: Error | null | undefined): SocketEnd {
  if (error === undefined || error === null) return "closed";
  return LOST.includes((error as { code?: unknown }).code) ? "lost" : "reset";
}

/** By an errno; 0: none. */
export function endOfErrno(errno: number): SocketEnd {
  if (errno === 0) return "closed";
  return LOST_NUMBERS.includes(errno) ? "lost" : "reset";
}
