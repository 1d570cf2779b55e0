/**
 * What operators order about frames kept raw, on its way from the http threads to the journal: each order is answered when the
 * journal has done it and that is on the disk. Owned by the registry thread, which never waits: without room an order is refused.
 */
import { type MessageOf, type Outcome, send } from "../../wire/control.ts";
import type { CommandParts } from "./commands.ts";
import type { KeptAnswers } from "./kept_answers.ts";

export class RegistryQuarantine {
  readonly #at: CommandParts;
  readonly #kept: KeptAnswers;

  constructor(parts: CommandParts, kept: KeptAnswers) {
    this.#at = parts;
    this.#kept = kept;
  }

  /** Null: it is answered when it is on disk. Else why not. */
  order({ request, order, id }: MessageOf<"quarantineOrder">, ring: number): readonly [Outcome, string] | null {
    const { lifecycle, room, clock } = this.#at;
    if (this.#kept.isFull) return ["busy", ""];
    if (!send(lifecycle, { type: "quarantineOrdered", order, id, at: clock.wall() }, room.lifecycleReserve)) return ["busy", ""];
    this.#kept.add(ring, request);
    return null;
  }
}
