/**
 * A simulated TCP connection between a device and the gateway: two queues, each in order, delivered when the schedule says.
 * It can be cut without a word (half-open), reset, or stop taking what is written to it.
 */
import type { Prng } from "../../../src/base/prng.ts";
import type { Socket } from "../../../src/platform/port.ts";
import { Answers } from "./answers.ts";
import { hold } from "./violation.ts";

type Item = Uint8Array | "fin" | "rst";
type Happening = "up" | "down" | "drain" | "confirm" | "alive";

/** The gateway's end as its codec worker is told of it. */
export interface GatewayEnd {
  data(link: SimLink, bytes: Uint8Array): void;
  drain(link: SimLink): void;
  ended(link: SimLink): boolean;
  closed(link: SimLink, how: "closed" | "reset"): void;
}

/** The device's end. */
export interface DeviceEnd {
  /** The gateway has written this: from now on it is answerable for it. */
  promised(link: SimLink, bytes: Uint8Array): void;
  heard(link: SimLink, bytes: Uint8Array): void;
  ended(link: SimLink): void;
}

export class SimLink implements Socket {
  readonly id: number;
  readonly peer: { readonly address: string; readonly port: number };
  /** What the kernel knows of it by. */
  readonly fd: number;
  readonly device: DeviceEnd;
  /** Where the gateway put it; -1: not accepted yet. */
  worker = -1;
  /** What the worker made of it. */
  handle: unknown = null;
  gateway: "asked" | "open" | "gone" = "asked";
  deviceOpen = true;
  /** The device has sent its FIN, and still listens. */
  finished = false;
  /** Nothing passes any more, and nobody is told. */
  cut = false;
  /** The device's kernel takes this many bytes before it is full. */
  room = Infinity;
  /** The device ignores the gateway's FIN. */
  mute = false;
  /** The device's frames on it that the gateway has not answered, each by the keys of its records. */
  readonly unanswered: (readonly string[])[] = [];
  /** What the gateway wrote, read as the device will read it. */
  readonly written = new Answers();
  /** What the device has read. */
  readonly read = new Answers();
  readonly #up: Item[] = [];
  readonly #down: Item[] = [];
  #paused = false;
  #finSent = false;
  /** The device's FIN has come, and the gateway stays to say more. */
  #finHeard = false;
  #wantsDrain = false;
  /** A reset of our own that the runtime has yet to confirm. */
  #resetting = false;
  #end: GatewayEnd | null = null;

  // As the gateway's kernel sees it.
  segments = 0;
  bytes = 0;
  heardAt = 0;
  /** The peer is asked whether it is there. */
  asked = false;
  readonly #now: () => number;

  constructor(id: number, address: string, device: DeviceEnd, now: () => number) {
    this.id = id;
    this.fd = id;
    this.#now = now;
    this.peer = { address, port: 20_000 + id };
    this.device = device;
  }

  get name(): string {
    return `link ${this.id}`;
  }

  // The gateway's side: Socket.
  write(bytes: Uint8Array): number {
    if (this.gateway === "gone" || this.#finSent || this.#resetting) return -1;
    const taken = Math.min(this.room, bytes.length);
    if (taken > 0) {
      this.device.promised(this, bytes.subarray(0, taken));
      this.#down.push(bytes.slice(0, taken));
    }
    this.room -= taken;
    if (taken < bytes.length) this.#wantsDrain = true;
    return taken;
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
  }
  end(): void {
    if (this.gateway === "gone" || this.#finSent) return;
    this.#finSent = true;
    this.#down.push("fin");
  }
  reset(): void {
    if (this.gateway === "gone" || this.#resetting) return;
    this.#resetting = true;
    this.#down.length = 0;
    this.#down.push("rst");
  }

  // The device's side.
  send(bytes: Uint8Array): void {
    if (this.deviceOpen && !this.finished) this.#up.push(bytes);
  }
  finish(): void {
    if (!this.finished) this.#up.push("fin");
    this.finished = true;
  }
  close(): void {
    if (!this.deviceOpen) return;
    this.deviceOpen = false;
    this.finish();
  }
  abort(): void {
    this.deviceOpen = false;
    this.#up.length = 0;
    this.#up.push("rst");
  }

  /** Something on the way resets it for both. */
  sever(): void {
    for (const queue of [this.#up, this.#down]) {
      queue.length = 0;
      queue.push("rst");
    }
  }

  accepted(worker: number, end: GatewayEnd): void {
    this.worker = worker;
    this.#end = end;
    this.gateway = "open";
    this.heardAt = this.#now();
  }

  /** Linux's number: 4 and 5 are FIN_WAIT1 and FIN_WAIT2, 8 and 9 CLOSE_WAIT and LAST_ACK. */
  get tcpState(): number {
    if (this.#finHeard) return this.#finSent ? 9 : 8;
    return !this.#finSent ? 1 : this.#down.includes("fin") || this.cut ? 4 : 5;
  }
  get unacked(): number {
    return this.#down.length;
  }

  /** The gateway's process is gone. `told`: its kernel resets the connection; else the whole machine went. */
  lost(told: boolean): void {
    if (this.gateway !== "gone" && told) this.#down.push("rst");
    if (!told) this.cut = true;
    this.gateway = "gone";
    this.#end = null;
    this.#up.length = 0;
  }

  /** Can anything happen on it? */
  get pending(): boolean {
    return this.#events().length > 0;
  }
  /** Neither side has anything left to do with it. */
  get over(): boolean {
    return this.gateway === "gone" && (this.cut || !this.deviceOpen);
  }

  /** The gateway has let go of it, or has told its runtime to. */
  get released(): boolean {
    return this.gateway === "gone" || this.#resetting;
  }

  /** Delivers one thing, chosen by `random`. Says what it was. */
  deliver(random: Prng, fragments: boolean): string {
    const what = random.pick(this.#events());
    // Whatever passes is heard by the gateway's kernel: bytes, or their acknowledgement.
    if (what !== "confirm") {
      this.segments++;
      this.heardAt = this.#now();
    }
    switch (what) {
      case "alive":
        this.asked = false;
        return "still there";
      case "drain":
        this.#wantsDrain = false;
        this.#end!.drain(this);
        return "drain";
      case "confirm":
        return this.#gone("closed");
      case "up":
        return this.#deliverUp(random, fragments);
      case "down":
        return this.#deliverDown();
    }
  }

  #events(): Happening[] {
    const events: Happening[] = [];
    if ((this.#resetting || (this.#finHeard && this.#finSent)) && this.gateway === "open") events.push("confirm");
    if (this.gateway === "open" && this.#wantsDrain && this.room > 0 && !this.cut) events.push("drain");
    if (this.cut) return events;
    if (this.asked && this.gateway === "open") events.push("alive");
    if (this.gateway === "open" && !this.#resetting && this.#up.length > 0 && (!this.#paused || this.#up[0] === "rst")) events.push("up");
    if (this.#down.length > 0) events.push("down");
    return events;
  }

  #deliverUp(random: Prng, fragments: boolean): string {
    const item = this.#up.shift()!;
    if (item === "fin" && this.#end!.ended(this)) {
      this.#finHeard = true;
      return "FIN up, and the gateway stays";
    }
    if (item === "fin") return this.#gone("closed");
    if (item === "rst") {
      onlyReset(this.#down);
      return this.#gone("reset");
    }
    const cut = fragments && item.length > 1 && random.chance(0.5) ? 1 + random.below(item.length - 1) : item.length;
    if (cut < item.length) this.#up.unshift(item.subarray(cut));
    this.bytes += cut;
    this.#end!.data(this, item.subarray(0, cut));
    return `${cut} bytes up`;
  }

  #gone(how: "closed" | "reset"): string {
    hold(this.gateway === "open", "I4 closed once", () => `${this.name} closes twice`);
    this.gateway = "gone";
    if (how === "closed" && !this.#finSent && !this.#resetting) this.#down.push("fin");
    this.#end!.closed(this, how);
    return how;
  }

  #deliverDown(): string {
    const item = this.#down.shift()!;
    if (item === "rst") {
      onlyReset(this.#up);
      if (!this.deviceOpen) return "late reset";
      this.deviceOpen = false;
      this.device.ended(this);
      return "reset at the device";
    }
    if (item === "fin") {
      if (!this.deviceOpen || this.mute) return "FIN ignored";
      this.close();
      this.device.ended(this);
      return "FIN at the device";
    }
    if (!this.deviceOpen) {
      // Bytes for a socket nobody has any more are answered with a reset.
      if (this.gateway === "open" && !this.#resetting) this.#up.push("rst");
      return "late bytes";
    }
    this.device.heard(this, item);
    return `${item.length} bytes down`;
  }
}

/** What was on the way is lost; that the connection is over is not. */
function onlyReset(queue: Item[]): void {
  const reset = queue.includes("rst");
  queue.length = 0;
  if (reset) queue.push("rst");
}
