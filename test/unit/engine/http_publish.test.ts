/** Published messages between an http thread and the journal: what is told of them, and what is not taken. */
import { expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { type Published, startPublisher } from "../../../src/engine/http/publish.ts";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import { messageJson } from "../../../src/store/entry.ts";
import { IncomingFrame } from "../../../src/store/incoming_frame.ts";
import { Counters } from "../../../src/telemetry/counters.ts";
import { slot } from "../../../src/telemetry/slots.ts";
import { Board, DrainPhase } from "../../../src/wire/board.ts";
import { EXCEPTION_BYTES, FrameKind, Verdict } from "../../../src/wire/frame_message.ts";
import { settingsWith } from "../../support/out_world.ts";

/** A publisher, and the journal's end of its rings in the test's hands. */
class PublishWorld {
  readonly board;
  readonly publisher;
  readonly counters;
  readonly told: (readonly [string, Published])[] = [];
  readonly ring: number;
  readonly #frames;
  readonly #exceptions;
  readonly #frame = new IncomingFrame();
  #end: number;

  constructor(limits: Parameters<typeof limitsWith>[0] = {}) {
    const settings = settingsWith({ messageRingBytes: 65_536, ...limits });
    const roster = makeRoster(1);
    const memory = makeMemory(settings, roster);
    const thread = roster.http[0]!;
    this.board = new Board(memory.board);
    this.counters = new Counters(memory.counters, thread);
    const boot = { role: "http" as const, thread, index: 0, instance: "t", settings, faults: "", roster, recovered: null, ...memory };
    this.publisher = startPublisher(boot, this.board, this.counters, () => 5);
    this.ring = memory.rings.frames.length - 1;
    this.#frames = new RingConsumer(memory.rings.frames[this.ring]!);
    this.#exceptions = new RingProducer(memory.rings.exceptions[this.ring]!, new Bell(memory.bells, thread));
    this.#end = this.#frames.end;
  }

  publish(name: string, data = "1"): void {
    this.publisher.publish(name, data, (how) => this.told.push([name, how]));
  }

  /** What the journal reads: JSON of each message, and the position after it. */
  take(): { json: string; end: number; kind: number }[] {
    const taken = [];
    while (this.#frames.next()) {
      this.#frame.load(this.#frames.bytes, this.#frames.view, this.#frames.offset);
      taken.push({ json: new TextDecoder().decode(this.#frame.copyData()), end: this.#frames.end, kind: this.#frames.kind });
    }
    this.#frames.release();
    return taken;
  }

  settle(end: number, verdict: Verdict): void {
    if (verdict !== Verdict.kept) {
      const at = this.#exceptions.reserve(EXCEPTION_BYTES, 1);
      [this.#end, end, verdict].forEach((word, i) => this.#exceptions.view.setUint32(at + 4 * i, word, true));
      this.#exceptions.commit();
      this.#exceptions.publish();
    }
    this.#end = end;
    this.board.setSettled(this.ring, end);
    expect(this.publisher.hasWork()).toBe(true);
    this.publisher.drain();
    expect(this.publisher.hasWork()).toBe(false);
  }
}

test("a message is told of when its commit has decided, and not before", () => {
  const world = new PublishWorld();
  world.publish("app.a", '{"x":"ü"}');
  world.publish("app.b");
  const [a, b] = world.take();
  expect([a!.kind, a!.json]).toEqual([FrameKind.message, messageJson("app.a", 5, '{"x":"ü"}')]);
  world.publisher.drain();
  expect(world.told).toEqual([]);
  world.settle(a!.end, Verdict.kept);
  expect(world.told).toEqual([["app.a", "kept"]]);
  world.publish("app.c");
  world.settle(b!.end, Verdict.failed);
  world.settle(world.take()[0]!.end, Verdict.kept);
  expect(world.told).toEqual([["app.a", "kept"], ["app.b", "failed"], ["app.c", "kept"]]);
  expect(["kept", "failed"].map((how) => world.counters.get(slot("berth_messages_total", how)))).toEqual([2, 1]);
});

test("what is too long, too much, or comes at a bad time is not taken", () => {
  const world = new PublishWorld({ messagesWaiting: 2, messageBytes: 100 });
  world.publish("app.long", JSON.stringify("x".repeat(99)));
  world.publish("app.fits", JSON.stringify("x".repeat(98)));
  world.publish("app.b");
  world.publish("app.c");
  expect(world.told).toEqual([["app.long", "too_long"], ["app.c", "busy"]]);
  world.settle(world.take().at(-1)!.end, Verdict.kept);
  world.told.length = 0;
  world.board.setStoreFailure("io");
  world.publish("app.d");
  world.board.setStoreFailure("none");
  world.publish("app.e");
  world.board.setPhase(DrainPhase.sayBye);
  world.publish("app.f");
  expect(world.told).toEqual([["app.d", "busy"], ["app.f", "busy"]]);
});

test("a ring that is full takes no more until the journal has read, and what waits at the end has failed", () => {
  const world = new PublishWorld({ messageRingBytes: 4096 });
  const filler = JSON.stringify("x".repeat(500));
  for (let i = 0; world.told.length === 0; i++) world.publish(`app.${i}`, filler);
  expect(world.told[0]![1]).toBe("busy");
  const taken = world.take();
  expect(taken.length).toBeGreaterThan(4);
  world.publish("app.again", filler);
  expect(world.told).toHaveLength(1);
  world.publish("app.huge", JSON.stringify("x".repeat(1500)));
  expect(world.told[1]).toEqual(["app.huge", "too_long"]);
  world.publisher.stop();
  expect(world.told.filter(([, how]) => how === "failed")).toHaveLength(taken.length + 1);
});
