/**
 * Who is woken by a commit: an http thread by each one while somebody there waits for events, and else, as a reader, only now and
 * then. They catch up before every answer anyway, and waking one for each commit took an eighth of a core under 10,000
 * frames/s. Journal thread and sync thread, each with its own.
 */
import type { Seq } from "../../base/brand.ts";
import { Bell } from "../../ring/wait.ts";
import type { Board } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";

export class Followers {
  readonly #board: Board;
  readonly #http: readonly Bell[];
  readonly #readers: readonly Bell[];
  readonly #events: number;
  #rungAt = 0;

  constructor({ bells, roster, settings }: Boot, board: Board) {
    const bellOf = (thread: number): Bell => new Bell(bells, thread);
    this.#board = board;
    this.#http = roster.http.map(bellOf);
    this.#readers = roster.reader.map(bellOf);
    this.#events = settings.limits.followEvents;
  }

  /** Everything up to `committed` may be read. */
  ring(committed: Seq): void {
    const all = committed - this.#rungAt >= this.#events;
    for (let i = 0; i < this.#http.length; i++) if (all || this.#board.followsClosely(i)) this.#http[i]!.ring();
    if (!all) return;
    this.#rungAt = committed;
    for (const bell of this.#readers) bell.ring();
  }
}
