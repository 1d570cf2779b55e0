/** Commands as the log tells of them, and as their bytes leave: each ends in one state, and none leaves twice. */
import { type CommandState, isEnd } from "../../../src/wire/command.ts";
import { hold } from "./violation.ts";

/** A full socket takes its bytes later than its worker gave them; by then nobody may wait for an answer any more. */
const MAY_LEAVE: ReadonlySet<CommandState> = new Set(["routed", "written", "unknown"]);

export class TrueCommands {
  /** By text, which no two commands of a simulation share: what is on the disk of it. */
  readonly #states = new Map<string, CommandState>();
  /** Those whose bytes were written, by any process. */
  readonly #left = new Set<string>();
  live = 0;
  ended = 0;

  get written(): number {
    return this.#left.size;
  }

  /** An event of the log. */
  tell(json: string): void {
    const { text, state } = JSON.parse(json) as { text?: string; state?: CommandState };
    // A frame the device sent by itself is an event of this kind as well.
    if (text === undefined || state === undefined) return;
    const before = this.#states.get(text);
    hold(before === undefined || !isEnd(before), "commands", () => `${text} is ${state} after it was ${before}`);
    if (before === undefined) this.live++;
    if (isEnd(state)) {
      this.live--;
      this.ended++;
      const never = state === "expired" || state === "failed";
      hold(!never || !this.#left.has(text), "commands", () => `${text} is ${state}, and its bytes have left`);
    }
    this.#states.set(text, state);
  }

  /** Its bytes go to a device: that they may is on the disk, and it is the first time. */
  leaves(text: string, device: string): void {
    const state = this.#states.get(text);
    hold(state !== undefined && MAY_LEAVE.has(state), "commands", () => `${text} is written to ${device} while it is ${state} on disk`);
    hold(!this.#left.has(text), "commands", () => `${text} is written to ${device} for the second time`);
    this.#left.add(text);
  }
}
