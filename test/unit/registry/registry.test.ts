/** The registry's rules, one by one. See admission.md for where each comes from. */
import { describe, expect, test } from "bun:test";
import { only, RegistryWorld, types } from "../../support/registry_world.ts";

const IMEI = "356307042441013";

describe("claim", () => {
  test("a free device is admitted, the event before the decision", () => {
    const world = new RegistryWorld({ counter: 7 });
    const effects = world.claim(IMEI, 1);
    expect(types(effects)).toEqual(["connected", "decided"]);
    expect(only(effects, "decided")).toMatchObject({ decision: "admit", fence: 7 * 1024, conn: 1 });
    expect(world.ownerOf(IMEI)).toBe(7 * 1024);
  });

  test("a held device changes hands in one event, and the old connection is evicted", () => {
    const world = new RegistryWorld();
    const first = world.login(IMEI, 1);
    const effects = world.claim(IMEI, 2);
    expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
    const replaced = only(effects, "replaced");
    expect(replaced.old.fence).toBe(first as never);
    expect(replaced.owner.fence).toBeGreaterThan(replaced.old.fence);
    expect(replaced).toMatchObject({ policy: "takeover", oldClosing: false, cause: "superseded" });
    expect(only(effects, "evict")).toMatchObject({ reason: "superseded", owner: { claim: { conn: 1 } } });
  });

  test("spellings of one identity meet in one owner", () => {
    const world = new RegistryWorld();
    world.login(IMEI, 1);
    expect(types(world.claim(`0${IMEI}`, 2))).toContain("replaced");
    world.login("AB-cd", 3);
    expect(types(world.claim("ab-CD", 4))).toContain("replaced");
    expect(world.state.owners.size).toBe(2);
  });

  test("an identity that is none is refused as a bad login", () => {
    const world = new RegistryWorld();
    for (const text of ["", " ", "a b", "ü", "x".repeat(65), "a\n"]) expect(world.login(text, 1)).toBe("bad_login");
    expect(world.state.owners.size).toBe(0);
  });

  test("an unknown device is refused where only known ones are admitted", () => {
    const world = new RegistryWorld({ admitUnknown: false, devices: ["known"] });
    expect(world.login("stranger", 1)).toBe("unknown_device");
    expect(world.login("known", 2)).toBe(1024);
  });

  test("a new identity beyond the known devices is refused, a known one is not", () => {
    const world = new RegistryWorld({ maxDevices: 2, devices: ["a"] });
    expect(world.login("b", 1)).toBeNumber();
    expect(world.login("c", 2)).toBe("device_limit");
    expect(world.login("a", 3)).toBeNumber();
    expect(world.login("b", 4)).toBeNumber();
  });

  test("beyond the connections is refused, unless it replaces one or one has left", () => {
    const world = new RegistryWorld({ connections: 2 });
    const first = world.login("a", 1) as number;
    world.login("b", 2);
    expect(world.login("c", 3)).toBe("connections");
    expect(world.login("b", 4)).toBeNumber();
    world.close("a", 1, first);
    expect(world.login("c", 5)).toBeNumber();
  });

  test("no fence is handed out beyond the reserved block", () => {
    const world = new RegistryWorld({ counter: 5, counterEnd: 6 });
    expect(world.login("a", 1)).toBe(5 * 1024);
    expect(world.login("b", 2)).toBe("store_failing");
    world.state.counterEnd = 7;
    expect(world.login("b", 3)).toBe(6 * 1024);
  });

  test("a refusal leaves the holder untouched", () => {
    const world = new RegistryWorld();
    const fence = world.login(IMEI, 1);
    expect(types(world.blockedClaim(IMEI, 2))).toEqual(["decided"]);
    expect(world.ownerOf(IMEI)).toBe(fence as number);
    expect(world.state.owners.get(IMEI as never)?.closing).toBe(false);
  });
});

describe("close", () => {
  test("the owner's close is the disconnect, with what the worker said", () => {
    const world = new RegistryWorld();
    const fence = world.login(IMEI, 1) as number;
    const effects = world.close(IMEI, 1, fence, "idle_timeout");
    expect(types(effects)).toEqual(["disconnected"]);
    expect(only(effects, "disconnected")).toMatchObject({ position: 4096, lastByteAt: world.at - 5, owner: { fence } });
    expect(world.ownerOf(IMEI)).toBeNull();
  });

  test("late close of an old connection has no effect: after the new one registered, after it closed, after shutdown", () => {
    const world = new RegistryWorld();
    const first = world.login(IMEI, 1) as number;
    const second = world.login(IMEI, 2) as number;
    expect(world.close(IMEI, 1, first, "superseded")).toEqual([]);
    expect(world.ownerOf(IMEI)).toBe(second);
    expect(types(world.close(IMEI, 2, second))).toEqual(["disconnected"]);
    expect(world.close(IMEI, 1, first)).toEqual([]);
    expect(world.close(IMEI, 2, second)).toEqual([]);
    const third = world.login(IMEI, 3) as number;
    expect(types(world.do({ type: "releaseAll", at: world.at, positions: [64] }))).toEqual(["disconnected"]);
    expect(world.close(IMEI, 3, third)).toEqual([]);
  });

  test("same instance reconnecting quickly stays when its old close comes late", () => {
    const world = new RegistryWorld();
    const first = world.login(IMEI, 1, { clientInstance: "boot-1" }) as number;
    const second = world.login(IMEI, 2, { clientInstance: "boot-1" }) as number;
    world.close(IMEI, 1, first);
    expect(world.ownerOf(IMEI)).toBe(second);
  });

  test("a connection that ends before it hears its decision leaves", () => {
    const world = new RegistryWorld();
    world.login(IMEI, 1);
    expect(world.close(IMEI, 2, 0)).toEqual([]);
    expect(world.close(IMEI, 1, 0, "closed", 1)).toEqual([]);
    expect(types(world.close(IMEI, 1, 0))).toEqual(["disconnected"]);
    expect(world.ownerOf(IMEI)).toBeNull();
  });

  test("an evicted connection that never heard its decision does not take its successor along", () => {
    const world = new RegistryWorld();
    world.login(IMEI, 1);
    const second = world.login(IMEI, 2);
    expect(world.close(IMEI, 1, 0)).toEqual([]);
    expect(world.ownerOf(IMEI)).toBe(second as number);
  });

  test("1,000 connects of one identity leave one owner after 999 evictions and 999 closes", () => {
    const world = new RegistryWorld();
    const fences: number[] = [];
    let evicted = 0;
    for (let conn = 1; conn <= 1000; conn++) {
      const effects = world.claim(IMEI, conn);
      fences.push(only(effects, "decided").fence);
      evicted += effects.filter((effect) => effect.type === "evict" && effect.reason === "superseded").length;
    }
    expect(evicted).toBe(999);
    let disconnected = 0;
    for (let conn = 1; conn < 1000; conn++) disconnected += world.close(IMEI, conn, fences[conn - 1]!, "superseded").length;
    expect(disconnected).toBe(0);
    expect(world.state.owners.size).toBe(1);
    expect(world.ownerOf(IMEI)).toBe(fences[999]!);
  });

  test("a connect after the holder died by a write error succeeds the first time, 1,000 of 1,000", () => {
    const world = new RegistryWorld();
    for (let conn = 1; conn <= 1000; conn++) {
      const fence = world.login(IMEI, conn) as number;
      expect(fence).toBeNumber();
      expect(types(world.close(IMEI, conn, fence, "reset"))).toEqual(["disconnected"]);
    }
  });
});

describe("kick", () => {
  test("ends the connection and raises the floor above it, once", () => {
    const world = new RegistryWorld();
    const fence = world.login(IMEI, 1) as number;
    const effects = world.kick(IMEI);
    expect(types(effects)).toEqual(["raiseFloor", "evict", "done"]);
    expect(only(effects, "raiseFloor").fence).toBe((fence + 1) as never);
    expect(world.kick(IMEI)).toMatchObject([{ type: "done", outcome: "not_connected" }]);
    expect(world.kick("nobody")).toMatchObject([{ type: "done", outcome: "unknown" }]);
  });

  test("a newcomer finds a kicked holder absent: one event, no second eviction", () => {
    const world = new RegistryWorld();
    const first = world.login(IMEI, 1) as number;
    world.kick(IMEI);
    const effects = world.claim(IMEI, 2);
    expect(types(effects)).toEqual(["replaced", "decided"]);
    expect(only(effects, "replaced").oldClosing).toBe(true);
    expect(world.close(IMEI, 1, first, "kicked")).toEqual([]);
  });
});

describe("shutdown", () => {
  test("every owner leaves once, at its worker's position, and nobody comes in after", () => {
    const world = new RegistryWorld();
    world.login("a", 1);
    world.login("b", 2, { ring: 1 });
    const effects = world.do({ type: "releaseAll", at: world.at, positions: [8, 16] });
    expect(effects.map((effect) => effect.type === "disconnected" && effect.position)).toEqual([8, 16]);
    expect(world.login("a", 3)).toBe("draining");
    expect(world.do({ type: "releaseAll", at: world.at, positions: [8, 16] })).toEqual([]);
  });
});

describe("refusals", () => {
  test("of one identity become one event per window", () => {
    const world = new RegistryWorld({ devices: [IMEI] });
    for (let conn = 1; conn <= 50; conn++) world.blockedClaim(IMEI, conn);
    world.now = 9_999;
    expect(world.tick()).toEqual([]);
    world.now = 10_000;
    const [told, ...rest] = world.tick();
    expect(rest).toEqual([]);
    expect(told).toMatchObject({ type: "refusedMany", refused: { device: IMEI, count: 50, refusal: "store_busy" } });
    world.now = 60_000;
    expect(world.tick()).toEqual([]);
    expect(world.state.refused.size).toBe(0);
  });

  test("of unknown identities make no event, so that strangers cannot fill the store", () => {
    const world = new RegistryWorld({ admitUnknown: false });
    for (let conn = 1; conn <= 50; conn++) world.claim(`stranger-${conn}`, conn);
    expect(world.state.refused.size).toBe(0);
  });

  test("are counted for a bounded number of identities", () => {
    const devices = ["a", "b", "c"];
    const world = new RegistryWorld({ devices, refusedIdentities: 2 });
    for (const device of devices) world.blockedClaim(device, 1);
    expect(world.state.refused.size).toBe(2);
  });

  test("of many identities are told one in a tick", () => {
    const devices = Array.from({ length: 10 }, (_, i) => `d${i}`);
    const world = new RegistryWorld({ devices });
    for (const device of devices) world.blockedClaim(device, 1);
    world.now = 10_000;
    expect(Array.from({ length: 11 }, () => world.tick().length)).toEqual([...Array<number>(10).fill(1), 0]);
  });
});
