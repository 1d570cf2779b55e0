/** The accept loop against a scripted listener. With real sockets: test/contract/accept.test.ts. */
import { expect, test } from "bun:test";
import { type Limits, limitsWith } from "../../../src/base/limits.ts";
import type { Settings } from "../../../src/config/settings.ts";
import { runAccept } from "../../../src/engine/accept.ts";
import type { Boot, Report } from "../../../src/engine/boot.ts";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { bunPlatform } from "../../../src/platform/bun.ts";
import type { Acceptor } from "../../../src/platform/port.ts";
import { FdSource } from "../../../src/engine/source/fd.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import { sumOf } from "../../../src/telemetry/counters.ts";
import { slot } from "../../../src/telemetry/slots.ts";
import { Board, DrainPhase, Gate, ThreadState } from "../../../src/wire/board.ts";
import { receive } from "../../../src/wire/control.ts";

interface Script {
  readonly boot: Boot;
  readonly board: Board;
  readonly closed: number[];
  readonly reports: Report[];
  stopped: boolean;
}

/** Runs the loop until `next` has nothing more to give; then the gateway shuts down. `next` gets the number of the call. */
function run(
  workers: number,
  limits: Partial<Limits>,
  next: (call: number, script: Script) => number | "empty" | "descriptors_exhausted" | "end",
): Script {
  const settings: Settings = {
    data: "",
    workers,
    policy: "takeover",
    policies: { classes: [], devices: [] },
    unknownDevices: "accept",
    logLevel: "silent",
    instance: "",
    tcp: { host: "127.0.0.1", port: 0, accept: "fd", proxy: null, tls: null },
    http: { host: "127.0.0.1", port: 0 },
    peer: { listen: null, policy: "initiator" },
    udp: null,
    peers: [],
    conflict: { action: "observe" },
    configSchema: "",
    tls: null,
    access: { health: "open", metrics: "token", origins: [], allowFile: "" },
    limits: limitsWith({ acceptPauseMs: 1, ...limits }),
  };
  const roster = makeRoster(workers);
  const boot: Boot = {
    role: "accept",
    thread: roster.accept,
    index: 0,
    instance: "",
    settings,
    faults: "",
    recovered: null,
    roster,
    ...makeMemory(settings, roster),
  };
  const script: Script = { boot, board: new Board(boot.board), closed: [], reports: [], stopped: false };
  script.board.setGate(Gate.open);
  let calls = 0;
  const acceptor: Acceptor = {
    port: 5027,
    doorbell: -1,
    poll: () => true,
    pause: () => true,
    accept() {
      const what = next(calls++, script);
      if (what === "end") script.board.setPhase(DrainPhase.end);
      return typeof what === "number" ? { fd: what, peer: { address: "10.0.0.1", port: what } } : what === "end" ? "empty" : what;
    },
    closeDescriptor: (fd) => script.closed.push(fd),
    stop: () => (script.stopped = true),
  };
  // The hundredth round ends a run in which nothing more is accepted: a fault point is the one thing the loop always passes.
  const end = (): void => script.board.setPhase(DrainPhase.end);
  const platform = { ...bunPlatform(), acceptor: () => acceptor, kill: end as () => never };
  runAccept({ ...boot, faults: "accept.loop:kill@100" }, platform, (report) => script.reports.push(report));
  return script;
}

function passed(script: Script, worker: number): number[] {
  const ring = new RingConsumer(script.boot.rings.adopt[worker]!);
  const fds: number[] = [];
  while (ring.next()) {
    const message = receive(ring);
    if (message.type === "adopt") fds.push(message.fd);
  }
  return fds;
}

test("accept reports its port, passes every descriptor, and leaves with the listener closed", () => {
  const script = run(2, {}, (call) => (call < 100 ? call : "end"));
  expect(script.reports).toEqual([{ type: "ready", port: 5027 }, { type: "stopped" }]);
  const [first, second] = [passed(script, 0), passed(script, 1)];
  expect([...first, ...second].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, fd) => fd));
  expect(Math.abs(first.length - second.length)).toBeLessThanOrEqual(2);
  expect(script.stopped).toBe(true);
  expect(script.closed).toEqual([]);
  expect(script.board.state(script.boot.thread)).toBe(ThreadState.stopped);
  expect(script.board.phaseDone(script.boot.thread)).toBe(DrainPhase.end);
});

test("accept gives the worker with the fewest sockets the next one", () => {
  const script = run(3, {}, (call, { board }) => {
    if (call === 0) [30, 10, 20].forEach((sockets, worker) => board.setSockets(worker, sockets));
    return call < 9 ? call : "end";
  });
  expect(passed(script, 1)).toHaveLength(9);
});

test("accept pauses when descriptors run out, counts it, and goes on", () => {
  const script = run(1, {}, (call) => (call === 1 || call === 2 ? "descriptors_exhausted" : call < 5 ? call : "end"));
  expect(passed(script, 0)).toEqual([0, 3, 4]);
  expect(sumOf(script.boot.counters, slot("berth_accept_pauses_total"))).toBe(2);
});

test("accept closes what the door refuses before a worker hears of it", () => {
  const script = run(1, {}, (call, { board }) => {
    board.setGate(call === 1 ? Gate.failing : Gate.open);
    return call < 3 ? call : "end";
  });
  expect(script.closed).toEqual([1]);
  expect(passed(script, 0)).toEqual([0, 2]);
  expect(sumOf(script.boot.counters, slot("berth_accept_refused_total", "store_failing"))).toBe(1);
});

test("a worker gives the place of each descriptor back as it takes it, so that none counts twice while it takes many", async () => {
  const { boot } = run(1, {}, (call) => (call < 10 ? call : "end"));
  const left: number[] = [];
  const ring = new RingProducer(boot.rings.adopt[0]!, new Bell(boot.bells, boot.roster.codec[0]!));
  const adopt = (fd: number): void => void left.push(fd, ring.capacity - ring.free());
  await new FdSource({ ...boot, role: "codec" }, { ...bunPlatform(), adopt }).start({
    open: () => null,
    data: () => {},
    drain: () => {},
    close: () => {},
  });
  const each = left[1]! / 9;
  expect(left).toEqual(Array.from({ length: 10 }, (_, fd) => [fd, (9 - fd) * each]).flat());
  expect(each).toBeGreaterThan(0);
});

test("accept leaves connections to the kernel while all sockets that may be are open", () => {
  let most = 0;
  const script = run(1, { connections: 6, loginSockets: 2 }, (call, { board }) => {
    most = Math.max(most, call);
    if (call === 7) board.setSockets(0, 7);
    return call;
  });
  expect(passed(script, 0)).toHaveLength(8);
  expect(most).toBe(7);
});
