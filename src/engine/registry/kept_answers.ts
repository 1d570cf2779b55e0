/**
 * Answers that wait until what the journal was told before them is on the disk. Owned by the registry thread, which never waits:
 * what finds no room among the answers is tried again in the next round.
 */
import { Deque } from "../../base/deque.ts";
import { distance } from "../../ring/layout.ts";
import type { RingProducer } from "../../ring/spsc.ts";
import type { Board } from "../../wire/board.ts";
import { OUTCOMES, send } from "../../wire/control.ts";
import type { RegistryRoom } from "./room.ts";

const DONE = OUTCOMES.indexOf("done");

export interface KeptParts {
  readonly board: Board;
  readonly room: RegistryRoom;
  readonly lifecycle: RingProducer;
  readonly answers: readonly RingProducer[];
}

interface Waiting {
  /** Of the journal's ring, after what it was told. */
  readonly position: number;
  readonly ring: number;
  readonly request: number;
}

export class KeptAnswers {
  readonly #at: KeptParts;
  readonly #most: number;
  readonly #waiting = new Deque<Waiting>();

  /** `most` wait at a time. */
  constructor(parts: KeptParts, most: number) {
    this.#at = parts;
    this.#most = most;
  }

  /** No more orders of that kind now. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#most;
  }

  hasWork(): boolean {
    const first = this.#waiting.at(0);
    return first !== undefined && this.#isKept(first);
  }

  /** `request` of http thread `ring` is done when what was put into the journal's ring last is on the disk. */
  add(ring: number, request: number): void {
    this.#waiting.push({ position: this.#at.lifecycle.position, ring, request });
  }

  /** False: an answer waits for room. */
  flush(): boolean {
    const { answers, room } = this.#at;
    for (let first = this.#waiting.at(0); first !== undefined && this.#isKept(first); first = this.#waiting.at(0)) {
      const { ring, request } = first;
      if (!room.mayAnswer(ring)) return false;
      if (!send(answers[ring]!, { type: "done", request, outcome: DONE, text: "" })) return false;
      this.#waiting.shift();
    }
    return true;
  }

  #isKept({ position }: Waiting): boolean {
    return distance(this.#at.board.commandsKept(), position) >= 0;
  }
}
