/** The registry's thread: order between its rings, and that it waits for nobody. */
import { afterEach, expect, test } from "bun:test";
import type { Limits } from "../../src/base/limits.ts";
import { distance } from "../../src/ring/layout.ts";
import { DrainPhase } from "../../src/wire/board.ts";
import { DECISIONS, END_REASONS, type Message, OUTCOMES, REFUSALS } from "../../src/wire/control.ts";
import { RegistryThread } from "../support/registry_thread.ts";
import { until } from "../support/until.ts";

let registry: RegistryThread;
const start = async (limits: Partial<Limits> = {}, fences?: number): Promise<void> => {
  registry = await RegistryThread.start(limits, fences);
};
afterEach(() => registry.stop());

const refusalOf = (message: Message): string =>
  message.type === "decided" ? (DECISIONS[message.decision] === "admit" ? "admitted" : REFUSALS[message.refusal]!) : message.type;

test("when a decision is seen, its event is published already", async () => {
  await start();
  for (let conn = 1; conn <= 200; conn++) {
    const decided = await registry.login(conn % 2, conn, `d${conn % 3}`);
    const events = registry.take(registry.lifecycle);
    expect(events.some((event) => (event.type === "connected" || event.type === "replaced") && event.fence === decided.fence)).toBe(true);
  }
});

test("1,000 claims of one device by two workers at once: one owner, 999 evicted, fences rise", async () => {
  await start({ controlRingBytes: 1 << 20 });
  for (let conn = 1; conn <= 1000; conn++) expect(registry.claim(conn % 2, conn, "d")).toBe(true);
  registry.publish();
  const decided: Message[] = [];
  const evicted: number[] = [];
  const lifecycle: Message[] = [];
  await until("1,000 decisions", () => {
    for (const ring of registry.decisions) {
      for (const message of registry.take(ring)) {
        if (message.type === "evict") evicted.push(message.conn);
        else decided.push(message);
      }
    }
    lifecycle.push(...registry.take(registry.lifecycle));
    // Each ring has its own moment: the last takeover's eviction may be seen after its decision.
    return decided.length === 1000 && lifecycle.length === 1000 && evicted.length >= 999;
  });
  expect(decided.map(refusalOf).filter((outcome) => outcome !== "admitted")).toEqual([]);
  expect([evicted.length, new Set(evicted).size]).toEqual([999, 999]);
  const fences = lifecycle.map((event) => (event.type === "connected" || event.type === "replaced" ? event.fence : 0));
  expect(fences).toEqual(fences.toSorted((a, b) => a - b));
  expect(lifecycle.map((event) => event.type)).toEqual(["connected", ...Array.from({ length: 999 }, () => "replaced" as const)]);
  for (const conn of evicted) expect(registry.close(conn % 2, conn, "d", 0)).toBe(true);
  askAbout("d");
  const answer = await registry.next(registry.answers);
  expect(answer).toMatchObject({ type: "answer", connected: true, fence: fences.at(-1)! });
  expect(registry.take(registry.lifecycle)).toEqual([]);
});

test("a worker that does not take its decisions delays no other", async () => {
  await start({ controlRingBytes: 4096 });
  for (let conn = 1; conn <= 40; conn++) registry.claim(0, conn, "busy");
  registry.publish();
  await until("a stuck worker", () => {
    registry.take(registry.lifecycle);
    for (let conn = 100; conn <= 200 && registry.claim(0, conn, "busy"); conn++);
    registry.publish();
    return registry.claims[0]!.free() < 600;
  });
  const began = performance.now();
  for (let conn = 1; conn <= 20; conn++) {
    registry.take(registry.lifecycle);
    expect(refusalOf(await registry.login(1, conn, `other${conn % 4}`))).toBe("admitted");
  }
  expect(performance.now() - began).toBeLessThan(2000);
  await until("the worker's claims taken", () => {
    registry.take(registry.lifecycle);
    registry.take(registry.decisions[0]!);
    return registry.claims[0]!.free() === 4096;
  });
});

test("a journal that does not take events stops new logins, and every close still finds room", async () => {
  await start({ controlRingBytes: 4096 });
  const fences: number[] = [];
  let outcome = "admitted";
  for (let conn = 1; outcome === "admitted"; conn++) {
    const decided = await registry.login(conn % 2, conn, `device-${conn}`);
    outcome = refusalOf(decided);
    if (outcome === "admitted") fences.push(decided.fence);
  }
  expect(outcome).toBe("store_busy");
  expect(fences.length).toBeGreaterThan(5);
  for (const [i, fence] of fences.entries()) registry.close((i + 1) % 2, i + 1, `device-${i + 1}`, fence);
  registry.publish();
  const events: Message[] = [];
  await until("every close", () => {
    events.push(...registry.take(registry.lifecycle));
    return events.filter((event) => event.type === "disconnected").length === fences.length;
  });
  expect(refusalOf(await registry.login(0, 900, "device-1"))).toBe("admitted");
});

test("an operator's orders work while the journal takes no events: a kick, a drain, a policy, the door", async () => {
  await start({ controlRingBytes: 1 << 14 });
  let admitted = 0;
  const fences: number[] = [];
  for (let conn = 1; admitted === conn - 1; conn++) {
    const decided = await registry.login(conn % 2, conn, `device-${conn}`);
    if (refusalOf(decided) === "admitted") admitted = conn;
    fences.push(decided.fence);
  }
  const ordered = async (...order: Parameters<RegistryThread["order"]>): Promise<string> => {
    registry.order(...order);
    registry.publish();
    const answer = await registry.next(registry.answers);
    return answer.type === "done" ? OUTCOMES[answer.outcome]! : answer.type;
  };
  for (const ring of registry.decisions) registry.take(ring);
  expect(await ordered(1, "kick", "device-1")).toBe("done");
  expect(await ordered(2, "kick", "device-2")).toBe("done");
  expect(await ordered(3, "drain", "device-3", String(fences[2]))).toBe("done");
  expect(await ordered(4, "device_policy", "device-4", "reject")).toBe("done");
  expect(await ordered(5, "drain", "", "shut")).toBe("done");
  // What is answered when it is on the disk cannot be done now.
  expect(await ordered(6, "acknowledge", "device-4", "7")).toBe("busy");
  const evicted = registry.decisions.flatMap((ring) => registry.take(ring)).map((
    message,
  ) => [message.type, "conn" in message && message.conn]);
  expect(evicted).toEqual([["evict", 2], ["evict", 1], ["evict", 3]]);
  // The room is not without end, and every close still finds its own.
  let outcome = "done";
  for (let n = 4; n <= admitted && outcome === "done"; n++) outcome = await ordered(n, "kick", `device-${n}`);
  expect(outcome).toBe("busy");
  for (const [i, fence] of fences.slice(0, admitted).entries()) registry.close((i + 1) % 2, i + 1, `device-${i + 1}`, fence);
  registry.publish();
  const events: Message[] = [];
  await until("every close", () => {
    events.push(...registry.take(registry.lifecycle));
    return events.filter((event) => event.type === "disconnected").length === admitted;
  });
  expect(events.filter((event) => event.type === "raiseFloor").length).toBeGreaterThanOrEqual(2);
});

test("who asks about a device that has gone is told what to wait for until its end is on the disk, and about no other", async () => {
  await start();
  for (const [conn, device] of [[1, "a"], [2, "b"]] as const) await registry.login(0, conn, device);
  registry.take(registry.lifecycle);
  registry.board.setCommandsKept(registry.lifecycle.end);
  const kept = registry.lifecycle.end;
  const told = async (device: string): Promise<number> => {
    registry.ask(7, device);
    registry.publish();
    const answer = await registry.next(registry.answers);
    return answer.type === "answer" ? answer.told : -1;
  };
  registry.close(0, 1, "a", 0);
  await registry.login(0, 3, "c");
  registry.take(registry.lifecycle);
  const [gone, others] = [await told("a"), [await told("b"), await told("c"), await told("nobody"), await told("not an id")]];
  expect(distance(gone, kept)).toBeGreaterThan(0);
  expect(others).toEqual([kept, kept, kept, kept]);
  registry.board.setCommandsKept(registry.lifecycle.end);
  expect(distance(registry.lifecycle.end, await told("a"))).toBeGreaterThanOrEqual(0);
});

test("an acknowledgement is answered when it is on the disk, and one that is refused at once", async () => {
  await start();
  await registry.login(0, 1, "d");
  registry.take(registry.lifecycle);
  registry.order(1, "acknowledge", "d", "7");
  registry.order(2, "acknowledge", "nobody", "7");
  registry.order(3, "device_policy", "d", "reject");
  registry.publish();
  const told: [number, string | undefined][] = [];
  const take = (): void => {
    for (const one of registry.take(registry.answers)) if (one.type === "done") told.push([one.request, OUTCOMES[one.outcome]]);
  };
  await until("the others", () => {
    take();
    return told.length >= 2;
  });
  expect(told).toEqual([[2, "unknown"], [3, "done"]]);
  await until("it told to the journal", () => registry.take(registry.lifecycle).some(({ type }) => type === "acknowledged"));
  registry.board.setCommandsKept(registry.lifecycle.end);
  registry.ask(9, "d");
  registry.publish();
  await until("an answer", () => {
    take();
    return told.length > 2;
  });
  expect(told[2]).toEqual([1, "done"]);
});

test("no fence at or beyond the reserved block is handed out, and logins go on when it is raised", async () => {
  await start({}, 2);
  const outcomes: string[] = [];
  for (let conn = 1; conn <= 3; conn++) outcomes.push(refusalOf(await registry.login(0, conn, `d${conn}`)));
  expect(outcomes).toEqual(["admitted", "admitted", "store_failing"]);
  registry.board.setFenceReserved(registry.board.fenceReserved() + 10);
  expect(refusalOf(await registry.login(0, 4, "d3"))).toBe("admitted");
});

test("shutdown: every owner leaves once, at the end of its worker's frames, and the thread ends", async () => {
  await start();
  for (let conn = 1; conn <= 10; conn++) await registry.login(conn % 2, conn, `d${conn}`);
  await registry.phase(DrainPhase.pauseDevices);
  registry.close(1, 1, "d1", 5 * 1024);
  registry.publish();
  await registry.phase(DrainPhase.releaseAll);
  const left = registry.take(registry.lifecycle).filter((event) => event.type === "disconnected");
  expect(left.map((event) => event.device).toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `d${i + 1}`).toSorted());
  expect(left.map((event) => END_REASONS[event.reason])).toEqual(["closed", ...Array.from({ length: 9 }, () => "shutdown" as const)]);
  expect(left.slice(1).every((event) => event.position === 0xffff_f000)).toBe(true);
  expect(refusalOf(await registry.login(0, 50, "late"))).toBe("draining");
  expect(registry.take(registry.lifecycle)).toEqual([]);
});

test("a question is answered while nobody logs in, with the owner or without", async () => {
  await start();
  const { fence } = await registry.login(1, 7, "356307042441013");
  for (
    const [device, expected] of [
      ["0356307042441013", { known: true, connected: true, fence, address: "10.0.0.1", since: 1000 }],
      ["nobody", { known: false, connected: false, fence: 0 }],
    ] as const
  ) {
    askAbout(device);
    expect(await registry.next(registry.answers)).toMatchObject({ type: "answer", request: 77, ...expected });
  }
});

function askAbout(device: string): void {
  registry.ask(77, device);
  registry.publish();
}
