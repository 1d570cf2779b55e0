/**
 * What stays of a claim while its connection has the device: where it came from, in few words, as most connections of a fleet do
 * nothing else for long. Pure data; part of the registry's state.
 */
import { packIpv4, unpackIpv4 } from "../base/ipv4.ts";
import type { Claim } from "./event.ts";

const PORT_BITS = 16;
const PORT_MASK = (1 << PORT_BITS) - 1;
const TRANSPORT_MASK = 0xff;
const DIALLED = 1 << 24;
const SPARES = 1 << 25;
const TAKES_COMMANDS = 1 << 26;

interface Names {
  readonly address: string;
  readonly deviceClass: string;
  readonly clientInstance: string;
  readonly tls: string;
}

/** A claim but for its device, which the owner names. */
export class KeptClaim implements Omit<Claim, "type" | "device"> {
  readonly ring: number;
  readonly conn: number;
  readonly at: number;
  /** Port, transport and flags. */
  readonly #place: number;
  /** The address when it is all there is to tell; else all there is. */
  readonly #from: number | Names;

  constructor(claim: Claim) {
    const { address, deviceClass, clientInstance, tls = "" } = claim;
    this.ring = claim.ring;
    this.conn = claim.conn;
    this.at = claim.at;
    this.#place = claim.port | (claim.transport << PORT_BITS) | (claim.dialled ? DIALLED : 0) | (claim.spares === true ? SPARES : 0) |
      (claim.takesCommands === true ? TAKES_COMMANDS : 0);
    const isPlain = deviceClass === "" && clientInstance === "" && tls === "";
    const bits = isPlain ? packIpv4(address) : 0;
    this.#from = bits === 0 ? { address, deviceClass, clientInstance, tls } : bits;
  }

  get port(): number {
    return this.#place & PORT_MASK;
  }
  get transport(): number {
    return (this.#place >>> PORT_BITS) & TRANSPORT_MASK;
  }
  get dialled(): boolean {
    return (this.#place & DIALLED) !== 0;
  }
  get spares(): boolean {
    return (this.#place & SPARES) !== 0;
  }
  get takesCommands(): boolean {
    return (this.#place & TAKES_COMMANDS) !== 0;
  }
  get address(): string {
    return typeof this.#from === "number" ? unpackIpv4(this.#from) : this.#from.address;
  }
  hasAddressOf(other: KeptClaim): boolean {
    const own = this.#from;
    const its = other.#from;
    return typeof own === "number" && typeof its === "number" ? own === its : this.address === other.address;
  }
  get deviceClass(): string {
    return typeof this.#from === "number" ? "" : this.#from.deviceClass;
  }
  get clientInstance(): string {
    return typeof this.#from === "number" ? "" : this.#from.clientInstance;
  }
  get tls(): string {
    return typeof this.#from === "number" ? "" : this.#from.tls;
  }
}
