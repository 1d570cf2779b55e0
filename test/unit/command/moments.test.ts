/** Commands at the moments that are easily got wrong: a deadline to the millisecond, a row half on the disk, two connections, a stop. */
import { describe, expect, test } from "bun:test";
import { CommandWorld, DEVICE, handedOver } from "../../support/command_world.ts";

const OTHER = "x" as typeof DEVICE;

describe("a command with the key of another", () => {
  test("in another codec, or of another device, is not that other", () => {
    const world = new CommandWorld();
    expect(world.submit({ key: "k" })).toBe("accepted");
    expect(world.submit({ key: "k", codec: 14 })).toBe("key_used");
    expect(world.submit({ key: "k", device: OTHER })).toBe("accepted");
    world.settle();
    expect([...world.disk.keys()]).toEqual(["c1", "c3"]);
  });

  test("that is not on the disk yet is told with it, not before", () => {
    const world = new CommandWorld();
    world.submit({ key: "k" });
    world.submit({ key: "k" });
    world.tell();
    expect([world.accepted, world.book.accepted.length]).toEqual([[], 0]);
    world.commit();
    expect(world.accepted).toEqual(["c1", "c1"]);
  });
});

describe("a command", () => {
  test("is handed over when the row that says so is on the disk; that of its submission alone is not enough", () => {
    const world = new CommandWorld();
    world.connect();
    world.submit();
    world.commit(1);
    expect([world.state("c1"), world.book.nextReady(world.now)]).toEqual(["queued", null]);
    world.commit(1);
    expect([world.state("c1"), world.book.nextReady(world.now)?.command.submission.id]).toEqual(["routed", "c1"]);
  });

  test("whose time is over in the moment it would be routed, or handed over, is expired and never written", () => {
    for (const isRouted of [false, true]) {
      const world = new CommandWorld();
      if (isRouted) world.connect();
      world.submit({ ttlMs: 3000 });
      world.commit();
      // Nobody has looked at the deadlines since.
      world.now = { mono: world.now.mono + 3000, wall: world.now.wall + 3000 };
      if (!isRouted) world.connect();
      world.settle();
      expect(world.disk.get("c1")!.states).toEqual(isRouted ? ["queued", "routed", "expired"] : ["queued", "expired"]);
      expect(world.wire).toEqual([]);
    }
  });

  test("that has not been written is ended by no answer", () => {
    const { world, command } = handedOver();
    expect(world.answer(command)).toBe("late");
    world.work();
    expect(world.answer(command)).toBe("ended");
  });

  test("is neither routed nor handed over once the gateway stops: it is queued for the next start", () => {
    const world = new CommandWorld();
    world.connect();
    for (let i = 0; i < 2; i++) world.submit();
    world.submit({ device: OTHER });
    world.commit();
    world.book.stop(world.now);
    expect(world.book.nextReady(world.now)).toBeNull();
    world.connect(OTHER);
    world.settle();
    expect([...world.disk.values()].map(({ states }) => states.at(-1))).toEqual(["queued", "queued", "queued"]);
    expect([world.wire, world.submit()]).toEqual([[], "full"]);
  });
});

describe("a wall clock that steps", () => {
  const DAY_MS = 86_400_000;
  const step = (world: CommandWorld, ms: number): void => {
    world.now = { mono: world.now.mono, wall: world.now.wall + ms };
  };

  test("neither ends a command that waits nor lengthens its time", () => {
    for (const ms of [DAY_MS, -DAY_MS]) {
      const world = new CommandWorld();
      for (const device of [DEVICE, OTHER]) world.submit({ device, ttlMs: 3000 });
      world.commit();
      step(world, ms);
      world.pass(2999);
      world.connect();
      world.settle();
      world.pass(1);
      world.connect(OTHER);
      world.settle();
      expect([world.state("c1"), world.state("c2")]).toEqual(["written", "expired"]);
    }
  });

  test("back while the gateway is down gives a command no more time than it had", () => {
    const world = new CommandWorld();
    world.submit({ ttlMs: 3000 });
    world.commit();
    step(world, -DAY_MS);
    world.crash();
    world.pass(3000);
    world.connect();
    world.settle();
    expect([world.state("c1"), world.wire]).toEqual(["expired", []]);
  });
});

describe("commands of one device", () => {
  test("keep their order when one of them finds no moment to be written", () => {
    const world = new CommandWorld();
    world.connect();
    for (let i = 0; i < 3; i++) world.submit();
    world.commit();
    world.hand();
    world.work(false);
    for (let i = 0; i < 3; i++) {
      world.commit();
      world.hand();
      const { command } = world.handed[0]!;
      world.work();
      world.answer(command);
    }
    expect(world.wire.map(({ id }) => id)).toEqual(["c1", "c2", "c3"]);
  });

  test("that went unanswered hold up their own connection alone, whichever is the newest meanwhile", () => {
    const { world } = handedOver();
    world.work();
    const older = world.owners.get(DEVICE)!;
    const newer = { fence: 9, ring: 0, conn: 9, isLoose: false };
    world.owners.set(DEVICE, newer);
    world.book.opened(DEVICE, newer, world.now);
    world.pass(5000);
    world.submit({ ttlMs: 600_000 });
    world.commit();
    expect(world.book.nextReady(world.now)?.route.fence).toBe(9);
    world.owners.set(DEVICE, older);
    world.book.left(DEVICE, 9, "closed", older, world.now);
    // Back on the first: the answer to its own may still come there.
    world.commit();
    expect(world.book.nextReady(world.now)).toBeNull();
    world.pass(59_999);
    world.commit();
    expect([world.state("c2"), world.book.nextReady(world.now)]).toEqual(["queued", null]);
    world.pass(1);
    world.commit();
    expect(world.book.nextReady(world.now)?.route.fence).toBe(older.fence);
  });
});
