/** The allow list, where unknown devices are refused. */
import { expect, test } from "bun:test";
import { only, RegistryWorld } from "../../support/registry_world.ts";

const outcome = (effects: ReturnType<RegistryWorld["order"]>) => only(effects, "done").outcome;

test("allow lets an unknown device in, and remove shuts it out again, known as it is by then", () => {
  const world = new RegistryWorld({ admitUnknown: false, devices: ["OLD"] });
  expect(world.login("a", 1)).toBe("unknown_device");
  const effects = world.order("allow", "A", "add");
  expect(outcome(effects)).toBe("done");
  expect(only(effects, "listed")).toMatchObject({ device: "a", on: true });
  const fence = world.login("a", 2) as number;
  expect(world.ownerOf("a")).toBe(fence);
  expect(outcome(world.order("allow", "a", "remove"))).toBe("done");
  expect(world.ownerOf("a")).toBe(fence);
  expect(world.login("a", 3)).toBe("unknown_device");
  expect(outcome(world.order("allow", "a", "add"))).toBe("done");
  expect(world.login("a", 4)).toBeGreaterThan(fence);
});

test("allow is of no matter where unknown devices are admitted", () => {
  const world = new RegistryWorld();
  world.order("allow", "a", "remove");
  expect(world.login("a", 1)).toBeGreaterThan(0);
});

test("allow refuses what is no identity or no verb", () => {
  const world = new RegistryWorld({ admitUnknown: false });
  expect(outcome(world.order("allow", "a b", "add"))).toBe("refused");
  expect(outcome(world.order("allow", "a", "maybe"))).toBe("refused");
});
