/** `[[peers]]` and `[peer]`: what is read, what is refused and how it is told. */
import { describe, expect, test } from "bun:test";
import { explain } from "../../../src/config/explain.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { parsePeerAddress } from "../../../src/config/peers.ts";

const load = (text: string) => loadConfig({ file: { path: "berth.toml", text }, environment: {}, flags: {} });
function problems(text: string): string[] {
  const loaded = load(text);
  return loaded.ok ? [] : loaded.message.split("\n");
}

const TWO = `instance = "alpha"
[peer]
listen = "127.0.0.1:7001"
policy = "recent"
[[peers]]
identity = "bravo"
address = "ws://[::1]:7002"
[[peers]]
identity = "charlie"
`;

describe("peers", () => {
  test("are read, and told as they were written", () => {
    const loaded = load(TWO);
    if (!loaded.ok) throw new Error(loaded.message);
    expect(loaded.value.settings).toMatchObject({
      peer: { listen: { host: "127.0.0.1", port: 7001 }, policy: "recent" },
      peers: [{ identity: "bravo", dial: { kind: "ws", host: "::1", port: 7002 } }, { identity: "charlie", dial: null }],
    });
    expect(problems(explain(loaded.value))).toEqual([]);
    expect(explain(loaded.value)).toContain('[[peers]]\nidentity = "bravo"\naddress = "ws://[::1]:7002"\n');
  });

  test("are none, and nothing listens, when nothing is said", () => {
    const loaded = load("");
    expect(loaded).toMatchObject({ ok: true, value: { settings: { peer: { listen: null, policy: "initiator" }, peers: [] } } });
  });

  test("have an address of tcp:// or ws://, or none", () => {
    expect(parsePeerAddress("tcp://h:1")).toEqual({ kind: "tcp", host: "h", port: 1 });
    expect(parsePeerAddress("h:1")).toEqual({ kind: "tcp", host: "h", port: 1 });
    for (const text of ["", "h", "h:0", "wss://h:1", "ws://h:1/path", "http://h:1"]) expect(parsePeerAddress(text)).toBeNull();
  });

  test("that are not right are refused, each mistake by its place", () => {
    expect(problems('[[peers]]\nid = "b"\n')).toEqual([
      "berth.toml:1: [[peers]] 1: unknown key id. Allowed: identity, address",
      "berth.toml:1: [[peers]] 1 has no identity",
    ]);
    expect(problems('[[peers]]\nidentity = "b"\naddress = "b"\n')).toEqual([
      'berth.toml:1: [[peers]] 1 address is "b"; allowed: tcp://HOST:PORT or ws://HOST:PORT',
    ]);
    expect(problems('peers = "b"\n')).toEqual(["berth.toml:1: peers is not a list of [[peers]]"]);
    const twice = '[[peers]]\nidentity = "b"\naddress = "b:1"\n[[peers]]\nidentity = "B"\naddress = "b:2"\n';
    expect(problems(twice)).toEqual(["berth.toml:1: [[peers]] 2 identity B is there already"]);
  });

  test("are refused by number beyond the bound", () => {
    const text = Array.from({ length: 3 }, (_, i) => `[[peers]]\nidentity = "p${i}"\naddress = "h:1"\n`).join("");
    expect(problems(`instance = "a"\n[peer]\nnamed_peers = 2\n${text}`)).toEqual(["berth.toml:4: 3 peers exceed 2"]);
  });

  test("need a name of our own, another than theirs, and a way to meet", () => {
    const dialled = '[[peers]]\nidentity = "bravo"\naddress = "h:1"\n';
    expect(problems(dialled)[0]).toContain("instance: must be set");
    expect(problems(`instance = "Bravo"\n${dialled}`)[0]).toContain("equal identities always refuse each other");
    expect(problems('instance = "a"\n[[peers]]\nidentity = "b"\n')[0]).toContain("nobody could meet it");
    expect(problems('[peer]\nlisten = "127.0.0.1:1"\n')[0]).toContain("no [[peers]] to let in");
    expect(problems(`instance = "a"\n[peer]\nping_ms = 5000\npeer_dead_ms = 5000\n${dialled}`)[0]).toContain("must exceed [peer] ping_ms");
    expect(problems(`instance = "a"\n[peer]\ndial_stage_ms = 3000\n${dialled}`)[0]).toContain("must exceed [admission] park_ms 3000");
    expect(problems(`instance = "a"\n[peer]\npeer_sockets = 3\n${dialled}`)[0]).toContain("allowed: 4 or more");
    expect(problems('[peer]\npolicy = "takeover"\n')[0]).toContain("allowed: initiator, recent");
  });
});
