/** Datagrams in the registry: a newcomer without a session stands beside one that has it, and never keeps one out. */
import { describe, expect, test } from "bun:test";
import { TRANSPORTS } from "../../../src/wire/control.ts";
import { only, RegistryWorld, types } from "../../support/registry_world.ts";

const UDP = { transport: TRANSPORTS.indexOf("udp"), ring: 3 };
const IMEI = "352093086403655";

describe("a datagram's claim", () => {
  test("of a free device is admitted like any", () => {
    const world = new RegistryWorld();
    const effects = world.claim(IMEI, 1, UDP);
    expect(types(effects)).toEqual(["connected", "decided"]);
    expect(only(effects, "decided")).toMatchObject({ decision: "admit", ring: 3, conn: 1 });
  });

  test.each(["takeover", "reject", "multi(3)", "initiator", "recent"])(
    "beside a session owns nothing and evicts nobody, under %s",
    (policy) => {
      const world = new RegistryWorld({ policy });
      const owner = only(world.claim(IMEI, 1), "connected").owner;
      const effects = world.claim(IMEI, 9, UDP);
      expect(types(effects)).toEqual(["beside"]);
      expect(only(effects, "beside")).toMatchObject({ owner, ring: 3, conn: 9 });
      expect(world.state.living).toBe(1);
      expect(world.state.owners.get(owner.device)).toBe(owner);
    },
  );

  test("asks again at any time, and is the owner when the session has left", () => {
    const world = new RegistryWorld();
    const { fence } = only(world.claim(IMEI, 1), "connected").owner;
    world.claim(IMEI, 9, UDP);
    world.close(IMEI, 1, fence);
    expect(only(world.claim(IMEI, 9, UDP), "connected").owner.fence).toBeGreaterThan(fence);
  });

  test("from another address takes the place of the one before, whatever the policy: a device moves without a word", () => {
    const world = new RegistryWorld({ policy: "multi(5)" });
    const first = only(world.claim(IMEI, 1, UDP), "connected").owner;
    world.now += 10_000;
    const effects = world.claim(IMEI, 2, { ...UDP, address: "10.9.9.9" });
    expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
    expect(only(effects, "evict").owner).toBe(first);
    expect(world.state.conflicts.watched).toBe(0);
  });

  test("from another address stands beside the one before for a while, so that history is not filled in a device's name", () => {
    const world = new RegistryWorld();
    const first = only(world.claim(IMEI, 1, UDP), "connected").owner;
    for (const passed of [0, 5000, 4999]) {
      world.now += passed;
      // The wall clock may say what it wants.
      world.at += passed === 5000 ? 86_400_000 : -3_600_000;
      expect(only(world.claim(IMEI, 2, { ...UDP, address: "10.9.9.9" }), "beside").owner).toBe(first);
    }
    world.now += 1;
    expect(only(world.claim(IMEI, 2, { ...UDP, address: "10.9.9.9" }), "replaced").old).toBe(first);
  });

  test("is refused while a drain or the journal lets nobody store, also beside a session", () => {
    const world = new RegistryWorld();
    world.claim(IMEI, 1);
    world.state.blocked = "store_busy";
    expect(only(world.claim(IMEI, 9, UDP), "decided")).toMatchObject({ decision: "refuse", refusal: "store_busy" });
    world.state.blocked = "none";
    world.state.draining = true;
    expect(only(world.claim(IMEI, 9, UDP), "decided")).toMatchObject({ decision: "refuse", refusal: "draining" });
  });

  test("of an unknown device is refused where nobody unannounced is let in", () => {
    const world = new RegistryWorld({ admitUnknown: false });
    expect(only(world.claim(IMEI, 1, UDP), "decided")).toMatchObject({ decision: "refuse", refusal: "unknown_device" });
  });
});

describe("a session", () => {
  test.each(["takeover", "reject", "multi(3)", "initiator", "recent"])(
    "takes a device from a datagram's sender at once, under %s",
    (policy) => {
      const world = new RegistryWorld({ policy });
      const old = only(world.claim(IMEI, 1, UDP), "connected").owner;
      const effects = world.claim(IMEI, 2);
      expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
      expect(only(effects, "replaced").old).toBe(old);
      expect(world.state.living).toBe(1);
      expect(world.state.conflicts.watched).toBe(0);
    },
  );

  test("is not kept out by a hold when a datagram's sender has the device", () => {
    const world = new RegistryWorld({ conflictAction: "hold" });
    for (let i = 0; i < 8; i++) {
      const fight = only(world.claim(IMEI, 10 + i, { address: i % 2 === 0 ? "10.0.0.1" : "10.0.0.2" }), "decided");
      const lost = world.state.owners.get(IMEI as never)!;
      if (i > 0 && fight.decision === "admit") {
        world.do({ type: "afterlife", device: IMEI, fence: lost.fence - 1024, answered: true, bytesAfter: true, at: world.at });
      }
    }
    expect(world.state.conflicts.isHeld(IMEI as never)).toBe(true);
    const { fence, claim: { conn } } = world.state.owners.get(IMEI as never)!;
    world.close(IMEI, conn, fence);
    only(world.claim(IMEI, 50, UDP), "connected");
    expect(only(world.claim(IMEI, 51, { address: "10.0.0.9" }), "decided").decision).toBe("admit");
  });
});
