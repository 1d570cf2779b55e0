/** The supervisor over scripted threads. With real ones: test/e2e. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { type Limits, limitsWith } from "../../../src/base/limits.ts";
import type { Settings } from "../../../src/config/settings.ts";
import type { Boot, Report } from "../../../src/engine/boot.ts";
import { supervise } from "../../../src/engine/supervisor.ts";
import { bunPlatform } from "../../../src/platform/bun.ts";
import type { Platform, ThreadHandler } from "../../../src/platform/port.ts";
import { Board, DrainPhase, Gate, ThreadState } from "../../../src/wire/board.ts";
import { until } from "../../support/until.ts";

const real = bunPlatform();
const recovered = { epoch: "e1", fenceBase: 7, devices: ["1"], commands: [], configs: [] };

/** A thread that only follows the board. */
class FakeThread {
  readonly boot: Boot;
  readonly handler: ThreadHandler;
  readonly board: Board;
  /** Beats and follows the phases. */
  alive = true;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(boot: Boot, handler: ThreadHandler) {
    this.boot = boot;
    this.handler = handler;
    this.board = new Board(boot.board);
    this.#timer = setInterval(() => this.#follow(), 1);
  }
  get name(): string {
    return `${this.boot.role}${this.boot.index}`;
  }
  report(report: Report): void {
    this.handler.message(report);
  }
  ready(): void {
    this.board.setState(this.boot.thread, ThreadState.ready);
    this.board.setThreadId(this.boot.thread, 1000 + this.boot.thread);
    this.report({
      type: "ready",
      ...(this.boot.role === "journal" ? { recovered } : {}),
      ...(this.boot.role === "http" ? { port: 8081 } : {}),
      ...(this.boot.role === "accept" ? { port: 5028 } : {}),
    });
  }
  stop(): void {
    clearInterval(this.#timer);
  }
  #follow(): void {
    if (!this.alive) return;
    this.board.beat(this.boot.thread);
    const phase = this.board.phase();
    this.board.setPhaseDone(this.boot.thread, phase);
    if (phase === DrainPhase.end) this.board.setState(this.boot.thread, ThreadState.stopped);
  }
}

class World {
  readonly threads: FakeThread[] = [];
  readonly logs: { level: string; text: string; fields: Record<string, unknown> }[] = [];
  readonly signals = new Map<string, () => void>();
  readonly exits: number[] = [];
  readonly data = real.temporaryDirectory("berth-supervisor-");
  out = "";
  code: number | null = null;
  gateAtOnce = true;
  readyAtOnce = true;

  start(change: { settings?: Partial<Settings>; limits?: Partial<Limits>; platform?: Partial<Platform> } = {}): this {
    const settings: Settings = {
      data: this.data,
      workers: 2,
      policy: "takeover",
      policies: { classes: [], devices: [] },
      unknownDevices: "accept",
      logLevel: "info",
      instance: "unit",
      tcp: { host: "127.0.0.1", port: 0, accept: "fd", proxy: null, tls: null },
      http: { host: "::1", port: 0 },
      peer: { listen: null, policy: "initiator" },
      udp: null,
      peers: [],
      conflict: { action: "observe" },
      configSchema: "",
      tls: null,
      access: { health: "open", metrics: "token", origins: [], allowFile: "" },
      limits: limitsWith({ idleWaitMs: 20, heartbeatStaleMs: 100, storeStaleMs: 100, ...change.limits }),
      ...change.settings,
    };
    const platform: Platform = {
      ...real,
      pid: 99,
      writeOut: (text) => (this.out += text),
      onSignal: (name, call) => this.signals.set(name, call),
      exit: ((code: number) => this.exits.push(code)) as unknown as Platform["exit"],
      spawn: (_role, boot, handler) => this.#spawn(boot as Boot, handler),
      ...change.platform,
    };
    const log = (level: string) => (fields: object, text: string): void =>
      void this.logs.push({ level, text, fields: fields as Record<string, unknown> });
    void supervise(settings, platform, { info: log("info"), warn: log("warn"), fatal: log("fatal") }).then((code) => (this.code = code));
    return this;
  }
  #spawn(boot: Boot, handler: ThreadHandler) {
    const thread = new FakeThread(boot, handler);
    this.threads.push(thread);
    if (boot.role === "journal" && this.gateAtOnce) thread.board.setGate(Gate.open);
    if (this.readyAtOnce) queueMicrotask(() => thread.ready());
    return { post: () => {}, terminate: () => {}, ended: Promise.resolve() };
  }
  thread(name: string): FakeThread {
    return this.threads.find((each) => each.name === name)!;
  }
  get fatal(): string | undefined {
    return this.logs.find(({ level }) => level === "fatal")?.text;
  }
  async readyLine(): Promise<Record<string, unknown>> {
    await until("the ready line", () => this.out.endsWith("\n"));
    return JSON.parse(this.out) as Record<string, unknown>;
  }
  ended(): Promise<number> {
    return until("the end", () => (this.code === null ? null : { code: this.code })).then(({ code }) => code);
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  for (const thread of world.threads) thread.stop();
  real.removeTree(world.data);
});

test("supervisor starts the journal first, gives the rest what it recovered, and prints one ready line", async () => {
  world.start();
  expect(await world.readyLine()).toEqual({
    event: "ready",
    tcp: "127.0.0.1:5028",
    udp: null,
    http: "[::1]:8081",
    instance: "unit",
    pid: 99,
  });
  expect(world.out.split("\n")).toHaveLength(2);
  expect(world.threads.map((each) => each.name)).toEqual([
    "journal0",
    "sync0",
    "registry0",
    "reader0",
    "http0",
    "codec0",
    "codec1",
    "accept0",
  ]);
  expect(world.thread("journal0").boot.recovered).toBeNull();
  expect(world.thread("codec1").boot).toMatchObject({ recovered, index: 1, thread: world.thread("codec1").boot.roster.codec[1]! });
  expect(new Set(world.threads.map((each) => each.boot.thread)).size).toBe(8);
});

test("supervisor opens HTTP but no device listener before the store commits", async () => {
  world.gateAtOnce = false;
  world.start();
  await until("http", () => world.thread("http0"));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(world.threads.map((each) => each.name)).toEqual(["journal0", "sync0", "registry0", "reader0", "http0"]);
  expect(world.out).toBe("");
  world.thread("journal0").board.setGate(Gate.open);
  expect(await world.readyLine()).toMatchObject({ tcp: "127.0.0.1:5028" });
});

test("supervisor in reuseport finds the real port, starts no accept thread, and refuses a port that is taken", async () => {
  world.start({ settings: { tcp: { host: "127.0.0.1", port: 0, accept: "reuseport", proxy: null, tls: null } } });
  const { tcp } = await world.readyLine();
  const port = world.thread("codec0").boot.settings.tcp.port;
  expect(port).toBeGreaterThan(0);
  expect(tcp).toBe(`127.0.0.1:${port}`);
  expect(world.threads.some((each) => each.boot.role === "accept")).toBe(false);
  const socket = { keepAliveIdleS: 1, keepAliveIntervalS: 1, keepAliveProbes: 1, userTimeoutMs: 1, backlog: 1 };
  const nobody = { open: () => {}, data: () => {}, drain: () => {}, close: () => {} };
  const taken = await real.listenTcp("127.0.0.1", port, { reusePort: true, socket }, nobody);
  const second = new World().start({ settings: { tcp: { host: "127.0.0.1", port, accept: "reuseport", proxy: null, tls: null } } });
  expect(await second.ended()).toBe(1);
  expect(second.fatal).toBe(`supervisor: Cannot listen on 127.0.0.1:${port}: address already in use`);
  for (const thread of second.threads) thread.stop();
  taken.stop();
  real.removeTree(second.data);
});

test("supervisor chooses by what the runtime offers", async () => {
  world.start({ settings: { tcp: { host: "127.0.0.1", port: 0, accept: "auto", proxy: null, tls: null } }, platform: { acceptor: null } });
  await world.readyLine();
  expect(world.thread("codec0").boot.settings.tcp.accept).toBe("reuseport");
  const second = new World().start({ platform: { acceptor: null } });
  expect(await second.ended()).toBe(1);
  expect(second.fatal).toContain('Cannot use [tcp] accept = "fd"');
  real.removeTree(second.data);
});

test("supervisor bounds connections by the limit of open files and says so", async () => {
  world.start({ platform: { raiseFileLimit: () => 1024 } });
  await world.readyLine();
  expect(world.thread("codec0").boot.settings.limits.connections).toBe(512);
  expect(world.logs.some(({ level, fields }) => level === "warn" && fields["connections"] === 512)).toBe(true);
});

test("supervisor ends the process when a thread reports it cannot go on, naming role and reason", async () => {
  world.start();
  await world.readyLine();
  world.thread("journal0").report({ type: "fatal", reason: "store is corrupt" });
  expect(await world.ended()).toBe(1);
  expect(world.fatal).toBe("journal: store is corrupt");
});

test("supervisor ends the process when a thread ends unasked, also before it was ready", async () => {
  world.readyAtOnce = false;
  world.start();
  await until("journal", () => world.thread("journal0"));
  world.thread("journal0").handler.failed("ended");
  expect(await world.ended()).toBe(1);
  expect(world.fatal).toBe("journal: ended");
});

test("supervisor ends the process when one of several threads hangs, and names it", async () => {
  world.start();
  await world.readyLine();
  world.thread("codec1").alive = false;
  expect(await world.ended()).toBe(1);
  expect(world.fatal).toMatch(/^codec-1: hangs: no heartbeat for \d+ ms$/);
  expect(world.logs.at(-1)!.fields).toMatchObject({ thread: "codec-1" });
});

test("supervisor drains on a signal, gives the lock back, and ends with 0", async () => {
  world.start();
  await world.readyLine();
  world.signals.get("SIGTERM")!();
  expect(await world.ended()).toBe(0);
  expect(world.thread("journal0").board.phase()).toBe(DrainPhase.end);
  expect(world.fatal).toBeUndefined();
  world.thread("codec0").handler.failed("ended");
  expect(world.fatal).toBeUndefined();
  const again = new World();
  real.removeTree(again.data);
  again.start({ settings: { data: world.data } });
  await again.readyLine();
  for (const thread of again.threads) thread.stop();
});

test("supervisor takes a signal told twice for one, and drains", async () => {
  world.start({ limits: { sameSignalMs: 60_000 } });
  await world.readyLine();
  world.signals.get("SIGINT")!();
  world.signals.get("SIGINT")!();
  world.signals.get("SIGTERM")!();
  expect(await world.ended()).toBe(0);
  expect(world.exits).toEqual([]);
});

test("supervisor ends at once on a second signal", async () => {
  world.start({ limits: { sameSignalMs: 0 } });
  await world.readyLine();
  world.thread("http0").alive = false;
  world.signals.get("SIGINT")!();
  expect(world.exits).toEqual([]);
  world.signals.get("SIGTERM")!();
  expect(world.exits).toEqual([143]);
});

test("supervisor ends with 1 when the shutdown meets its hard limit", async () => {
  let now = 0;
  const clock = { wall: () => asWallMs(0), mono: () => asMonoMs(now) };
  world.start({ limits: { shutdownMs: 60_000, shutdownHardMs: 90_000, heartbeatStaleMs: 300_000 }, platform: { clock } });
  await world.readyLine();
  world.thread("registry0").alive = false;
  const others = world.threads.filter(({ alive }) => alive);
  world.signals.get("SIGTERM")!();
  for (const [phase, passedMs] of [[DrainPhase.stopAccepting, 60_000], [DrainPhase.commitLast, 90_000]] as const) {
    await until("all but one", () => others.every(({ board, boot }) => board.phaseDone(boot.thread) >= phase));
    now = passedMs + 1;
  }
  expect(await world.ended()).toBe(1);
  expect(world.fatal).toBe("shutdown: not done at the hard limit, in commitLast: registry");
  expect(world.logs.some(({ level }) => level === "warn")).toBe(true);
});

test("supervisor refuses a data directory another process holds", async () => {
  world.start();
  await world.readyLine();
  const second = new World();
  real.removeTree(second.data);
  second.start({ settings: { data: world.data } });
  expect(await second.ended()).toBe(1);
  expect(second.fatal).toBe(`Cannot use ${world.data}: the process with pid 99 holds it. Stop it, or choose another directory with --data`);
  expect(second.threads).toEqual([]);
});
