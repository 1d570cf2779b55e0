/**
 * May this socket come in? Asked once per accepted socket, before any worker pays for it, by whoever accepts: the accept
 * thread or a reusePort listener. Gate, bound on all sockets, bounds per address. Behind a balancer the address is known only when
 * its header has come: the bounds of it are asked for then.
 */
import type { Clock } from "../../base/clock.ts";
import { isWithin, type Network } from "../../base/ip_address.ts";
import { Counters } from "../../telemetry/counters.ts";
import { onceEvery } from "../../telemetry/log.ts";
import { slot } from "../../telemetry/slots.ts";
import type { AcceptRefusal } from "../../wire/accept_refusal.ts";
import { Addresses } from "../../wire/addresses.ts";
import { Board, Gate } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";

export class Door {
  readonly #board: Board;
  readonly #addresses: Addresses;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #balancers: readonly Network[] | null;
  readonly #workers: number;
  readonly #socketsMax: number;
  readonly #waitingMax: number;
  readonly #failuresMax: number;
  readonly #accepted = slot("berth_accepted_total");
  readonly #warn: (text: string) => void;
  readonly #seldom: (say: (heldBack: number) => void) => void;

  /** `balancers`: who may connect, each with a header that says for whom; null: everybody, for themselves. */
  constructor(boot: Boot, clock: Clock, balancers: readonly Network[] | null, warn: (text: string) => void) {
    const { limits } = boot.settings;
    this.#board = new Board(boot.board);
    this.#addresses = new Addresses(boot.addresses);
    this.#counters = new Counters(boot.counters, boot.thread);
    this.#clock = clock;
    this.#balancers = balancers;
    this.#workers = boot.roster.codec.length;
    this.#socketsMax = limits.connections + limits.loginSockets;
    this.#waitingMax = limits.socketsBeforeLoginPerAddress;
    this.#failuresMax = limits.failedLoginsPerSecondPerAddress;
    this.#warn = warn;
    this.#seldom = onceEvery(limits.logIntervalMs, () => clock.mono());
  }

  /** Counts the socket, and enters its address into the table, or counts why it is to be closed at once. */
  admits(address: string): boolean {
    this.#counters.add(this.#accepted);
    const cause = this.#refusal();
    if (cause !== null) return this.#refuses(cause);
    if (this.#balancers === null) return this.admitsOrigin(address);
    if (isWithin(this.#balancers, address)) return true;
    this.#seldom((heldBack) => this.#warn(`Cannot take connection of ${address}: not in [tcp] proxy_from${also(heldBack)}`));
    return this.#refuses("proxy_untrusted");
  }

  /** The same by the address of who is behind a balancer, for a socket that was admitted as the balancer's. */
  admitsOrigin(address: string): boolean {
    if (this.#addresses.waiting(address) >= this.#waitingMax) return this.#refuses("address_sockets");
    if (this.#addresses.failedLogins(address, this.#clock.wall()) >= this.#failuresMax) return this.#refuses("address_logins");
    this.#addresses.enter(address);
    return true;
  }

  /** All workers hold as many sockets as may be. The accept thread waits then; a listener that cannot wait counts a refusal. */
  full(): boolean {
    let sockets = 0;
    for (let worker = 0; worker < this.#workers; worker++) sockets += this.#board.sockets(worker);
    return sockets >= this.#socketsMax;
  }

  #refusal(): AcceptRefusal | null {
    if (this.#board.gate() === Gate.failing) return "store_failing";
    return this.full() ? "connections" : null;
  }

  #refuses(cause: AcceptRefusal): false {
    this.#counters.add(slot("berth_accept_refused_total", cause));
    return false;
  }
}

const also = (heldBack: number): string => (heldBack > 0 ? `, nor ${heldBack} before it` : "");
