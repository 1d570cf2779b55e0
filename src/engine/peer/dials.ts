/**
 * Performs what the dial scheduler wants: looks up, connects, and gives up. A dial that was aborted while the runtime was
 * still at it is closed when it finishes late. Owned by the peer thread.
 */
import { assertNever } from "../../base/assert.ts";
import type { DeviceId } from "../../base/brand.ts";
import type { Platform, Socket, SocketHandler } from "../../platform/port.ts";
import { nextDialAt, stepDial } from "../../registry/dial.ts";
import { type AbortReason, createDials, type DialEffect, type DialEvent, type DialState, NONE } from "../../registry/dial_state.ts";
import type { EndReason } from "../../wire/control.ts";
import type { DialOutcome } from "../../wire/peer_line.ts";
import type { PeerConnection } from "./connection.ts";
import type { PeerContext } from "./context.ts";

/** What hangs on the socket of a dial: null when it was not wanted any more as it opened. */
type Link = PeerConnection | null;

export interface DialDoor {
  /** The dial's socket is open: what is made of it, or null when there is no room. */
  dialled(socket: Socket, peer: DeviceId, dial: number): Link;
  /** Ends a connection that came of a dial. */
  giveUp(connection: PeerConnection, reason: EndReason): void;
  readonly handler: SocketHandler<Link>;
}

interface Flight {
  aborted: boolean;
  connection: Link;
}

const OUTCOMES: Readonly<Record<AbortReason, DialOutcome>> = {
  superseded: "superseded",
  registered: "cancelled",
  late: "cancelled",
  timeout: "timeout",
  drain: "drain",
};

export class PeerDials {
  readonly #at: PeerContext;
  readonly #platform: Pick<Platform, "lookup" | "connectTcp">;
  readonly #door: DialDoor;
  readonly #state: DialState;
  readonly #step: typeof stepDial;
  readonly #flights = new Map<number, Flight>();

  /** `core`: what decides; the simulation puts wrong ones in its place. */
  constructor(context: PeerContext, platform: Pick<Platform, "lookup" | "connectTcp">, door: DialDoor, core: typeof stepDial = stepDial) {
    const { self, policy, limits, random } = context;
    this.#at = context;
    this.#platform = platform;
    this.#door = door;
    this.#step = core;
    this.#state = createDials({ self, policy, limits, random });
  }

  /** Begins to keep every peer that has an address connected. */
  start(): void {
    for (const [peer, { dial }] of this.#at.peers) if (dial !== null) this.tell({ type: "want", peer });
  }

  tick(): void {
    if (nextDialAt(this.#state) <= this.#at.clock.mono()) this.tell({ type: "tick" });
  }

  tell(event: DialEvent): void {
    if ((event.type === "failed" || event.type === "registered") && event.dial !== NONE && this.#flights.delete(event.dial)) {
      this.#at.tally.dial(event.type);
    }
    for (const effect of this.#step(this.#state, event, this.#at.clock.mono())) this.#perform(effect);
  }

  #perform(effect: DialEffect): void {
    switch (effect.type) {
      case "dial":
        this.#at.tally.dial("begun");
        return void this.#dial(effect.peer, effect.dial);
      case "abort":
        return this.#abort(effect.dial, effect.reason);
      default:
        assertNever(effect, "dial effect");
    }
  }

  #abort(dial: number, reason: AbortReason): void {
    const flight = this.#flights.get(dial);
    if (flight === undefined) return;
    this.#flights.delete(dial);
    this.#at.tally.dial(OUTCOMES[reason]);
    flight.aborted = true;
    if (flight.connection !== null) this.#door.giveUp(flight.connection, reason === "drain" ? "shutdown" : "superseded");
  }

  async #dial(peer: DeviceId, dial: number): Promise<void> {
    const { host, port } = this.#at.peers.get(peer)!.dial!;
    const flight: Flight = { aborted: false, connection: null };
    this.#flights.set(dial, flight);
    const failed = (error: unknown): null => {
      if (flight.aborted) return null;
      const why = error instanceof Error ? error.message : String(error);
      this.#at.warn({ code: "dial_failed", peer, host, port }, `Cannot dial peer ${peer}: ${why}`);
      this.tell({ type: "failed", peer, dial });
      return null;
    };
    const address = await this.#platform.lookup(host).catch(failed);
    if (address === null || flight.aborted) return;
    this.tell({ type: "stage", peer, dial, stage: "connecting" });
    await this.#platform.connectTcp(address, port, this.#handler(flight, peer, dial)).catch(failed);
  }

  #handler(flight: Flight, peer: DeviceId, dial: number): SocketHandler<Link> {
    const { handler } = this.#door;
    return {
      ...handler,
      open: (socket) => {
        if (flight.aborted) socket.reset();
        else {
          this.tell({ type: "stage", peer, dial, stage: "greeting" });
          flight.connection = this.#door.dialled(socket, peer, dial);
          if (flight.connection === null) this.tell({ type: "failed", peer, dial });
        }
        return flight.connection;
      },
    };
  }
}
