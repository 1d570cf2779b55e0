/** Which connection wins: every policy × who dialled × whose identity is bigger × what the holder is. The table is the rule. */
import { describe, expect, test } from "bun:test";
import { only, RegistryWorld, type Told, types } from "../../support/registry_world.ts";

const DEVICE = "m";
const SELF = { bigger: "z", smaller: "a", equal: "M" } as const;
const HOLDERS = ["alive", "closing", "dead"] as const;
type Holder = (typeof HOLDERS)[number];

/**
 * The newcomer comes in (the holder is one that we dialled), or we dialled it (the holder came in); our identity is bigger
 * than the device's, smaller or equal. Alive: the holder answers a probe. Dead: silently. Each cell: who has the device at
 * the end, and after which time. `refused`: the newcomer is, whatever the holder. 10s: a tracker's probe; 3s: parking.
 */
const TABLE = `
policy     newcomer  we are    alive     closing   dead
takeover   incoming  bigger    new 0s    new 0s    new 0s
takeover   incoming  smaller   new 0s    new 0s    new 0s
takeover   incoming  equal     new 0s    new 0s    new 0s
takeover   outgoing  bigger    new 0s    new 0s    new 0s
takeover   outgoing  smaller   new 0s    new 0s    new 0s
takeover   outgoing  equal     new 0s    new 0s    new 0s
reject     incoming  bigger    old 0s    new 0s    new 10s
reject     incoming  smaller   old 0s    new 0s    new 10s
reject     incoming  equal     old 0s    new 0s    new 10s
reject     outgoing  bigger    old 0s    new 0s    new 10s
reject     outgoing  smaller   old 0s    new 0s    new 10s
reject     outgoing  equal     old 0s    new 0s    new 10s
initiator  incoming  bigger    old 0s    new 0s    new 10s
initiator  incoming  smaller   new 0s    new 0s    new 0s
initiator  incoming  equal     refused   refused   refused
initiator  outgoing  bigger    new 0s    new 0s    new 0s
initiator  outgoing  smaller   old 0s    new 0s    new 10s
initiator  outgoing  equal     refused   refused   refused
recent     incoming  bigger    new 0s    new 0s    new 0s
recent     incoming  smaller   new 3s    new 0s    new 3s
recent     incoming  equal     refused   refused   refused
recent     outgoing  bigger    new 0s    new 0s    new 0s
recent     outgoing  smaller   new 3s    new 0s    new 3s
recent     outgoing  equal     refused   refused   refused
multi(2)   incoming  bigger    both 0s   new 0s    both 0s
multi(2)   incoming  smaller   both 0s   new 0s    both 0s
multi(2)   incoming  equal     both 0s   new 0s    both 0s
multi(2)   outgoing  bigger    both 0s   new 0s    both 0s
multi(2)   outgoing  smaller   both 0s   new 0s    both 0s
multi(2)   outgoing  equal     both 0s   new 0s    both 0s
`;

interface Case {
  readonly policy: string;
  readonly dialled: boolean;
  readonly self: string;
  readonly holder: Holder;
}

/** What the effects decided about the newcomer, if they did. */
const decisionOf = (effects: readonly Told[]): string | null => {
  const decided = effects.find((effect) => effect.type === "decided" && effect.conn === 2 && effect.decision !== "pending");
  return decided?.type === "decided" ? (decided.decision === "admit" ? "admit" : decided.refusal) : null;
};

/** Plays one case until the newcomer is decided. */
function play({ policy, dialled, self, holder }: Case): string {
  const world = new RegistryWorld({ self });
  const first = world.login(DEVICE, 1, { dialled: !dialled }) as number;
  if (holder === "closing") world.kick(DEVICE);
  world.order("class_policy", "default", policy);
  let effects = world.claim(DEVICE, 2, { dialled });
  if (effects.some((effect) => effect.type === "probe") && holder === "alive") {
    effects = world.do({ type: "probed", device: DEVICE, fence: first, answers: true });
  }
  while (decisionOf(effects) === null && world.now < 60_000) {
    world.now += 500;
    effects = world.tick();
  }
  const decision = decisionOf(effects);
  if (decision === "equal_identities") return "refused";
  const both = world.state.living === 2;
  const fence = world.ownerOf(DEVICE);
  return `${both ? "both" : fence === first ? "old" : "new"} ${world.now / 1000}s`;
}

describe("policy", () => {
  for (const row of TABLE.trim().split("\n").slice(1)) {
    const [policy, newcomer, size, ...cells] = row.split(/ {2,}/) as [string, string, keyof typeof SELF, ...string[]];
    test(`${policy}, ${newcomer}, we are ${size}: ${cells.join(", ")}`, () => {
      const dialled = newcomer === "outgoing";
      expect(HOLDERS.map((holder) => play({ policy, dialled, self: SELF[size], holder }))).toEqual(cells);
    });
  }

  test("the table has every case once", () => {
    const keys = TABLE.trim().split("\n").slice(1).map((row) => row.split(/ {2,}/).slice(0, 3).join(" "));
    expect([keys.length, new Set(keys).size]).toEqual([30, 30]);
  });

  test("initiator: of two connections dialled by one side the newer is kept", () => {
    for (const self of ["a", "z"]) {
      for (const dialled of [true, false]) {
        const world = new RegistryWorld({ policy: "initiator", self });
        world.login(DEVICE, 1, { dialled });
        expect(types(world.claim(DEVICE, 2, { dialled }))).toEqual(["replaced", "evict", "decided"]);
      }
    }
  });

  test("equal identities are refused though nobody holds the device, in any spelling", () => {
    for (const policy of ["initiator", "recent"]) {
      const world = new RegistryWorld({ policy, self: "Hub-1" });
      expect(world.login("hub-1", 1)).toBe("equal_identities");
      expect(world.login("HUB-1", 2, { dialled: true })).toBe("equal_identities");
      expect(world.login("hub-2", 3)).toBeNumber();
    }
  });
});

describe("a policy is", () => {
  const classes = [
    { name: "ships", match: "35030*", transport: 0, policy: { name: "reject", connections: 1 } },
    { name: "phones", match: "*", transport: 3, policy: { name: "multi", connections: 2 } },
    { name: "hubs", match: null, transport: null, policy: { name: "recent", connections: 1 } },
  ] as const;
  const world = (): RegistryWorld => new RegistryWorld({ classes, devicePolicies: { "350301234567890": "takeover" }, self: "a" });

  /** The policy by which a second connection of this device was decided. */
  const used = (registry: RegistryWorld, device: string, more: { transport?: number; deviceClass?: string } = {}): string => {
    registry.claim(device, 1, more);
    return only(registry.claim(device, 2, more), "decided").policy;
  };

  test("the device's own, else that of the first class it fits, else the common one", () => {
    expect(used(world(), "350301234567890")).toBe("takeover");
    expect(used(world(), "350301234567891")).toBe("reject");
    expect(used(world(), "350301234567891", { transport: 3 })).toBe("multi");
    expect(used(world(), "350411234567891")).toBe("takeover");
  });

  test("found by an identity and a pattern in any spelling", () => {
    const registry = new RegistryWorld({
      classes: [{ name: "hex", match: "AB:*", transport: null, policy: { name: "reject", connections: 1 } }],
    });
    expect([used(registry, "ab:1"), used(registry, "AB:2"), used(registry, "aB:3"), used(registry, "ac:1")])
      .toEqual(["reject", "reject", "reject", "takeover"]);
  });

  test("that of the class a connection names", () => {
    expect(used(world(), "berth-2", { deviceClass: "hubs" })).toBe("recent");
    expect(used(world(), "berth-2")).toBe("takeover");
  });

  test("not the device's where a connection names its class: the other side was told that one", () => {
    const registry = world();
    registry.login("berth-2", 9, { deviceClass: "hubs" });
    registry.order("device_policy", "berth-2", "takeover");
    expect(only(registry.order("class_policy", "hubs", "takeover"), "done").outcome).toBe("unknown");
    expect(used(registry, "berth-2", { deviceClass: "hubs" })).toBe("recent");
  });

  test("changed for a class, for a device and for all, for admissions from then on", () => {
    const registry = world();
    registry.login("350309", 1);
    expect(registry.order("class_policy", "ships", "takeover")).toMatchObject([{ type: "done", outcome: "done", text: "takeover" }]);
    expect(types(registry.claim("350309", 2))).toContain("replaced");
    registry.order("device_policy", "350309", "multi(2)");
    expect(types(registry.claim("350309", 3))).toContain("connected");
    registry.order("device_policy", "350309", "");
    expect(types(registry.claim("350309", 4))).toEqual(["disconnected", "evict", "replaced", "evict", "decided"]);
    registry.order("class_policy", "default", "reject");
    expect(used(registry, "other")).toBe("reject");
  });

  test("not changed by an order that names nothing known or no policy", () => {
    const registry = world();
    const outcomes = [
      registry.order("class_policy", "trucks", "reject"),
      registry.order("device_policy", "nobody", "reject"),
      registry.order("class_policy", "ships", "multi(17)"),
      registry.order("class_policy", "ships", ""),
      registry.order("device_policy", "a b", "reject"),
    ];
    expect(outcomes.map((effects) => only(effects, "done").outcome)).toEqual(["unknown", "unknown", "refused", "refused", "unknown"]);
  });
});
