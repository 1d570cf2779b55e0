/**
 * The udp thread's worker under test: the test is the network, the clock, the registry and the journal. Ring positions start
 * just below 2^32.
 */
import { asMonoMs, asWallMs } from "../../src/base/brand.ts";
import type { Limits } from "../../src/base/limits.ts";
import type { Boot } from "../../src/engine/boot.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import { udpContext } from "../../src/engine/udp/context.ts";
import { UdpWorker } from "../../src/engine/udp/worker.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell } from "../../src/ring/wait.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { type MetricName, slot } from "../../src/telemetry/slots.ts";
import { Addresses } from "../../src/wire/addresses.ts";
import { Board, Gate } from "../../src/wire/board.ts";
import {
  DECISIONS,
  END_REASONS,
  type EndReason,
  type Message,
  type MessageOf,
  receive,
  type Refusal,
  REFUSALS,
  send,
} from "../../src/wire/control.ts";
import { emptyFrameHeader, EXCEPTION_BYTES, readFrameHeader, type Verdict } from "../../src/wire/frame_message.ts";
import { settingsWith } from "./out_world.ts";
import type { TestDevice } from "./fleet.ts";
import { packetOf } from "./udp_tracker.ts";

/** One codec worker, whose rings come first. */
const RING = 1;

interface Seen {
  readonly conn: number;
  readonly n: number;
  readonly end: number;
}

export class UdpBench {
  readonly board: Board;
  readonly worker: UdpWorker;
  readonly warnings: Record<string, unknown>[] = [];
  /** What was sent back: hex and the port it went to. */
  readonly answers: [string, number][] = [];
  now = 1000;
  readonly #boot: Boot;
  readonly #claims: RingConsumer;
  readonly #frames: RingConsumer;
  readonly #decisions: RingProducer;
  readonly #exceptions: RingProducer;
  #settled: number;

  constructor(limits: Partial<Limits> = {}, commands = false) {
    const settings = {
      ...settingsWith({ frameRingBytes: 1 << 17, controlRingBytes: 1 << 14, ringStartPosition: 0xffff_f000, logIntervalMs: 0, ...limits }),
      udp: { host: "127.0.0.1", port: 0, commands },
    };
    const roster = makeRoster(1, 0, 1);
    const memory = makeMemory(settings, roster);
    const thread = roster.udp[0]!;
    this.#boot = { role: "udp", thread, index: 0, instance: "m", settings, faults: "", ...memory, roster, recovered: null };
    this.board = new Board(memory.board);
    this.board.setGate(Gate.open);
    const bell = new Bell(memory.bells, thread);
    this.#claims = new RingConsumer(memory.rings.claims[RING]!);
    this.#frames = new RingConsumer(memory.rings.frames[RING]!);
    this.#decisions = new RingProducer(memory.rings.decisions[RING]!, bell);
    this.#exceptions = new RingProducer(memory.rings.exceptions[RING]!, bell);
    this.#settled = this.board.settled(RING);
    const clock = { wall: () => asWallMs(this.now), mono: () => asMonoMs(this.now) };
    const log = { warn: (fields: object) => void this.warnings.push(fields as Record<string, unknown>) };
    this.worker = new UdpWorker(udpContext(this.#boot, { clock }, log));
    this.worker.bound({
      port: 1,
      send: (bytes, { port }) => void this.answers.push([Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""), port]),
      close: () => {},
    });
  }

  receives(datagram: Uint8Array, address = "10.0.0.1", port = 7): void {
    this.worker.datagram(datagram, { address, port });
    this.worker.turn();
  }

  /** Lets time pass and the deadlines be looked at, tick by tick. */
  pass(ms: number): void {
    const until = this.now + ms;
    while (this.now < until) {
      this.now = Math.min(until, this.now + 20);
      this.worker.tick();
    }
  }

  /** What the registry has been told since the last look. */
  told(): Message[] {
    const messages: Message[] = [];
    while (this.#claims.next()) messages.push(receive(this.#claims));
    this.#claims.release();
    return messages;
  }
  /** The one claim since the last look. */
  claim(): MessageOf<"claim"> {
    const [claim, ...more] = this.told();
    if (claim?.type !== "claim" || more.length > 0) throw new Error(`Expected one claim, got ${JSON.stringify([claim, ...more])}`);
    return claim;
  }

  say(message: Message): void {
    if (!send(this.#decisions, message)) throw new Error("Cannot say it: the decisions ring is full");
    this.#decisions.publish();
    this.worker.turn();
  }
  decide(conn: number, refusal: Refusal = "none", fence = 1024): void {
    const decision = DECISIONS.indexOf(refusal === "none" ? "admit" : "refuse");
    this.say({ type: "decided", conn, decision, refusal: REFUSALS.indexOf(refusal), fence, retryAfterMs: 0 });
  }
  alongside(conn: number): void {
    this.say({ type: "alongside", conn });
  }
  evict(conn: number, reason: EndReason = "superseded"): void {
    this.say({ type: "evict", conn, reason: END_REASONS.indexOf(reason) });
  }

  /** The frames since the last look. */
  frames(): Seen[] {
    const seen: Seen[] = [];
    const header = emptyFrameHeader();
    while (this.#frames.next()) {
      readFrameHeader(this.#frames.view, this.#frames.offset, header);
      seen.push({ conn: header.conn, n: header.n, end: this.#frames.end });
    }
    this.#frames.release();
    return seen;
  }

  /** As the journal: exceptions first, then the word. */
  settle(end: number, verdict: Verdict = 0): void {
    if (verdict !== 0) {
      const at = this.#exceptions.reserve(EXCEPTION_BYTES, 1);
      const { view } = this.#exceptions;
      for (const [i, word] of [this.#settled, end, verdict].entries()) view.setUint32(at + 4 * i, word, true);
      this.#exceptions.commit();
      this.#exceptions.publish();
    }
    this.#settled = end;
    this.board.setSettled(RING, end);
    this.worker.turn();
  }

  /** What the door for sessions holds against an address. */
  failedLogins(address: string): number {
    return new Addresses(this.#boot.addresses).failedLogins(address, this.now);
  }
  count(name: MetricName, label = ""): number {
    return sumOf(this.#boot.counters, slot(name, label));
  }
}

/** What a packet of a device is, with so many records. */
export const packet = (device: TestDevice, records: number, avlPacketId = 5): Uint8Array =>
  packetOf(device.imei, device.frame(device.records(records)).bytes, { avlPacketId });
/** What the gateway answers it with, as hex. */
export const answer = (avlPacketId: number, n: number): string =>
  `0005cafe01${[avlPacketId, n].map((v) => v.toString(16).padStart(2, "0")).join("")}`;

/** A sender that the registry has admitted, with its first packet answered. */
export function admitted(bench: UdpBench, device: TestDevice, address?: string): number {
  bench.receives(packet(device, 1), address);
  const { conn } = bench.claim();
  bench.decide(conn);
  bench.settle(bench.frames().at(-1)!.end);
  bench.answers.length = 0;
  return conn;
}
