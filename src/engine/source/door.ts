/**
 * May this socket come in? Asked once per accepted socket, before any worker pays for it, by whoever accepts: the accept
 * thread or a reusePort listener. Gate, bound on all sockets, bounds per address.
 */
import type { Clock } from "../../base/clock.ts";
import { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import { Addresses } from "../../wire/addresses.ts";
import { Board, Gate } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";

export class Door {
  readonly #board: Board;
  readonly #addresses: Addresses;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #workers: number;
  readonly #socketsMax: number;
  readonly #waitingMax: number;
  readonly #failuresMax: number;
  readonly #accepted = slot("berth_accepted_total");
  readonly #storeFailing = slot("berth_accept_refused_total", "store_failing");
  readonly #connections = slot("berth_accept_refused_total", "connections");
  readonly #addressSockets = slot("berth_accept_refused_total", "address_sockets");
  readonly #addressLogins = slot("berth_accept_refused_total", "address_logins");

  constructor(boot: Boot, clock: Clock) {
    this.#board = new Board(boot.board);
    this.#addresses = new Addresses(boot.addresses);
    this.#counters = new Counters(boot.counters, boot.thread);
    this.#clock = clock;
    this.#workers = boot.roster.codec.length;
    this.#socketsMax = boot.settings.limits.connections + boot.settings.limits.loginSockets;
    this.#waitingMax = boot.settings.limits.socketsBeforeLoginPerAddress;
    this.#failuresMax = boot.settings.limits.failedLoginsPerSecondPerAddress;
  }

  /** Counts the socket and enters it into the address table, or counts why it is to be closed at once. */
  admits(address: string): boolean {
    this.#counters.add(this.#accepted);
    const cause = this.#refusal(address);
    if (cause !== null) {
      this.#counters.add(cause);
      return false;
    }
    this.#addresses.enter(address);
    return true;
  }

  /** All workers hold as many sockets as may be. The accept thread waits then; a listener that cannot wait counts a refusal. */
  full(): boolean {
    let sockets = 0;
    for (let worker = 0; worker < this.#workers; worker++) sockets += this.#board.sockets(worker);
    return sockets >= this.#socketsMax;
  }

  #refusal(address: string): number | null {
    if (this.#board.gate() === Gate.failing) return this.#storeFailing;
    if (this.full()) return this.#connections;
    if (this.#addresses.waiting(address) >= this.#waitingMax) return this.#addressSockets;
    if (this.#addresses.failedLogins(address, this.#clock.wall()) >= this.#failuresMax) return this.#addressLogins;
    return null;
  }
}
