/**
 * The log: JSON lines on standard error. Every thread has its own; each line is one write, so lines of threads do not mix.
 * Plain pino, without transports: those are threads of their own and do not live inside one executable.
 */
import { pino } from "pino";
import type { MonoMs } from "../base/brand.ts";
import type { LogLevel } from "../config/settings.ts";
import type { Platform } from "../platform/port.ts";

/** Bounded texts and numbers; never a whole frame, never a secret. */
export type LogFields = Readonly<Record<string, unknown>>;
type Say = (fields: LogFields, message: string) => void;

export interface Log {
  readonly trace: Say;
  readonly debug: Say;
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
  readonly fatal: Say;
}

/** `always` stands in every line: the role of the thread, its index. */
export function createLog(platform: Pick<Platform, "writeErr">, level: LogLevel, always: LogFields): Log {
  return pino(
    {
      level,
      base: { ...always },
      messageKey: "message",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => platform.writeErr(line) },
  );
}

/**
 * Lets one call through per `intervalMs`; it is told how many were held back since the last one. For warnings that a
 * peer can cause: the counters have them all.
 */
export function onceEvery(intervalMs: number, mono: () => MonoMs): (say: (heldBack: number) => void) => void {
  let next = -Infinity;
  let heldBack = 0;
  return (say) => {
    const now = mono();
    if (now < next) {
      heldBack++;
      return;
    }
    next = now + intervalMs;
    const count = heldBack;
    heldBack = 0;
    say(count);
  };
}
