/** What people see of events and devices. */
import { describe, expect, test } from "bun:test";
import { deviceCard, deviceTable } from "../../../src/cli/device_table.ts";
import { eventLine } from "../../../src/cli/event_line.ts";

const line = (event: string, data: unknown): string => eventLine({ event, data });
const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const STAMP = "2026-01-02T03:04:05.678Z";
const device = "356307042441013";

describe("event line", () => {
  test("says of each kind what matters", () => {
    const origin = { address: "10.0.0.7", port: 4711, clientInstance: "" };
    for (
      const [event, data, rest] of [
        [
          "record",
          { device, receivedAt: AT, seq: 7, time: AT - 1000, lat: 54.6872, lon: 25.2797, speed: 82, satellites: 9 },
          "seq 7  2026-01-02T03:04:04.678Z  54.68720 25.27970  82 km/h  9 sat",
        ],
        ["connected", { device, at: AT, fence: 1024, transport: "tcp", origin }, "fence 1024  tcp  10.0.0.7:4711"],
        ["replaced", {
          device,
          at: AT,
          fence: 2048,
          transport: "tcp",
          origin,
          policy: "takeover",
          old: { fence: 1024, origin: { ...origin, port: 1 } },
        }, "fence 2048  tcp  10.0.0.7:4711  replaces fence 1024  10.0.0.7:1  policy takeover"],
        [
          "replaced",
          { device, at: AT, fence: 2048, policy: "reject", cause: "probe_silent", old: { fence: 1024 } },
          "fence 2048  replaces fence 1024  policy reject  probe_silent",
        ],
        ["disconnected", { device, at: AT, fence: 1024, reason: "idle_timeout", records: 5 }, "fence 1024  idle_timeout  records 5"],
        ["refused", { device, at: AT, count: 3, reason: "device_limit", origin }, "device_limit  3 times  10.0.0.7:4711"],
        [
          "conflict",
          { device, at: AT, verdict: "clone", origins: [origin, { ...origin, address: "10.0.0.8" }] },
          "clone  10.0.0.7:4711 and 10.0.0.8:4711",
        ],
        [
          "quarantined",
          { device, at: AT, reason: "unknown_codec", codec: 99, bytes: 12, id: 4711 },
          "unknown_codec  codec 99  12 bytes  frame 4711",
        ],
        ["command", { device, at: AT, codec: 12, hex: "0c01" }, "codec 12  0c01"],
        [
          "command",
          { device, at: AT, state: "written", text: "getver", codec: 12, reason: null, response: null },
          'written  "getver"  codec 12',
        ],
        [
          "command",
          { device, at: AT, state: "unknown", text: "getver", codec: 14, reason: "timeout", response: null },
          'unknown  "getver"  timeout  codec 14',
        ],
        [
          "command",
          { device, at: AT, state: "answered", text: "a", codec: 12, reason: null, response: "1\n2" },
          'answered  "a"  "1\\n2"  codec 12',
        ],
        ["message", { device, at: AT, channel: "app.orders", data: { id: 7 } }, 'app.orders  {"id":7}'],
        ["command", { device, at: AT, unsolicited: true, codec: 12, payload: "6f6b", late: "01a1" }, "late answer  codec 12  6f6b"],
      ] as const
    ) expect(line(event, data)).toBe(`${STAMP}  ${device}  ${event.padEnd(12)}  ${rest}`);
  });

  test("of a marker has no time and no device", () => {
    const nothing = `${"-".repeat(24)}  ${"-".padEnd(15)}`;
    expect(line("gap", { from: 3, to: 9, cause: "retention" })).toBe(`${nothing}  gap           events are missing  3 to 9  retention`);
    expect(line("resync", { cause: "none" })).toBe(`${nothing}  resync        from here on`);
    expect(line("bye", { reason: "shutdown" })).toBe(`${nothing}  bye           shutdown`);
  });

  test("shows what it cannot read, and lets nothing move the cursor", () => {
    expect(line("record", "not\u009b[2J known")).toContain("not?[2J known");
    expect(line("bye", { reason: "a\nb\u0007" })).toEndWith("a?b?");
    expect(line("record", { time: 9e15, seq: 1 })).toContain("9000000000000000 ms");
  });
});

describe("devices", () => {
  const one = {
    id: device,
    connected: true,
    fence: 1024,
    transport: "tcp",
    origin: { address: "10.0.0.7", port: 4711, clientInstance: null },
    since: AT,
    lastSeenAt: AT,
    lastByteAt: AT,
    position: { time: AT, lat: 54.6872, lon: 25.2797, speed: 82, satellites: 9 },
    records: 12,
  };
  const other = { ...one, id: "3", connected: false, fence: 0, origin: null, since: 0, lastSeenAt: 0, position: null, records: 0 };

  test("stand in columns as wide as their widest cell", () => {
    expect(deviceTable([one, other]).split("\n")).toEqual([
      "DEVICE           STATE      FENCE  FROM               SINCE                 LAST SEEN             RECORDS  POSITION",
      "356307042441013  connected  1024   tcp 10.0.0.7:4711  2026-01-02T03:04:05Z  2026-01-02T03:04:05Z  12       54.68720 25.27970",
      "3                away       0      -                  -                     -                     0        -",
      "",
    ]);
  });

  test("one is a card of facts", () => {
    const card = deviceCard(one);
    expect(card).toContain("device       356307042441013\n");
    expect(card).toContain("position of  2026-01-02T03:04:05Z, 82 km/h, 9 satellites\n");
    expect(deviceCard(other)).toContain("position of  -\n");
    expect(deviceCard(other)).toContain("last ack     -\nin flight    -\n");
    const liveness = { inFlight: 3, kernel: { lastAckAt: AT, rttMs: 81.25, retransmits: 2 } };
    expect(deviceCard({ ...one, liveness })).toContain(
      "last ack     2026-01-02T03:04:05Z, round trip 81.3 ms, 2 retransmissions\nin flight    3\n",
    );
    expect(deviceCard({ ...one, liveness: { inFlight: 0, kernel: null } })).toContain("last ack     -\nin flight    0\n");
  });
});
