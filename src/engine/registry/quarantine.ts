/**
 * What operators order about frames kept raw, on its way from the http threads to the journal: each order is answered when the
 * journal has done it and that is on the disk. Owned by the registry thread, which never waits: without room an order is refused.
 */
import { Deque } from "../../base/deque.ts";
import { distance } from "../../ring/layout.ts";
import { type MessageOf, type Outcome, OUTCOMES, send } from "../../wire/control.ts";
import type { CommandParts } from "./commands.ts";

interface Waiting {
  /** Of the journal's ring, after the order. */
  readonly position: number;
  readonly ring: number;
  readonly request: number;
}

export class RegistryQuarantine {
  readonly #at: CommandParts;
  readonly #waiting = new Deque<Waiting>();
  readonly #most: number;

  /** `most`: orders on their way at a time. */
  constructor(parts: CommandParts, most: number) {
    this.#at = parts;
    this.#most = most;
  }

  hasWork(): boolean {
    const first = this.#waiting.at(0);
    return first !== undefined && this.#isKept(first);
  }

  /** Null: `flush` answers when it is on disk. Else why not. */
  order({ request, order, id }: MessageOf<"quarantineOrder">, ring: number): readonly [Outcome, string] | null {
    const { lifecycle, room, clock } = this.#at;
    if (this.#waiting.length >= this.#most) return ["busy", ""];
    if (!send(lifecycle, { type: "quarantineOrdered", order, id, at: clock.wall() }, room.lifecycleReserve)) return ["busy", ""];
    this.#waiting.push({ position: lifecycle.position, ring, request });
    return null;
  }

  /** False: an answer waits for room. */
  flush(): boolean {
    const { answers, room } = this.#at;
    for (let first = this.#waiting.at(0); first !== undefined && this.#isKept(first); first = this.#waiting.at(0)) {
      const { ring, request } = first;
      if (!room.mayAnswer(ring)) return false;
      if (!send(answers[ring]!, { type: "done", request, outcome: OUTCOMES.indexOf("done"), text: "" })) return false;
      this.#waiting.shift();
    }
    return true;
  }

  #isKept({ position }: Waiting): boolean {
    return distance(this.#at.board.commandsKept(), position) >= 0;
  }
}
