/**
 * A socket that waited in the lobby, as its handler has it: who its peer is may have been said meanwhile. Owned by the codec worker.
 */
import type { Peer, Socket } from "../../platform/port.ts";
import type { AcceptRefusal } from "../../wire/accept_refusal.ts";
import type { Guest } from "./lobby.ts";

export class GuestSocket<T> implements Socket, Guest {
  readonly raw: Socket;
  readonly deadline: number;
  readonly unfinished: AcceptRefusal;
  peer: Peer;
  tls = "";
  /** The handler was told of it: its address is the handler's to leave. */
  isHandedOver = false;
  /** What the handler made of it; null: not yet, or it was turned away. */
  state: { readonly of: T } | null = null;

  constructor(raw: Socket, deadline: number, unfinished: AcceptRefusal) {
    this.raw = raw;
    this.peer = raw.peer;
    this.deadline = deadline;
    this.unfinished = unfinished;
  }

  get fd(): number {
    return this.raw.fd;
  }
  write(bytes: Uint8Array): number {
    return this.raw.write(bytes);
  }
  pause(): void {
    this.raw.pause();
  }
  resume(): void {
    this.raw.resume();
  }
  end(): void {
    this.raw.end();
  }
  reset(): void {
    this.raw.reset();
  }
}
