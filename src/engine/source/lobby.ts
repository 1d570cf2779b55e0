/**
 * Sockets that are no connections yet: they have still to say something before a tracker's first byte, and have little time for
 * it. Bounded, oldest first, all with the same time; a socket that leaves in any other way than `leave` is counted. Owned by the codec worker.
 */
import type { Clock } from "../../base/clock.ts";
import type { Socket } from "../../platform/port.ts";
import { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import type { AcceptRefusal } from "../../wire/accept_refusal.ts";
import { Board } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";

/** What the lobby needs to know of one of its sockets. */
export interface Guest {
  readonly raw: Pick<Socket, "reset">;
  /** By the monotonic clock. */
  readonly deadline: number;
  /** What it is counted as when its time is over, or it ends by itself. */
  readonly unfinished: AcceptRefusal;
}

export class Lobby {
  readonly #board: Board;
  readonly #counters: Counters;
  readonly #clock: Pick<Clock, "mono">;
  readonly #worker: number;
  readonly #max: number;
  /** In the order they came, which is that of their deadlines. */
  readonly #guests = new Set<Guest>();
  #stopped = false;

  constructor(boot: Boot, clock: Pick<Clock, "mono">) {
    this.#board = new Board(boot.board);
    this.#counters = new Counters(boot.counters, boot.thread);
    this.#clock = clock;
    this.#worker = boot.index;
    this.#max = boot.settings.limits.lobbySockets;
  }

  /** False: it is reset, there are too many. */
  enter(guest: Guest): boolean {
    if (this.#stopped || this.#guests.size >= this.#max) {
      this.#refuse(guest, "lobby");
      return false;
    }
    this.#guests.add(guest);
    this.#board.addLobby(this.#worker, 1);
    return true;
  }

  /** It is a connection from now on, or is refused by somebody else. False: it had been dismissed. */
  leave(guest: Guest): boolean {
    const was = this.#guests.delete(guest);
    if (was) this.#board.addLobby(this.#worker, -1);
    return was;
  }

  /** It is reset and counted. */
  dismiss(guest: Guest, cause: AcceptRefusal): void {
    this.leave(guest);
    this.#refuse(guest, cause);
  }

  /** Its socket is closed. */
  closed(guest: Guest): void {
    if (!this.leave(guest)) return;
    this.#counters.add(slot("berth_accept_refused_total", guest.unfinished));
  }

  /** When `look` ends the first of them; Infinity: nobody waits. */
  get dueAt(): number {
    for (const guest of this.#guests) return guest.deadline;
    return Infinity;
  }

  /** Ends those whose time is over. */
  look(): void {
    if (this.#guests.size === 0) return;
    const now = this.#clock.mono();
    for (const guest of this.#guests) {
      if (guest.deadline > now) return;
      this.dismiss(guest, guest.unfinished);
    }
  }

  /** Nobody becomes a connection any more. */
  stop(): void {
    this.#stopped = true;
    for (const guest of this.#guests) this.dismiss(guest, guest.unfinished);
  }

  #refuse(guest: Guest, cause: AcceptRefusal): void {
    this.#counters.add(slot("berth_accept_refused_total", cause));
    guest.raw.reset();
  }
}
