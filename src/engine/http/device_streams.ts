/**
 * Device streams: a request that is a connection of its device. It goes through the registry as a socket of a tracker does: claim,
 * decision, takeover, eviction, close. Owned by an http thread, whose loop calls `drain` and `tick`.
 */
import { assert, assertNever } from "../../base/assert.ts";
import { type ConnId, connOf, connSlot, type DeviceId } from "../../base/brand.ts";
import type { Peer } from "../../platform/port.ts";
import { messageBytes } from "../../ring/layout.ts";
import { Gate } from "../../wire/board.ts";
import { DECISIONS, END_REASONS, type EndReason, MESSAGES, receive, type Refusal, REFUSALS, send } from "../../wire/control.ts";
import { connectionSlots } from "../../wire/presence.ts";
import { DeviceStream } from "./device_stream.ts";
import { StreamCommands } from "./stream_commands.ts";
import type { OpenStream, StreamOpened, StreamParts, StreamWish } from "./stream_parts.ts";

const LONGEST_IDENTITY = 64;
const bytesOf = (type: "close" | "probed" | "afterlife"): number => messageBytes(MESSAGES[type].sizeWith(LONGEST_IDENTITY));
/** What the registry may still have to hear of one stream: there is always room for it. */
const OWED_BYTES = bytesOf("close") + bytesOf("probed") + bytesOf("afterlife");
const RETRY_SHARE = 0.75;

export class DeviceStreams {
  readonly #at: StreamParts;
  readonly #slots: (DeviceStream | null)[] = [];
  readonly #generations: number[] = [];
  /** Free places, the longest free first. */
  readonly #free: number[] = [];
  readonly #asking = new Map<ConnId, (opened: StreamOpened) => void>();
  readonly #commands: StreamCommands;
  #count = 0;

  constructor(parts: StreamParts) {
    this.#at = parts;
    const { claims, clock, limits } = parts;
    this.#commands = new StreamCommands({ claims, clock, limits, reserve: () => (this.#count + 1) * OWED_BYTES });
  }

  get count(): number {
    return this.#count;
  }

  open(device: DeviceId, peer: Peer, wish: StreamWish, cut: () => void, gone: AbortSignal): Promise<StreamOpened> {
    const { board, limits, claims, clock, presence } = this.#at;
    const busy = (reason: string): Promise<StreamOpened> => Promise.resolve({ kind: "busy", reason });
    if (board.gate() !== Gate.open) return busy("commits fail: no device is admitted");
    if (this.#total >= limits.deviceStreams || this.#count >= connectionSlots(limits)) return busy("too many device streams");
    const { address, port } = peer;
    const slot = this.#free.length > 0 ? this.#free.shift()! : this.#slots.length;
    const conn = connOf(slot, this.#generations[slot] ?? 0);
    const at = clock.wall();
    const reserve = (this.#count + 2) * OWED_BYTES;
    if (!send(claims, { type: "claimStream", conn, device, address, port, at, ...wish }, reserve)) {
      this.#free.unshift(slot);
      return busy("the registry takes no more claims now");
    }
    claims.publish();
    const stream = new DeviceStream(conn, device, peer, cut, this.#commands.taken);
    this.#slots[slot] = stream;
    this.#generations[slot] ??= 0;
    this.#counts(1);
    presence.open(conn, at);
    gone.addEventListener("abort", () => this.#gone(stream), { once: true });
    return new Promise((decided) => this.#asking.set(conn, decided));
  }

  hasWork(): boolean {
    return this.#at.decisions.hasNext();
  }

  /** Takes what the registry says. */
  drain(): void {
    const { decisions, claims } = this.#at;
    while (decisions.next()) {
      const message = receive(decisions);
      const { type } = message;
      if (type === "command") {
        this.#commands.begin(this.#get(message.conn), message);
        continue;
      }
      if (type !== "decided" && type !== "evict" && type !== "probe" && type !== "configured") {
        throw new Error(`unexpected ${type} in a decisions ring`);
      }
      const stream = this.#get(message.conn);
      // It has ended meanwhile, and the registry has been told.
      if (stream === null || stream.stage === "ended") continue;
      if (type === "decided") this.#decided(stream, message.decision, message.refusal, message.fence, message.retryAfterMs);
      else if (type === "evict") this.#evict(stream, END_REASONS[message.reason]!);
      else if (type === "probe") this.#at.sockets.probe(stream, message.deadlineMs, (answers) => this.#probed(stream, answers));
      else {
        stream.wanted = Math.max(stream.wanted, message.version);
        this.#read(stream);
      }
    }
    decisions.release();
    claims.publish();
  }

  /** Heartbeats, those that take nothing, and reads that found no reader. */
  tick(): void {
    const { clock, limits, sockets, claims } = this.#at;
    const now = clock.mono();
    for (const stream of this.#slots) {
      if (stream === null || stream.stage !== "open") continue;
      if (now - stream.waitingSince >= limits.streamDeadMs) {
        this.#leave(stream, "lost");
        this.#over(stream);
        stream.cut();
        continue;
      }
      if (now >= stream.beatAt) {
        stream.beatAt = now + limits.heartbeatMs;
        stream.beat(now);
      }
      if (stream.wanted > stream.given) this.#read(stream);
      this.#commands.look(stream, now);
    }
    this.#commands.tell();
    sockets.tick();
    claims.publish();
  }

  /** The gateway stops. Idempotent. */
  stopCommands(): void {
    this.#commands.stop(this.#slots);
  }

  /** The gateway stops; the registry has released its devices. */
  endAll(reason: EndReason): void {
    for (const stream of this.#slots) if (stream !== null) this.#end(stream, reason);
  }

  cutAll(): void {
    for (const stream of this.#slots) {
      if (stream === null) continue;
      this.#over(stream);
      stream.cut();
    }
  }

  #get(conn: number): DeviceStream | null {
    const stream = this.#slots[connSlot(conn as ConnId)];
    return stream !== undefined && stream !== null && stream.id === conn ? stream : null;
  }

  #decided(stream: DeviceStream, decided: number, refusal: number, fence: number, retryAfterMs: number): void {
    const opened = this.#asking.get(stream.id);
    const decision = DECISIONS[decided]!;
    if (opened === undefined || decision === "pending") return;
    this.#asking.delete(stream.id);
    switch (decision) {
      case "admit": {
        const { clock, limits, random, sockets } = this.#at;
        const now = clock.mono();
        stream.stage = "open";
        stream.fence = fence;
        stream.beatAt = now + limits.heartbeatMs;
        stream.begin(Math.round(limits.retryMs * (RETRY_SHARE + random() / 2)), now);
        sockets.look(stream);
        this.#read(stream);
        return opened({ kind: "stream", stream: this.#handle(stream) });
      }
      case "refuse":
        // The registry has kept nothing of it: no close is owed.
        stream.claimed = false;
        this.#over(stream);
        return opened({ kind: "refused", refusal: REFUSALS[refusal] as Exclude<Refusal, "none">, retryAfterMs });
      default:
        assertNever(decision, "decision");
    }
  }

  #handle(stream: DeviceStream): OpenStream {
    return {
      next: async () => {
        const bytes = await stream.next();
        if (bytes === null || stream.isOver) this.#over(stream);
        return bytes;
      },
      close: () => this.#gone(stream),
      end: (reason) => {
        this.#end(stream, reason);
        this.#at.claims.publish();
      },
    };
  }

  /** The client went away, perhaps before the decision. */
  #gone(stream: DeviceStream): void {
    const opened = this.#asking.get(stream.id);
    this.#asking.delete(stream.id);
    this.#leave(stream, "closed");
    stream.heard?.(true);
    this.#over(stream);
    this.#at.claims.publish();
    opened?.({ kind: "busy", reason: "the client went away" });
  }

  #evict(stream: DeviceStream, reason: EndReason): void {
    const { device, fence } = stream;
    stream.heard = (answered) => {
      stream.heard = null;
      if (this.#slots[connSlot(stream.id)] !== stream) return;
      this.#tell({ type: "afterlife", device, fence, answered, bytesAfter: false });
      if (stream.hasSaidBye) this.#over(stream);
      this.#at.claims.publish();
    };
    this.#at.sockets.hearAfter(stream, this.#at.limits.byeMs, (answered) => stream.heard?.(answered));
    this.#end(stream, reason);
  }

  /** Begins the close; the client gets a last event, and is cut when it does not take it. */
  #end(stream: DeviceStream, reason: EndReason): void {
    if (stream.stage !== "open") return;
    this.#leave(stream, reason);
    stream.bye(reason, this.#at.clock.mono());
    stream.cutTimer = setTimeout(() => {
      if (this.#slots[connSlot(stream.id)] !== stream) return;
      stream.heard?.(false);
      this.#over(stream);
      stream.cut();
    }, this.#at.limits.byeMs);
  }

  #leave(stream: DeviceStream, reason: EndReason): void {
    if (stream.stage === "ended") return;
    stream.stage = "ended";
    this.#commands.withdraw(stream);
    this.#at.sockets.forget(stream);
    if (!stream.claimed) return;
    stream.claimed = false;
    const { id: conn, device, fence } = stream;
    const position = this.#at.board.settled(this.#at.ring);
    this.#tell({ type: "close", conn, device, fence, position, reason: END_REASONS.indexOf(reason), lastByteAt: this.#at.clock.wall() });
  }

  /** Nobody takes anything of it any more: its place is free. */
  #over(stream: DeviceStream): void {
    stream.stage = "ended";
    // Left behind, it would keep the thread at the end of a shutdown.
    if (stream.cutTimer !== null) clearTimeout(stream.cutTimer);
    stream.over();
    const slot = connSlot(stream.id);
    if (this.#slots[slot] !== stream) return;
    this.#slots[slot] = null;
    this.#generations[slot]!++;
    this.#free.push(slot);
    this.#counts(-1);
  }

  #probed({ device, fence, stage }: DeviceStream, answers: boolean): void {
    if (stage !== "open") return;
    this.#tell({ type: "probed", device, fence, answers });
    this.#at.claims.publish();
  }

  /** The newest version as the store has it, one read at a time. What is put meanwhile is told of, and read then. */
  #read(stream: DeviceStream): void {
    if (stream.isReading || stream.stage !== "open") return;
    stream.isReading = true;
    this.#at.find(stream.device).then((found) => {
      stream.isReading = false;
      // Without a reader the next tick asks again.
      if (found.kind === "busy") return;
      if (stream.stage === "open") stream.give(found.config, this.#at.clock.mono());
      if (stream.wanted > stream.given) this.#read(stream);
    }).catch(this.#at.fail);
  }

  #tell(message: Parameters<typeof send>[1]): void {
    assert(send(this.#at.claims, message), `no room was kept for ${message.type}`);
  }

  #counts(more: 1 | -1): void {
    this.#count += more;
    this.#at.board.setSockets(this.#at.ring, this.#count);
  }

  /** Device streams of all http threads. */
  get #total(): number {
    return this.#at.rings.reduce((sum, ring) => sum + this.#at.board.sockets(ring), 0);
  }
}
