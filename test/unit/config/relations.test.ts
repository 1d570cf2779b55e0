/** Settings of WebSockets and messages that must fit together. */
import { expect, test } from "bun:test";
import { loadConfig } from "../../../src/config/load.ts";

const problem = (text: string): string => {
  const result = loadConfig({ file: { path: "berth.toml", text }, environment: {}, flags: {} });
  return result.ok ? "" : result.message;
};

test.each([
  ["[http]\nsocket_dead_ms = 30000\n", "berth.toml:2: [http] socket_dead_ms: 30000 must exceed [http] socket_ping_ms 30000"],
  ["[http]\nsocket_dead_ms = 30000\nsocket_ping_ms = 10000\n", ""],
  ["[http]\nsocket_ask_burst = 1000\n", "berth.toml:2: [http] socket_ask_burst: 1000 is below [http] socket_subscriptions 1024"],
  ["[http]\nsocket_ask_burst = 1000\nsocket_subscriptions = 1000\n", ""],
  [
    "[rings]\nmessage_ring_bytes = 65536\n",
    "berth.toml:2: [rings] message_ring_bytes: 65536 is too small for [http] message_bytes 65536; allowed: 524288 or more",
  ],
  ["[rings]\nmessage_ring_bytes = 65536\n[http]\nmessage_bytes = 8192\n", ""],
])("%p is told of what does not fit: %p", (toml, expected) => expect(problem(toml)).toBe(expected));
