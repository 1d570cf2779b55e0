/** Draining: connections closed by their fence, and the door shut for newcomers. */
import { expect, test } from "bun:test";
import { asFence } from "../../../src/base/brand.ts";
import { only, RegistryWorld } from "../../support/registry_world.ts";

const outcome = (effects: ReturnType<RegistryWorld["order"]>) => only(effects, "done").outcome;

test("drain closes the connection with that fence, keeps what it has in flight, and the device comes back the first time", () => {
  const world = new RegistryWorld();
  const fence = world.login("A", 1) as number;
  const effects = world.order("drain", "A", String(fence));
  expect(effects.map(({ type }) => type)).toEqual(["evict", "done"]);
  const { reason, owner } = only(effects, "evict");
  expect([reason, owner.fence]).toEqual(["drained", asFence(fence)]);
  expect(outcome(effects)).toBe("done");
  expect(world.state.living).toBe(0);
  expect(only(world.close("A", 1, fence, "drained"), "disconnected").owner.fence).toBe(asFence(fence));
  expect(world.login("A", 2)).toBeGreaterThan(fence);
});

test("drain leaves a connection that came by itself meanwhile", () => {
  const world = new RegistryWorld();
  const fence = world.login("A", 1) as number;
  const newer = world.login("A", 2) as number;
  expect(outcome(world.order("drain", "A", String(fence)))).toBe("not_connected");
  expect(world.ownerOf("A")).toBe(newer);
  expect(outcome(world.order("drain", "A", String(newer)))).toBe("done");
  expect(outcome(world.order("drain", "A", String(newer)))).toBe("not_connected");
  expect(outcome(world.order("drain", "B", "1024"))).toBe("unknown");
});

test("drain of a device with several connections closes them up to the fence", () => {
  const world = new RegistryWorld({ policy: "multi(3)" });
  const [, second, third] = [1, 2, 3].map((conn) => world.login("A", conn) as number);
  expect(outcome(world.order("drain", "A", String(second)))).toBe("done");
  expect([world.ownerOf("A"), world.state.living]).toEqual([third!, 1]);
  expect(outcome(world.order("drain", "A", String(second)))).toBe("not_connected");
});

test("a shut door refuses everybody, replacements too, until it is opened; who is in stays", () => {
  const world = new RegistryWorld();
  const fence = world.login("A", 1) as number;
  expect(outcome(world.order("drain", "", "shut"))).toBe("done");
  expect([world.login("A", 2), world.login("B", 3)]).toEqual(["draining", "draining"]);
  expect(world.ownerOf("A")).toBe(fence);
  expect(outcome(world.order("drain", "", "ajar"))).toBe("refused");
  expect(outcome(world.order("drain", "", "open"))).toBe("done");
  expect(world.login("B", 4)).toBeGreaterThan(fence);
});

test("a newcomer that waits for the probe of a drained holder is admitted at once", () => {
  const world = new RegistryWorld({ policy: "reject" });
  const fence = world.login("A", 1) as number;
  expect(only(world.claim("A", 2), "decided").decision).toBe("pending");
  const effects = world.order("drain", "A", String(fence));
  expect(only(effects, "decided")).toMatchObject({ decision: "admit", conn: 2 });
});

test("a newcomer that waits for the probe of a newer connection waits on when an older one is drained", () => {
  const world = new RegistryWorld({ policy: "multi(2)" });
  const [older, newer] = [1, 2].map((conn) => world.login("A", conn) as number);
  world.order("class_policy", "default", "reject");
  expect(only(world.claim("A", 3), "decided").decision).toBe("pending");
  expect(world.order("drain", "A", String(older)).map(({ type }) => type)).toEqual(["evict", "done"]);
  expect([world.ownerOf("A"), world.state.waiting]).toEqual([newer!, 1]);
});

test("a shut door refuses who waits when its holder is drained, and who comes to a device without one", () => {
  const world = new RegistryWorld({ policy: "reject" });
  const fence = world.login("A", 1) as number;
  world.claim("A", 2);
  world.order("drain", "", "shut");
  const effects = world.order("drain", "A", String(fence));
  expect(only(effects, "decided")).toMatchObject({ decision: "refuse", refusal: "draining", conn: 2 });
  expect([world.state.waiting, world.state.pending.size, world.login("A", 3)]).toEqual([0, 0, "draining"]);
});
