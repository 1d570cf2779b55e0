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
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
      report({ type: "fatal", reason: name === "Error" ? message : `${name}: ${message}`, ...(stack === undefined ? {} : { stack }) });
    }
  };
  self.addEventListener("message", (event: MessageEvent<Boot>) => void run(event.data), { once: true });
}
