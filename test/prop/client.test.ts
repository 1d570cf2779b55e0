/**
 * The client's session against a gateway that keeps a journal and answers cursors, under any order of losses, refusals to come, late words
 * of old connections, gaps, resyncs, sleep and a reader that stops: every event is handed over once, in order, or is in a gap that was told.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Session } from "../../src/client/session.ts";
import type { SessionInput } from "../../src/client/session_step.ts";
import type { Said } from "../../src/client/transport.ts";

const CHANNELS = ["a", "b"] as const;
const SILENT_MS = 45_000;

type Act =
  | { readonly act: "publish"; readonly channel: (typeof CHANNELS)[number] }
  | { readonly act: "take"; readonly count: number }
  | { readonly act: "late"; readonly which: number }
  | { readonly act: "forget"; readonly count: number }
  | { readonly act: "wait"; readonly ms: number }
  | { readonly act: "fail"; readonly retryAfterMs: number | null }
  | { readonly act: "beat" | "age" | "restore" | "full" | "room" | "due" | "wake" };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant("publish" as const), channel: fc.constantFrom(...CHANNELS) }) },
  { weight: 6, arbitrary: fc.record({ act: fc.constant("take" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("late" as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("forget" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("wait" as const), ms: fc.nat(60_000) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant("fail" as const), retryAfterMs: fc.option(fc.nat(100_000)) }) },
  { weight: 3, arbitrary: fc.constant({ act: "due" as const }) },
  ...(["beat", "age", "restore", "full", "room", "wake"] as const).map((name) => ({ weight: 1, arbitrary: fc.constant({ act: name }) })),
);

interface Told {
  readonly event: string;
  readonly epoch: number;
  readonly seq: number;
  readonly from: number;
}

/** The gateway, the wire and the session. */
class World {
  now = 0;
  readonly told = new Map<string, Told[]>(CHANNELS.map((channel) => [channel, []]));
  readonly session: Session;
  readonly #journal: { readonly channel: string }[] = [];
  #epoch = 0;
  #oldest = 1;
  /** What each connection still has to say; those that were given up say it too late. */
  readonly #wires = new Map<number, Said[]>();
  /** Where each subscription of the newest connection is. */
  #attempt = 0;
  #positions = new Map<string, number>();
  #isFull = false;
  readonly #canPause: boolean;
  readonly #ms: number[] = [];

  constructor(canPause: boolean, random: () => number) {
    this.#canPause = canPause;
    const bounded = (): number => random();
    this.session = new Session({ silentMs: SILENT_MS, canPause, random: bounded }, new Map(CHANNELS.map((channel) => [channel, "0.0"])));
    this.input({ type: "start" });
  }

  get waits(): readonly number[] {
    return this.#ms;
  }

  input(input: SessionInput): void {
    for (const effect of this.session.step(input, this.now)) {
      if (effect.type === "open") this.#opened(effect.attempt, effect.cursors);
      else if (effect.type === "lost" && effect.loss.waitMs !== null) this.#ms.push(effect.loss.waitMs);
      else if (effect.type === "deliver") {
        const [epoch, seq] = effect.id.split(".").map(Number) as [number, number];
        const { from = 0 } = effect.data as { from?: number };
        this.told.get(effect.channel)!.push({ event: effect.event, epoch, seq, from });
      }
    }
  }

  play(act: Act): void {
    switch (act.act) {
      case "publish":
        this.#journal.push({ channel: act.channel });
        return this.#feed();
      case "take":
        return this.#say(this.#attempt, act.count);
      case "late":
        return this.#say(this.#attempt === 0 ? 0 : act.which % this.#attempt, 1);
      case "forget":
        this.#oldest = Math.min(this.#oldest + act.count, this.#journal.length + 1);
        return;
      case "wait":
        this.now += act.ms;
        return this.input({ type: "tick" });
      case "due":
        if (this.session.dueAt !== Infinity) this.now = Math.max(this.now, this.session.dueAt);
        return this.input({ type: "tick" });
      case "fail":
        return this.input({ type: "failed", attempt: this.#attempt, cause: "broken", reason: "", retryAfterMs: act.retryAfterMs });
      case "beat":
        for (const [channel, seq] of this.#positions) this.#wire.push({ type: "position", channel, id: `${this.#epoch}.${seq}` });
        return;
      case "age":
        this.#wire.push({ type: "bye", reason: "age" }, { type: "failed", cause: "broken", reason: "" });
        return;
      case "restore":
        // Another store: the gateway was restarted with it, and its connections went.
        this.#epoch++;
        this.#oldest = this.#journal.length + 1;
        return this.input({ type: "failed", attempt: this.#attempt, cause: "broken", reason: "" });
      case "full":
        this.#isFull = true;
        return this.input({ type: "full" });
      case "room":
        this.#isFull = false;
        return this.input({ type: "room" });
      case "wake":
        return this.input({ type: "woke", isSure: true });
    }
  }

  /** Until everything was said. */
  settle(): void {
    this.play({ act: "room" });
    for (let turn = 0; turn < 1000; turn++) {
      if (this.session.phase === "connected" && this.#wire.length === 0) return;
      if (this.session.phase === "waiting") this.play({ act: "due" });
      this.play({ act: "take", count: 100 });
    }
    throw new Error("the session does not settle");
  }

  /** What a channel must have been handed, as text; what is in a gap counts as told. */
  check(channel: string): void {
    let epoch = 0;
    let at = 0;
    const wanted = (seq: number): boolean => this.#journal[seq - 1]?.channel === channel;
    for (const told of this.told.get(channel)!) {
      if (told.event === "resync") {
        expect(told.epoch).toBeGreaterThan(epoch);
        [epoch, at] = [told.epoch, told.seq];
        continue;
      }
      expect(told.epoch).toBe(epoch);
      // Nothing between the last and this one, or the gap's begin, was left out; nothing comes again.
      const until = told.event === "gap" ? told.from : told.seq;
      expect(until).toBeGreaterThan(at);
      for (let seq = at + 1; seq < until; seq++) expect([seq, wanted(seq)]).toEqual([seq, false]);
      if (told.event === "record") expect(wanted(told.seq)).toBe(true);
      at = told.seq;
    }
    expect(epoch).toBe(this.#epoch);
    for (let seq = at + 1; seq <= this.#journal.length; seq++) expect([seq, wanted(seq)]).toEqual([seq, false]);
  }

  get #wire(): Said[] {
    return this.#wires.get(this.#attempt) ?? [];
  }

  #opened(attempt: number, cursors: ReadonlyMap<string, string | null>): void {
    this.#attempt = attempt;
    this.#positions = new Map();
    const wire: Said[] = [{ type: "opened" }, { type: "heard" }];
    this.#wires.set(attempt, wire);
    for (const [channel, cursor] of cursors) {
      const [epoch, seq] = cursor!.split(".").map(Number) as [number, number];
      const head = this.#journal.length;
      if (epoch !== this.#epoch) {
        wire.push({ type: "event", channel, id: `${this.#epoch}.${head}`, event: "resync", data: {} });
        this.#positions.set(channel, head);
      } else if (seq + 1 < this.#oldest) {
        const to = this.#oldest - 1;
        wire.push({ type: "event", channel, id: `${this.#epoch}.${to}`, event: "gap", data: { from: seq + 1, to } });
        this.#positions.set(channel, to);
      } else this.#positions.set(channel, seq);
    }
    this.#feed();
  }

  /** Every subscription gets what is behind its place. */
  #feed(): void {
    for (const [channel, position] of this.#positions) {
      for (let seq = position + 1; seq <= this.#journal.length; seq++) {
        if (this.#journal[seq - 1]!.channel !== channel) continue;
        this.#wire.push({ type: "event", channel, id: `${this.#epoch}.${seq}`, event: "record", data: {} });
      }
      this.#positions.set(channel, this.#journal.length);
    }
  }

  #say(attempt: number, count: number): void {
    // A transport that pauses reads nothing now.
    if (this.#canPause && this.#isFull) return;
    for (const said of this.#wires.get(attempt)?.splice(0, count) ?? []) this.input({ ...said, attempt } as SessionInput);
  }
}

const RUNS = Number(process.env["BERTH_CLIENT_SEEDS"] ?? 1000);

describe("client session", () => {
  test.each([true, false])("loses nothing and doubles nothing, whatever happens; its transport can pause: %p", (canPause) => {
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 80, size: "max" }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (acts, chance) => {
          const world = new World(canPause, () => chance.next().value as number);
          for (const one of acts) world.play(one);
          world.settle();
          for (const channel of CHANNELS) world.check(channel);
        },
      ),
      { numRuns: RUNS },
    );
  });

  test("waits within its bounds, asks for nothing before it may, and does nothing once it is closed", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40, size: "max" }), fc.array(act, { maxLength: 20, size: "max" }), (before, after) => {
        const world = new World(true, () => 1);
        for (const one of before) world.play(one);
        for (const ms of world.waits) expect(ms >= 0 && ms <= 130_000).toBe(true);
        world.input({ type: "close" });
        const told = JSON.stringify([...world.told]);
        for (const one of after) world.play(one);
        expect([JSON.stringify([...world.told]), world.session.phase, world.session.dueAt]).toEqual([told, "over", Infinity]);
      }),
      { numRuns: RUNS },
    );
  });
});
