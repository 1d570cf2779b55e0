/** What every worker file does: takes its Boot, runs its loop, and tells the supervisor when it cannot go on. */
import { choosePlatform } from "../platform/choose.ts";
import type { Platform } from "../platform/port.ts";
import { Board, DrainPhase } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";

export type Loop = (boot: Boot, platform: Platform, report: (r: Report) => void) => void | Promise<void>;

/** Waits for the one message of the supervisor. A loop that throws, or leaves before the end of the shutdown, is fatal. */
export function startThread(loop: Loop): void {
  const report = (message: Report): void => self.postMessage(message);
  const run = async (boot: Boot): Promise<void> => {
    try {
      await loop(boot, await choosePlatform(), report);
      if (new Board(boot.board).phase() !== DrainPhase.end) report({ type: "fatal", reason: "left its loop" });
    } catch (error) {
      report(fatal(error));
    }
  };
  self.addEventListener("message", (event: MessageEvent<Boot>) => void run(event.data), { once: true });
}

/** An error of the system (it has a code: a port in use, a read-only disk) explains itself; any other is a bug and keeps its stack. */
function fatal(error: unknown): Report {
  const { name, message, stack, code } = error instanceof Error
    ? (error as Error & { code?: unknown })
    : new Error(String(error)) as Error & { code?: unknown };
  const reason = name === "Error" ? message : `${name}: ${message}`;
  return { type: "fatal", reason, ...(stack === undefined || typeof code === "string" ? {} : { stack }) };
}
