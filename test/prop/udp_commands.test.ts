/**
 * Commands over UDP through any interleaving of datagrams, the registry's words, silence and shutdown, against a book that hands over one
 * command at a time as the real one does.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { encodeCommand, encodeFrame, encodeMessage } from "../../src/codec/encode.ts";
import { decodeMessages } from "../../src/codec/teltonika/command.ts";
import { fromHex } from "../support/frames.ts";
import { TestDevice } from "../support/fleet.ts";
import { UdpBench } from "../support/udp_bench.ts";
import { packetOf } from "../support/udp_tracker.ts";

const REACH_MS = 1000;
const IDLE_MS = 3000;
/** By its port the test knows where a command went. */
const PLACES = [["10.0.0.1", 7], ["10.0.0.1", 8], ["10.0.0.2", 9]] as const;
const STEPS = ["records", "command", "answer", "bare", "settle", "evict", "pass", "alongside"] as const;
const OFTEN = ["records", "settle", "command", "answer", "bare"] as const;
const what = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...OFTEN) }, { weight: 1, arbitrary: fc.constantFrom(...STEPS) });
const steps = fc.array(fc.record({ what, pick: fc.nat(99) }), { minLength: 10, maxLength: 80 });

/** What the test is: the device, the network, the registry and the book. */
class World {
  readonly bench = new UdpBench({ udpReachMs: REACH_MS, udpIdleMs: IDLE_MS, commandPatienceMs: 200, udpMoveMs: 0 }, true);
  readonly device = new TestDevice(1, "8");
  readonly faults: string[] = [];
  /** Connection and fence that own the device, and who claims. */
  #owner: { conn: number; fence: number } | null = null;
  #claims: number[] = [];
  #fence = 1024;
  #no = 0;
  /** The one command handed over, until it is answered or, once it was sent, given up for the next; and what was said of each. */
  #open: number | null = null;
  readonly said = new Map<number, boolean>();
  readonly answered = new Set<number>();
  readonly sent = new Map<string, number>();
  readonly #heard = new Map<number, number>();
  #last = 0;
  #ends: number[] = [];
  #seen = 0;

  get handed(): number {
    return this.#no;
  }

  receives(datagram: Uint8Array, pick: number, isPacket: boolean): void {
    const [address, port] = PLACES[pick % PLACES.length]!;
    // A bare frame names nobody: only where a command went to is it taken for one that was heard.
    if (isPacket || this.#last === port) this.#heard.set(port, this.bench.now);
    this.bench.receives(datagram, address, port);
    this.look();
  }

  play(what: (typeof STEPS)[number], pick: number): void {
    const { bench, device } = this;
    if (what === "records") return this.receives(packetOf(device.imei, device.frame(device.records(1)).bytes), pick, true);
    const response = encodeFrame(encodeMessage("12", { type: 6, payload: new TextEncoder().encode("ok") }));
    if (what === "answer") return this.receives(packetOf(device.imei, response), pick, true);
    if (what === "bare") return this.receives(response, pick, false);
    if (what === "pass") this.#pass(pick);
    else if (what === "settle") this.#settle();
    else if (what === "evict" && this.#owner !== null) bench.evict(this.#owner.conn);
    else if (what === "alongside" && this.#claims.length > 0) bench.alongside(this.#claims.shift()!);
    else if (what === "command" && this.#owner !== null && (this.#open === null || this.said.get(this.#open) === true)) {
      const no = this.#no++;
      this.#open = no;
      const { conn, fence } = this.#owner;
      bench.say({ type: "command", conn, fence, no, id: "", codec: 12, text: `do ${no}`, expiresInMs: pick * 50 });
    }
    this.look();
  }

  /** Tick by tick: when a command left is seen as it leaves. */
  #pass(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.bench.pass(20);
      this.look();
    }
  }

  /** Takes what the worker says, and admits who claims while nobody owns the device. */
  look(): void {
    for (const message of this.bench.told()) {
      if (message.type === "claim") this.#claims.push(message.conn);
      else if (message.type === "close") {
        this.#claims = this.#claims.filter((conn) => conn !== message.conn);
        if (this.#owner?.conn !== message.conn) continue;
        this.#owner = null;
        if (this.#open !== null && !this.said.has(this.#open)) this.faults.push(`${this.#open} was forgotten`);
        this.#open = null;
      } else if (message.type === "commandDone") {
        if (this.said.has(message.no)) this.faults.push(`${message.no} was said twice`);
        this.said.set(message.no, message.written);
        if (!message.written && this.#open === message.no) this.#open = null;
      } else if (message.type === "commandAnswer") {
        if (this.said.get(message.no) !== true) this.faults.push(`${message.no} was answered before it was sent`);
        if (this.answered.has(message.no)) this.faults.push(`${message.no} was answered twice`);
        this.answered.add(message.no);
        this.#open = null;
      }
    }
    this.#hear();
    for (const { end } of this.bench.frames()) this.#ends.push(end);
    const next = this.#owner === null ? this.#claims.shift() : undefined;
    if (next === undefined) return;
    this.#fence += 1024;
    this.#owner = { conn: next, fence: this.#fence };
    this.bench.decide(next, "none", this.#fence);
    this.look();
  }

  /** Every command on the wire: once, and only to a place that was heard within reach. */
  #hear(): void {
    for (const [hex, port] of this.bench.answers.slice(this.#seen)) {
      if (!hex.startsWith("00000000")) continue;
      const bytes = fromHex(hex);
      const messages = decodeMessages(bytes, 8, bytes.length - 12);
      const text = "fault" in messages ? "" : messages[0]!.text ?? "";
      if (hex !== toHex(encodeCommand(12, text, ""))) this.faults.push(`no command: ${hex}`);
      this.sent.set(text, (this.sent.get(text) ?? 0) + 1);
      if (this.bench.now - (this.#heard.get(port) ?? -Infinity) > REACH_MS) this.faults.push(`${text} went to a place that was silent`);
      this.#last = port;
    }
    this.#seen = this.bench.answers.length;
  }

  #settle(): void {
    const end = this.#ends.at(-1);
    this.#ends = [];
    if (end !== undefined) this.bench.settle(end);
  }

  /** The gateway stops. */
  end(): void {
    this.bench.worker.pause();
    this.#settle();
    this.look();
    this.bench.worker.farewell();
    this.bench.worker.endAll();
    this.look();
  }
}

describe("commands over UDP", () => {
  test("are sent once at most, to where the device was heard, told once each, and answered once at most", () => {
    let sent = 0, answered = 0, given = 0;
    fc.assert(
      fc.property(steps, (run) => {
        const world = new World();
        for (const { what, pick } of run) {
          world.play(what, pick);
          expect(world.faults).toEqual([]);
        }
        world.end();
        expect(world.faults).toEqual([]);
        // Each was told, and what was told to be sent was, and nothing else.
        expect([...world.said.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: world.handed }, (_, i) => i));
        const written = [...world.said].filter(([, isWritten]) => isWritten).map(([no]) => `do ${no}`);
        expect(world.sent).toEqual(new Map(written.map((text) => [text, 1])));
        sent += written.length;
        answered += world.answered.size;
        given += world.handed;
      }),
      { numRuns: 400 },
    );
    // It was worth looking: all three happen.
    expect([sent > 100, answered > 50, given > sent]).toEqual([true, true, true]);
  }, 60_000);
});
