/**
 * Idempotency keys of commands, for as long as a submission with the same key may still be on its way here: before it is
 * submitted the store is asked for the key, so what ended longer ago was found there. Pure; registry thread.
 */
import type { DeviceId } from "../base/brand.ts";
import type { Command, Submission } from "./command.ts";

interface Entry {
  readonly command: Command;
  /** Monotonic ms; infinite while the command has not ended. */
  until: number;
}

export class CommandKeys {
  readonly #keyMs: number;
  readonly #entries = new Map<string, Entry>();
  /** Ended ones, by when they are forgotten. */
  readonly #ended = new Map<string, Entry>();

  constructor(keyMs: number) {
    this.#keyMs = keyMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** When the next one is to be forgotten. */
  get nextDeadline(): number {
    for (const { until } of this.#ended.values()) return until;
    return Number.POSITIVE_INFINITY;
  }

  /** The command a submission is taken for, as both have one key; `key_used`: that one is another. Null: there is none. */
  earlier({ device, key, codec, text }: Submission): Command | "key_used" | null {
    const found = key === "" ? undefined : this.#entries.get(nameOf(device, key))?.command;
    if (found === undefined) return null;
    return found.submission.codec === codec && found.submission.text === text ? found : "key_used";
  }

  add(command: Command): void {
    const { device, key } = command.submission;
    if (key !== "") this.#entries.set(nameOf(device, key), { command, until: Number.POSITIVE_INFINITY });
  }

  ended(command: Command, mono: number): void {
    const { device, key } = command.submission;
    if (key === "") return;
    const name = nameOf(device, key);
    const entry = this.#entries.get(name)!;
    entry.until = mono + this.#keyMs;
    this.#ended.set(name, entry);
  }

  forget(mono: number): void {
    for (const [name, { until }] of this.#ended) {
      if (until > mono) return;
      this.#ended.delete(name);
      this.#entries.delete(name);
    }
  }
}

/** Identities have no space in them. */
const nameOf = (device: DeviceId, key: string): string => `${device} ${key}`;
