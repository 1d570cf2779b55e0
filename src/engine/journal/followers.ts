/**
 * Who is woken by a commit: http threads by each one, readers only now and then, as they catch up before every answer
 * anyway and waking them for each commit took an eighth of a core under 10,000 frames/s. Journal thread and sync thread,
 * each with its own.
 */
import type { Seq } from "../../base/brand.ts";
import { Bell } from "../../ring/wait.ts";
import type { Boot } from "../boot.ts";

export class Followers {
  readonly #http: readonly Bell[];
  readonly #readers: readonly Bell[];
  readonly #events: number;
  #rungAt = 0;

  constructor({ bells, roster, settings }: Boot) {
    const bellOf = (thread: number): Bell => new Bell(bells, thread);
    this.#http = roster.http.map(bellOf);
    this.#readers = roster.reader.map(bellOf);
    this.#events = settings.limits.followEvents;
  }

  /** Everything up to `committed` may be read. */
  ring(committed: Seq): void {
    for (const bell of this.#http) bell.ring();
    if (committed - this.#rungAt < this.#events) return;
    this.#rungAt = committed;
    for (const bell of this.#readers) bell.ring();
  }
}
