/** The session, step by step: what it does at each thing that happens, and that it does nothing else. */
import { describe, expect, test } from "bun:test";
import { Session } from "../../../src/client/session.ts";
import type { SessionEffect, SessionInput } from "../../../src/client/session_step.ts";

const SILENT_MS = 45_000;

/** A session whose clock stands until it is moved. Effects are told in short. */
class Played {
  now = 1000;
  readonly session: Session;
  attempt = 0;

  constructor({ canPause = true, isSilenceFixed = false, random = 0.5, cursors = [["", null]] as [string, string | null][] } = {}) {
    this.session = new Session({ silentMs: SILENT_MS, isSilenceFixed, canPause, random: () => random }, new Map(cursors));
  }

  /** Attempts are the newest one unless they are named. */
  step(input: SessionInput | { readonly type: string; readonly [name: string]: unknown }): string[] {
    const effects = this.session.step({ attempt: this.attempt, ...input } as SessionInput, this.now);
    for (const effect of effects) if (effect.type === "open") this.attempt = effect.attempt;
    return effects.map(inShort);
  }

  connected(): this {
    this.step({ type: "start" });
    this.step({ type: "opened" });
    return this;
  }

  /** Moves the clock to when the session wants to be asked. */
  due(): string[] {
    this.now = this.session.dueAt;
    return this.step({ type: "tick" });
  }
}

function inShort(effect: SessionEffect): string {
  switch (effect.type) {
    case "open":
      return `open ${effect.attempt} ${[...effect.cursors].map(([channel, cursor]) => `${channel}@${cursor}`).join()}`;
    case "drop":
    case "ask":
      return `${effect.type} ${effect.attempt}`;
    case "subscribe":
      return `subscribe ${effect.channel}@${effect.cursor}`;
    case "unsubscribe":
      return `unsubscribe ${effect.channel}`;
    case "deliver":
      return `deliver ${effect.event} ${effect.channel}@${effect.id}`;
    case "reached":
      return `reached ${effect.channel}@${effect.id}`;
    case "connected":
      return effect.isAgain ? "connected again" : "connected";
    case "lost":
      return `${effect.wasConnected ? "lost" : "failed"} ${effect.loss.cause} ${effect.loss.waitMs}`;
    case "over":
      return `over ${effect.loss.cause}`;
  }
}

const event = (id: string, channel = "", kind = "record"): SessionInput & object =>
  ({ type: "event", channel, id, event: kind, data: {} }) as unknown as SessionInput;
const failed = (cause: string, more: object = {}) => ({ type: "failed", cause, reason: "why", ...more });

describe("session", () => {
  test("connects at once, hands events over and resumes after the last of them", () => {
    const s = new Played();
    expect(s.step({ type: "start" })).toEqual(["open 1 @null"]);
    expect(s.step({ type: "opened" })).toEqual(["connected"]);
    expect(s.step(event("e.1"))).toEqual(["deliver record @e.1"]);
    expect(s.step({ type: "position", channel: null, id: "e.7" })).toEqual(["reached @e.7"]);
    expect(s.step(failed("broken"))).toEqual(["drop 1", "lost broken 500"]);
    expect([s.session.phase, s.session.dueAt]).toEqual(["waiting", 1500]);
    expect(s.due()).toEqual(["open 2 @e.7"]);
    expect(s.step({ type: "opened" })).toEqual(["connected again"]);
  });

  test("a gap and a resync are handed over, and the cursor goes on from their ids", () => {
    const s = new Played().connected();
    expect(s.step(event("e.9", "", "gap"))).toEqual(["deliver gap @e.9"]);
    expect(s.step(event("f.2", "", "resync"))).toEqual(["deliver resync @f.2"]);
    s.step(failed("broken"));
    expect(s.due()).toEqual(["open 2 @f.2"]);
  });

  test("what a connection says that was given up is not heard", () => {
    const s = new Played().connected();
    s.step(failed("broken"));
    expect(s.step({ ...event("e.5"), attempt: 1 })).toEqual([]);
    s.due();
    for (const late of [event("e.5"), failed("auth"), { type: "opened" }, { type: "bye", reason: "auth" }]) {
      expect(s.step({ ...late, attempt: 1 })).toEqual([]);
    }
    expect(s.session.phase).toBe("connecting");
  });

  test("waits twice as long each time, up to 30 s, and begins anew after an event", () => {
    const s = new Played({ random: 1 });
    s.step({ type: "start" });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      s.step(failed("unreachable"));
      waits.push(s.session.dueAt - s.now);
      s.due();
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    s.step({ type: "opened" });
    s.step(event("e.1"));
    expect(s.step(failed("broken"))).toEqual(["drop 9", "lost broken 1000"]);
  });

  test("the gateway says how long the first wait may be, and when not to come before", () => {
    const s = new Played({ random: 1 }).connected();
    s.step({ type: "retry", ms: 5000 });
    expect(s.step(failed("broken"))).toEqual(["drop 1", "lost broken 5000"]);
    s.due();
    expect(s.step(failed("busy", { retryAfterMs: 60_000 }))).toEqual(["drop 2", "failed busy 65000"]);
    // Nothing makes it come before.
    expect(s.step({ type: "woke", isSure: true })).toEqual([]);
    s.due();
    s.step(failed("busy", { retryAfterMs: 1e12 }));
    expect(s.session.dueAt - s.now).toBeLessThanOrEqual(630_000);
  });

  test("a gateway that says retry: 0 and is gone is not asked without a pause", () => {
    const s = new Played({ random: 1 }).connected();
    s.step({ type: "retry", ms: 0 });
    expect(s.step(failed("broken"))).toEqual(["drop 1", "lost broken 0"]);
    s.due();
    expect(s.step(failed("unreachable"))).toEqual(["drop 2", "failed unreachable 2000"]);
  });

  test.each([["connecting", []], ["connected", [{ type: "opened" }]]] as const)("silence while %s is a dead gateway", (_phase, steps) => {
    const s = new Played();
    s.step({ type: "start" });
    for (const step of steps) s.step(step);
    expect(s.session.dueAt).toBe(s.now + SILENT_MS);
    s.now += SILENT_MS - 1;
    expect(s.step({ type: "tick" })).toEqual([]);
    s.now += 1;
    expect(s.step({ type: "tick" })).toEqual(["drop 1", `${steps.length === 0 ? "failed" : "lost"} silent 500`]);
  });

  test("whatever is heard keeps it alive", () => {
    const s = new Played().connected();
    s.now += SILENT_MS - 1;
    s.step({ type: "heard" });
    s.now += SILENT_MS - 1;
    expect(s.step({ type: "tick" })).toEqual([]);
  });

  test("silence is three heartbeats of a gateway that tells its own, not less than 5 s, unless it was given", () => {
    const s = new Played().connected();
    for (const [heartbeatMs, silentMs] of [[10_000, 30_000], [300_000, 900_000], [100, 5000]] as const) {
      s.step({ type: "pace", heartbeatMs });
      expect(s.session.dueAt).toBe(s.now + silentMs);
    }
    const fixed = new Played({ isSilenceFixed: true }).connected();
    fixed.step({ type: "pace", heartbeatMs: 10_000 });
    expect(fixed.session.dueAt).toBe(fixed.now + SILENT_MS);
  });

  test.each(["auth", "superseded", "refused"])("%s is the end, and said once", (cause) => {
    const s = new Played().connected();
    expect(s.step(failed(cause))).toEqual(["drop 1", `lost ${cause} null`, `over ${cause}`]);
    for (const input of [{ type: "tick" }, { type: "woke", isSure: true }, event("e.1"), { type: "close" }]) {
      expect(s.step(input)).toEqual([]);
    }
    expect(s.session.dueAt).toBe(Infinity);
  });

  test.each([["auth", ["drop 1", "lost auth null", "over auth"]], ["superseded", ["drop 1", "lost superseded null", "over superseded"]]])(
    "bye with reason %s is the end before the connection is",
    (reason, effects) => {
      expect(new Played().connected().step({ type: "bye", reason })).toEqual(effects);
    },
  );

  test.each([["age", "age"], ["shutdown", "shutdown"], ["slow", "slow"], ["kicked", "ended"]])(
    "bye with reason %s says why the connection ended, and it comes back",
    (reason, cause) => {
      const s = new Played().connected();
      expect(s.step({ type: "bye", reason })).toEqual([]);
      expect(s.step(failed("broken"))).toEqual(["drop 1", `lost ${cause} 500`]);
      s.due();
      s.step({ type: "opened" });
      expect(s.step(failed("broken"))).toEqual(["drop 2", "lost broken 1000"]);
    },
  );

  test("waking up while it waits connects at once", () => {
    const s = new Played().connected();
    s.step(failed("broken"));
    expect(s.step({ type: "woke", isSure: false })).toEqual(["open 2 @null"]);
  });

  test("waking up while connected has the gateway say something within 3 s", () => {
    const s = new Played().connected();
    // Heard a moment ago: only what is sure counts.
    expect(s.step({ type: "woke", isSure: false })).toEqual([]);
    expect(s.step({ type: "woke", isSure: true })).toEqual(["ask 1"]);
    s.step({ type: "heard" });
    expect(s.session.dueAt).toBe(s.now + SILENT_MS);
    s.now += 30_000;
    expect(s.step({ type: "woke", isSure: false })).toEqual(["ask 1"]);
    expect(s.session.dueAt).toBe(s.now + 3000);
    expect(s.due()).toEqual(["drop 1", "lost silent 500"]);
  });

  test("while nobody takes events silence says nothing, where the transport can pause", () => {
    const s = new Played().connected();
    expect(s.step({ type: "full" })).toEqual([]);
    expect(s.session.dueAt).toBe(Infinity);
    s.now += 10 * SILENT_MS;
    expect(s.step({ type: "tick" })).toEqual([]);
    s.step({ type: "heard" });
    expect(s.session.dueAt).toBe(Infinity);
    expect(s.step({ type: "room" })).toEqual([]);
    expect(s.session.dueAt).toBe(s.now + SILENT_MS);
  });

  test("a transport that cannot pause is dropped at the bound, and opened again when there is room", () => {
    const s = new Played({ canPause: false }).connected();
    s.step(event("e.1"));
    expect(s.step({ type: "full" })).toEqual(["drop 1", "lost reader 0"]);
    expect(s.session.dueAt).toBe(Infinity);
    expect(s.step({ type: "woke", isSure: true })).toEqual([]);
    expect(s.step({ type: "room" })).toEqual(["open 2 @e.1"]);
  });

  test("a connection that is lost while nobody takes events waits for both", () => {
    const s = new Played().connected();
    s.step({ type: "full" });
    s.step(failed("broken"));
    expect(s.due()).toEqual([]);
    expect(s.step({ type: "room" })).toEqual(["open 2 @null"]);
    s.step({ type: "opened" });
    s.step({ type: "full" });
    s.step(failed("broken"));
    // Room before the wait is over shortens no wait.
    expect(s.step({ type: "room" })).toEqual([]);
    expect(s.due()).toEqual(["open 3 @null"]);
  });

  test("every channel has a cursor of its own and is subscribed again with it", () => {
    const s = new Played({ cursors: [["a", "e.1"], ["b", null]] });
    expect(s.step({ type: "start" })).toEqual(["open 1 a@e.1,b@null"]);
    s.step({ type: "opened" });
    expect(s.step({ type: "subscribe", channel: "c", cursor: "e.4" })).toEqual(["subscribe c@e.4"]);
    expect(s.step({ type: "subscribe", channel: "c", cursor: "e.0" })).toEqual([]);
    expect(s.step(event("e.5", "a"))).toEqual(["deliver record a@e.5"]);
    expect(s.step({ type: "position", channel: "b", id: "e.6" })).toEqual(["reached b@e.6"]);
    expect(s.step({ type: "unsubscribe", channel: "a" })).toEqual(["unsubscribe a"]);
    expect(s.step(event("e.7", "a"))).toEqual([]);
    s.step(failed("broken"));
    expect(s.step({ type: "subscribe", channel: "d", cursor: null })).toEqual([]);
    expect(s.due()).toEqual(["open 2 b@e.6,c@e.4,d@null"]);
  });

  test("a channel that is denied is handed over as that, and not asked for again", () => {
    const s = new Played({ cursors: [["a", "e.1"], ["b", "e.1"]] }).connected();
    expect(s.step({ type: "denied", channel: "a", data: {} })).toEqual(["deliver denied a@"]);
    expect(s.step({ type: "denied", channel: "a", data: {} })).toEqual([]);
    s.step(failed("broken"));
    expect(s.due()).toEqual(["open 2 b@e.1"]);
  });

  test("a channel that the gateway ends is subscribed again from where it was, unless it may not be seen any more", () => {
    const s = new Played({ cursors: [["a", "e.1"], ["b", "e.1"]] }).connected();
    s.step(event("e.5", "a"));
    expect(s.step({ type: "bye", channel: "a", reason: "slow" })).toEqual(["subscribe a@e.5"]);
    expect(s.step({ type: "bye", channel: "c", reason: "slow" })).toEqual([]);
    expect(s.step({ type: "bye", channel: "b", reason: "auth" })).toEqual(["deliver denied b@"]);
    expect(s.session.phase).toBe("connected");
  });

  test("closing says so once, and after it nothing happens", () => {
    for (const steps of [[], [{ type: "start" }], [{ type: "start" }, { type: "opened" }], [{ type: "start" }, failed("unreachable")]]) {
      const s = new Played();
      for (const step of steps) s.step(step);
      expect(s.step({ type: "close" }).at(-1)).toBe("over closed");
      for (
        const input of [{ type: "close" }, { type: "start" }, { type: "tick" }, event("e.1"), { type: "room" }, {
          type: "woke",
          isSure: true,
        }]
      ) {
        expect(s.step(input)).toEqual([]);
      }
    }
  });
});
