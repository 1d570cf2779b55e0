/** Finding the line a key stands on. */
import { describe, expect, test } from "bun:test";
import { nearest } from "../../../src/config/suggest.ts";
import { lineOfKey } from "../../../src/config/toml_line.ts";

const TOML = `workers = 1
text = """
listen = "not this"
[tcp]
"""
  [ tcp ] # where trackers connect
# idle_timeout_ms = 1
"listen" = "a"
idle_timeout_ms=2
[http]
listen = "b"
[[peers]]
id = 1
[journal]
[process.inner]
http.x = 1
udp = { listen = "c" }
`;

describe("line of a key", () => {
  test("is where the key of that table stands", () => {
    expect(lineOfKey(TOML, ["workers"])).toBe(1);
    expect(lineOfKey(TOML, ["tcp", "listen"])).toBe(8);
    expect(lineOfKey(TOML, ["tcp", "idle_timeout_ms"])).toBe(9);
    expect(lineOfKey(TOML, ["http", "listen"])).toBe(11);
    expect(lineOfKey(TOML, ["peers"])).toBe(12);
    expect(lineOfKey(TOML, ["journal"])).toBe(14);
    expect(lineOfKey(TOML, ["process", "inner", "http", "x"])).toBe(16);
  });

  test("is the line around it when it has none of its own", () => {
    expect(lineOfKey(TOML, ["process", "inner", "udp", "listen"])).toBe(17);
    expect(lineOfKey(TOML, ["tcp", "absent"])).toBe(6);
    expect(lineOfKey(TOML, ["absent"])).toBe(1);
  });
});

describe("did you mean", () => {
  test("offers a name one or two edits away and nothing far", () => {
    const names = ["idle_timeout_ms", "listen", "policy"];
    expect(nearest("idel_timeout_ms", names)).toBe("idle_timeout_ms");
    expect(nearest("Listen", names)).toBe("listen");
    expect(nearest("polic", names)).toBe("policy");
    expect(nearest("wholly_other", names)).toBeNull();
  });
});
