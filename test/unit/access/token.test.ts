/** Tokens, their scopes, and what each route needs. */
import { describe, expect, test } from "bun:test";
import { FailedTokens } from "../../../src/access/failures.ts";
import { allows, needName, needOf } from "../../../src/access/need.ts";
import { AskRate } from "../../../src/access/rate.ts";
import { createSharedTable } from "../../../src/access/shared_table.ts";
import { EVERY_SCOPE, parseScopes, scopeNames, type Scopes, visibleDevices } from "../../../src/access/scope.ts";
import { newToken, sameHash, TOKEN_BYTES, tokenHash, tokenId } from "../../../src/access/token.ts";
import { OPERATIONS } from "../../../src/http/operations.ts";

const scopes = (...names: string[]): Scopes => {
  const parsed = parseScopes(names, 64);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
};
const CLOSED = { health: false, metrics: false };

describe("a token", () => {
  const random = Uint8Array.from({ length: TOKEN_BYTES }, (_, at) => 255 - at);
  test("is its id and 256 bits in base64url", () => {
    const { id, text, hash } = newToken(random);
    expect(text).toBe(`berth_${id}_${Buffer.from(random.subarray(6)).toString("base64url")}`);
    expect(tokenId(text)).toBe(id);
    expect(sameHash(hash, tokenHash(text))).toBe(true);
  });

  test("differs in its hash when any character does", () => {
    const { text, hash } = newToken(random);
    for (let at = 0; at < text.length; at++) {
      const other = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      expect(sameHash(hash, tokenHash(other))).toBe(false);
    }
    expect(sameHash(hash, new Uint8Array(0))).toBe(false);
  });

  test("is nothing else", () => {
    for (const text of ["", "berth_", "berth_0123456789ab_short", `berth_0123456789AB_${"a".repeat(43)}`, `x${newToken(random).text}`]) {
      expect(tokenId(text)).toBeNull();
    }
  });
});

describe("scopes", () => {
  test("are read, command, admin and device:ID", () => {
    expect(scopeNames(scopes("admin,read", "device:123"))).toEqual(["read", "admin", "device:123"]);
    for (const names of [[], [""], ["write"], ["device:"], ["device:a|b"], ["device:a b"], ["read", "all"]]) {
      expect(parseScopes(names, 64).ok).toBe(false);
    }
    expect(parseScopes(["device:1", "device:2"], 1).ok).toBe(false);
  });

  test("of a device show that device alone", () => {
    expect(visibleDevices(scopes("device:7"))).toEqual(new Set(["7"]));
    expect(visibleDevices(scopes("command"))).toEqual(new Set());
    for (const all of [scopes("read"), scopes("admin"), scopes("read", "device:7"), EVERY_SCOPE]) expect(visibleDevices(all)).toBeNull();
  });
});

describe("what a route needs", () => {
  const may = (scope: string, method: string, path: string): boolean => allows(scopes(scope), needOf(method, path, CLOSED));

  test("every change needs admin, but for what reaches devices", () => {
    const changes = OPERATIONS.map(({ method, path }) => `${(method ?? "get").toUpperCase()} ${path}`)
      .filter((route) => !route.startsWith("GET "));
    const commands = ["POST /v1/devices/{id}/commands", "PUT /v1/devices/{id}/config", "POST /v1/publish"];
    for (const route of changes) {
      const [method, path] = route.replaceAll(/\{\w+\}/g, "7").split(" ") as [string, string];
      expect({ route, may: may("read", method, path) }).toEqual({ route, may: false });
      expect({ route, may: may("command", method, path) }).toEqual({ route, may: commands.includes(route) });
      expect({ route, may: may("admin", method, path) }).toEqual({ route, may: true });
    }
  });

  test("what is to be seen needs read, or the device's own scope", () => {
    for (const path of ["/v1/devices/7", "/v1/devices/7/records", "/v1/devices/7/history", "/v1/devices/%37"]) {
      expect([may("read", "GET", path), may("device:7", "GET", path), may("device:8", "GET", path), may("command", "GET", path)])
        .toEqual([true, true, false, false]);
    }
    for (const path of ["/v1/conflicts", "/v1/allow", "/v1/anything", "/v1/devices/7/../8"]) {
      expect([may("read", "GET", path), may("device:8", "GET", path)]).toEqual([true, false]);
    }
    for (const path of ["/v1/devices", "/v1/events", "/v1/ws"]) expect(may("device:7", "GET", path)).toBe(true);
  });

  test("a device's own stream and its reports need its own scope", () => {
    const reports = ["config/3/applied", "config/3/failed", "commands/0a1b/answered", "commands/0a1b/nacked"];
    const all = [["GET", "stream"], ...reports.map((path) => ["POST", path] as const)] as const;
    for (const [method, rest] of all) {
      const path = `/v1/devices/7/${rest}`;
      expect([may("read", method, path), may("device:7", method, path), may("device:8", method, path)]).toEqual([false, true, false]);
    }
    expect([may("device:7", "POST", "/v1/devices/7/commands"), may("device:7", "POST", "/v1/devices/7/commands/0a1b/forged")]).toEqual(
      [false, false],
    );
  });

  test("tokens are the business of admin", () => {
    for (const path of ["/v1/tokens", "/v1/tokens/0123456789ab"]) expect(may("read", "GET", path)).toBe(false);
    expect(needName(needOf("GET", "/v1/tokens", CLOSED))).toBe("admin");
    expect(needName(needOf("GET", "/v1/devices/7/stream", CLOSED))).toBe("device:7");
  });

  test("health and metrics are open as configured, the page always", () => {
    const kind = (path: string, health: boolean, metrics: boolean): string => needOf("GET", path, { health, metrics }).kind;
    expect([kind("/readyz", true, false), kind("/readyz", false, true)]).toEqual(["open", "scope"]);
    expect([kind("/metrics", true, false), kind("/metrics", false, true)]).toEqual(["scope", "open"]);
    expect([kind("/", false, false), kind("/dashboard/main-x.js", false, false)]).toEqual(["open", "open"]);
    expect(needOf("POST", "/", CLOSED).kind).toBe("scope");
  });
});

describe("wrong tokens", () => {
  test("are counted per address and minute, by all threads together", () => {
    const memory = createSharedTable();
    const [one, two] = [0, 1].map(() => new FailedTokens(memory, { failedTokensPerMinute: 2 }));
    expect([one!.failed("a", 9000), two!.failed("a", 10_000), one!.failed("a", 11_000), two!.failed("b", 11_000)]).toEqual([0, 0, 58, 0]);
    expect(two!.failed("a", 69_000)).toBe(0);
  });

  test("of many addresses leave each its own count, and a clock set back begins anew", () => {
    const failures = new FailedTokens(createSharedTable(), { failedTokensPerMinute: 2 });
    const addresses = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    for (const told of [0, 0, 60]) {
      expect(new Set(addresses.map((address) => failures.failed(address, 1_000_000)))).toEqual(new Set([told]));
    }
    expect(failures.failed(addresses[0]!, 500_000)).toBe(0);
  });
});

describe("requests of somebody", () => {
  test("are let through by the rate, after as many as may come at once, each for itself", () => {
    const rate = new AskRate(createSharedTable(), 2, 2);
    expect([0, 1, 2, 3, 4].map(() => rate.asks("a", 0))).toEqual([0, 0, 0, 0, 1]);
    expect(rate.asks("b", 0)).toBe(0);
    expect([rate.asks("a", 499), rate.asks("a", 500), rate.asks("a", 501), rate.asks("a", 1001)]).toEqual([1, 0, 1, 0]);
    expect([0, 1, 2, 3, 4].map(() => rate.asks("a", 60_000))).toEqual([0, 0, 0, 0, 1]);
  });

  test("wait as long as they are told, and not longer", () => {
    const rate = new AskRate(createSharedTable(), 1, 3);
    for (let i = 0; i < 3; i++) rate.asks("a", 0);
    const wait = rate.asks("a", 250);
    expect(wait).toBe(1);
    expect(rate.asks("a", 250 + 1000 * wait)).toBe(0);
  });

  test("are counted by all threads together", () => {
    const memory = createSharedTable();
    const threads = [0, 1, 2].map(() => new AskRate(memory, 1, 3));
    expect([0, 1, 2, 3, 4].map((i) => threads[i % 3]!.asks("a", 0))).toEqual([0, 0, 0, 1, 1]);
  });

  test("of more who ask than there are places let nobody ask more often, and who still asks is not forgotten", () => {
    const rate = new AskRate(createSharedTable(), 1, 1);
    rate.asks("busy", 0);
    for (let i = 0; i < 50_000; i++) {
      rate.asks(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0);
      if (i % 100 === 0) expect(rate.asks("busy", 0)).toBe(1);
    }
    expect(rate.asks("busy", 1000)).toBe(0);
  });

  test("begin anew with a clock that was set back: nobody is turned away for what will be", () => {
    const rate = new AskRate(createSharedTable(), 1, 3);
    for (let i = 0; i < 3; i++) rate.asks("a", 86_400_000);
    expect([0, 1, 2, 3].map(() => rate.asks("a", 0))).toEqual([0, 0, 0, 1]);
    for (let i = 0; i < 50_000; i++) rate.asks(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 86_400_000);
    expect([0, 1, 2, 3].map(() => rate.asks("b", 0))).toEqual([0, 0, 0, 1]);
  });

  test("are not let through more often by a clock that is a little behind", () => {
    const rate = new AskRate(createSharedTable(), 1, 3);
    for (let i = 0; i < 3; i++) rate.asks("a", 1_000_000);
    expect([999_500, 999_001, 1_000_000].map((at) => rate.asks("a", at))).toEqual([1, 1, 1]);
  });
});
