/** Commands over datagrams: what was asked may be answered on another connection, and the next one waits for that. */
import { describe, expect, test } from "bun:test";
import { CommandWorld, DEVICE } from "../../support/command_world.ts";

describe("commands", () => {
  test("over datagrams wait after one that was lost, whatever connection comes, until its answer, a session or a quiet time", () => {
    const lost = (): CommandWorld => {
      const world = new CommandWorld({ commandQuietMs: 1000 });
      world.connect(DEVICE, true);
      world.submit();
      world.settle();
      expect(world.state("c1")).toBe("written");
      world.leave("idle_timeout");
      world.submit();
      world.connect(DEVICE, true);
      world.settle();
      expect([world.state("c1"), world.state("c2")]).toEqual(["unknown", "queued"]);
      return world;
    };
    const quiet = lost();
    quiet.pass(999);
    quiet.settle();
    expect(quiet.state("c2")).toBe("queued");
    quiet.pass(1);
    quiet.settle();
    expect(quiet.state("c2")).toBe("written");
    const session = lost();
    session.connect();
    session.settle();
    expect(session.state("c2")).toBe("written");
    const answered = lost();
    expect(answered.book.answered(DEVICE, 1, false, "late", answered.now)).toEqual({ kind: "late", id: "c1" });
    answered.settle();
    expect(answered.state("c2")).toBe("written");
  });

  test("over datagrams wait after a timeout, also when the sender falls silent meanwhile", () => {
    const world = new CommandWorld({ commandQuietMs: 60_000 });
    world.connect(DEVICE, true);
    world.submit();
    world.settle();
    world.pass(5000);
    world.leave("idle_timeout");
    world.submit();
    world.connect(DEVICE, true);
    world.settle();
    expect([world.state("c1"), world.state("c2"), world.check()]).toEqual(["unknown", "queued", []]);
  });

  test("over datagrams wait after a restart for the answer to what the process before had sent", () => {
    const world = new CommandWorld({ commandQuietMs: 1000 });
    world.connect(DEVICE, true);
    world.submit();
    world.settle();
    world.submit();
    world.commit();
    world.crash();
    world.connect(DEVICE, true);
    world.settle();
    expect([world.state("c1"), world.state("c2")]).toEqual(["unknown", "queued"]);
    world.pass(1000);
    world.settle();
    expect([world.state("c2"), world.check()]).toEqual(["written", []]);
  });
});
