/** The table of endings: how the life of a command goes, and where it ends. One end each, whatever happens. */
import { describe, expect, test } from "bun:test";
import type { Command } from "../../../src/command/command.ts";
import type { CommandState } from "../../../src/wire/command.ts";
import { CommandWorld, DEVICE, handedOver } from "../../support/command_world.ts";

function written(): { readonly world: CommandWorld; readonly command: Command } {
  const { world, command } = handedOver();
  world.work();
  world.commit();
  return { world, command };
}

interface Ending {
  readonly name: string;
  readonly run: () => CommandWorld;
  readonly states: readonly CommandState[];
  readonly reason: string | null;
  /** How often its bytes left. */
  readonly left: number;
}

const after =
  (start: () => { world: CommandWorld; command: Command }, then: (world: CommandWorld, command: Command) => void) => (): CommandWorld => {
    const { world, command } = start();
    then(world, command);
    world.commit();
    return world;
  };

const ENDINGS: readonly Ending[] = [
  {
    name: "answered",
    run: after(written, (w, c) => void w.answer(c)),
    states: ["queued", "routed", "written", "answered"],
    reason: null,
    left: 1,
  },
  {
    name: "nacked",
    run: after(written, (w, c) => void w.answer(c, true)),
    states: ["queued", "routed", "written", "nacked"],
    reason: null,
    left: 1,
  },
  {
    name: "timeout",
    run: after(written, (w) => w.pass(5000)),
    states: ["queued", "routed", "written", "unknown"],
    reason: "timeout",
    left: 1,
  },
  {
    name: "moved to another connection",
    run: after(written, (w) => void w.connect()),
    states: ["queued", "routed", "written", "unknown"],
    reason: "superseded",
    left: 1,
  },
  {
    name: "kicked",
    run: after(written, (w) => w.leave("kicked")),
    states: ["queued", "routed", "written", "unknown"],
    reason: "kicked",
    left: 1,
  },
  {
    name: "written as the connection went",
    run: after(handedOver, (w) => w.workLate()),
    states: ["queued", "routed", "written", "unknown"],
    reason: "reset",
    left: 1,
  },
  {
    name: "crash before the write",
    run: after(handedOver, (w) => w.crash()),
    states: ["queued", "routed", "unknown"],
    reason: "restart",
    left: 0,
  },
  {
    name: "crash after the write",
    run: after(written, (w) => w.crash()),
    states: ["queued", "routed", "written", "unknown"],
    reason: "restart",
    left: 1,
  },
  {
    name: "offline until its time to live is over",
    run: () => {
      const world = new CommandWorld();
      world.submit({ ttlMs: 3000 });
      world.commit();
      world.pass(3000);
      world.connect();
      world.settle();
      return world;
    },
    states: ["queued", "expired"],
    reason: "ttl",
    left: 0,
  },
  {
    name: "never a moment to write it",
    run: after(handedOver, (w) => {
      w.pass(60_000);
      w.work(false);
    }),
    states: ["queued", "routed", "expired"],
    reason: "ttl",
    left: 0,
  },
];

describe("a command", () => {
  for (const { name, run, states, reason, left } of ENDINGS) {
    test(`ends once: ${name}`, () => {
      const world = run();
      world.connect();
      world.pass(120_000);
      world.settle();
      const row = world.disk.get("c1")!;
      expect(row.states).toEqual([...states]);
      expect(row.reason).toBe(reason);
      expect(world.wire.filter(({ id }) => id === "c1").length).toBe(left);
      expect(world.check()).toEqual([]);
      world.pass(0);
      expect(world.book.isQuiet).toBe(true);
    });
  }

  test("with the key of another is that other: one row, one write, both are told its id", () => {
    const world = new CommandWorld();
    world.connect();
    expect(world.submit({ key: "k" })).toBe("accepted");
    expect(world.submit({ key: "k" })).toBe("accepted");
    world.settle();
    expect(world.submit({ key: "k" })).toBe("accepted");
    expect(world.submit({ key: "k", text: "getver" })).toBe("key_used");
    world.settle();
    expect([world.disk.size, world.wire.length, world.accepted]).toEqual([1, 1, ["c1", "c1", "c1"]]);
  });

  test("with a key keeps it in memory for a while after its end, and no longer", () => {
    const world = new CommandWorld();
    world.connect();
    world.submit({ key: "k" });
    world.settle();
    world.pass(5000);
    world.settle();
    expect(world.state("c1")).toBe("unknown");
    world.pass(59_000);
    expect(world.submit({ key: "k", text: "getver" })).toBe("key_used");
    world.pass(2000);
    expect(world.submit({ key: "k", text: "getver" })).toBe("accepted");
  });

  test("is told as accepted only when its row is on disk", () => {
    const world = new CommandWorld();
    world.submit();
    world.tell();
    expect(world.accepted).toEqual([]);
    world.commit();
    expect(world.accepted).toEqual(["c1"]);
  });

  test("that could not be written goes to the next connection, and fails when that happens too often", () => {
    const world = new CommandWorld({ commandAttempts: 3 });
    world.submit();
    for (let i = 0; i < 3; i++) {
      world.connect();
      world.commit();
      world.hand();
      world.leave();
      world.work();
    }
    world.settle();
    expect(world.disk.get("c1")!.states).toEqual(["queued", "routed", "queued", "routed", "queued", "routed", "failed"]);
    expect([world.disk.get("c1")!.reason, world.wire.length, world.check()]).toEqual(["attempts", 0, []]);
  });

  test("routed to a connection that is gone by the time its row is on disk goes to the next one, under its fence", () => {
    const world = new CommandWorld();
    world.connect();
    world.submit();
    world.tell();
    const fence = world.connect();
    world.settle();
    expect([world.wire, world.check()]).toEqual([[{ id: "c1", fence }], []]);
  });
});

describe("commands of one device", () => {
  test("are outstanding one at a time, in order", () => {
    const world = new CommandWorld();
    world.connect();
    for (let i = 0; i < 3; i++) world.submit();
    for (let i = 1; i <= 3; i++) {
      world.commit();
      world.hand();
      expect(world.handed.map(({ command }) => command.submission.id)).toEqual([`c${i}`]);
      const { command } = world.handed[0]!;
      world.work();
      expect(world.answer(command)).toBe("ended");
    }
    world.commit();
    expect(world.wire.map(({ id }) => id)).toEqual(["c1", "c2", "c3"]);
  });

  test("wait after a timeout: for the late answer, for quiet, or for another connection", () => {
    for (const how of ["late answer", "quiet", "another connection"]) {
      const { world, command } = written();
      world.submit();
      world.pass(5000);
      world.settle();
      expect([world.state("c1"), world.state("c2")]).toEqual(["unknown", "queued"]);
      if (how === "late answer") {
        expect(world.book.answered(DEVICE, command.no, false, "ok", world.now)).toEqual({ kind: "late", id: "c1" });
      } else if (how === "quiet") world.pass(60_000);
      else world.connect();
      world.settle();
      if (how === "quiet") expect(world.state("c2")).toBe("expired");
      else expect([how, world.state("c2")]).toEqual([how, "written"]);
      expect(world.check()).toEqual([]);
    }
  });

  test("after quiet go on", () => {
    const { world } = written();
    world.submit({ ttlMs: 600_000 });
    world.pass(5000);
    world.pass(59_000);
    world.settle();
    expect(world.state("c2")).toBe("queued");
    world.pass(1000);
    world.settle();
    expect(world.state("c2")).toBe("written");
  });

  test("are bounded, per device and in all", () => {
    const world = new CommandWorld({ commandsPerDevice: 2, commands: 3 });
    expect([1, 2, 3].map(() => world.submit())).toEqual(["accepted", "accepted", "device_full"]);
    const other = "x" as typeof DEVICE;
    expect([world.submit({ device: other }), world.submit({ device: other })]).toEqual(["accepted", "full"]);
  });

  test("on another connection of a device that may have several stay there", () => {
    const { world, command } = written();
    const older = world.owners.get(DEVICE)!;
    world.book.opened(DEVICE, { fence: 9, ring: 0, conn: 9, isLoose: false }, world.now);
    expect(world.answer(command)).toBe("ended");
    world.book.left(DEVICE, older.fence, "closed", null, world.now);
    world.commit();
    expect(world.state("c1")).toBe("answered");
  });
});
