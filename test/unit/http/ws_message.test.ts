/** What a client may say over a WebSocket. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSaid } from "../../../src/http/ws_message.ts";

const say = (message: unknown) => parseSaid(JSON.stringify(message));
const valueOf = (message: unknown): unknown => {
  const said = say(message);
  return said.ok ? said.value : said.fault;
};
const DEVICE = { kind: "device", device: "7" } as const;

describe("a message", () => {
  test("subscribes by its channel, or by string data as go-ws does", () => {
    const wanted = { type: "subscribe", id: undefined, name: "device.7", channel: DEVICE, start: { cursor: null, mode: "complete" } };
    expect(valueOf({ type: "subscribe", channel: "device.7" })).toEqual(wanted);
    expect(valueOf({ type: "subscribe", data: "device.7", timestamp: "0001-01-01T00:00:00Z" })).toEqual(wanted);
    expect(valueOf({ type: "subscribe", channel: "devices", cursor: "e.5", mode: "latest", id: 9 })).toEqual({
      type: "subscribe",
      id: 9,
      name: "devices",
      channel: { kind: "devices" },
      start: { cursor: "e.5", mode: "latest" },
    });
    expect(valueOf({ type: "unsubscribe", data: "app.x" })).toEqual({ type: "unsubscribe", id: undefined, name: "app.x" });
  });

  test("publishes any JSON, as publish or as event", () => {
    for (const type of ["publish", "event"]) {
      expect(valueOf({ type, channel: "app.x", data: { a: [1, null, "ü"] }, id: "1" })).toEqual({
        type: "publish",
        id: "1",
        name: "app.x",
        data: '{"a":[1,null,"ü"]}',
      });
      expect(valueOf({ type, channel: "app.x" })).toMatchObject({ data: "null" });
    }
  });

  test("that nothing is done about is understood", () => {
    for (const type of ["pong", "error", "process_output", "process_status"]) {
      expect(valueOf({ type, processId: "p", data: "x" })).toEqual({ type: "nothing" });
    }
    expect(valueOf({ type: "ping", id: "a" })).toEqual({ type: "ping", id: "a" });
  });

  test.each([
    ["not JSON", "{", "bad_message"],
    ["no object", "7", "bad_message"],
    ["no type", "{}", "bad_message"],
    ["an id that is none", '{"type":"ping","id":{}}', "bad_message"],
    ["a mode there is not", '{"type":"subscribe","channel":"devices","mode":"newest"}', "bad_message"],
    ["an unknown type", '{"type":"hello"}', "unknown_type"],
    ["no channel", '{"type":"subscribe"}', "bad_channel"],
    ["data that is no name", '{"type":"subscribe","data":{"a":1}}', "bad_channel"],
    ["a channel of nobody", '{"type":"subscribe","channel":"news"}', "bad_channel"],
    ["a channel with a blank", '{"type":"subscribe","channel":"device.a b"}', "bad_channel"],
    ["a channel that is too long", `{"type":"subscribe","channel":"app.${"x".repeat(253)}"}`, "bad_channel"],
    ["publishing for a device", '{"type":"publish","channel":"device.7","data":1}', "bad_channel"],
    ["publishing on devices", '{"type":"publish","channel":"devices","data":1}', "bad_channel"],
  ])("is refused for %s", (_why, text, fault) => {
    const said = parseSaid(text);
    expect(said.ok ? "" : said.fault).toBe(fault as never);
  });

  test("that is refused is named as far as it can be", () => {
    expect(say({ type: "subscribe", channel: "news", id: "4" })).toMatchObject({ ok: false, id: "4" });
    expect(say({ type: "what", id: 4 })).toMatchObject({ ok: false, id: 4 });
  });

  test("is understood or refused, whatever it is, and published as it came", () => {
    const type = fc.constantFrom("subscribe", "unsubscribe", "publish", "event", "ping", "error", "other", "");
    const message = fc.record(
      {
        type: fc.oneof(type, fc.jsonValue()),
        channel: fc.oneof(fc.constantFrom("app.x", "devices"), fc.jsonValue()),
        data: fc.jsonValue(),
        id: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.json(), message.map((value) => JSON.stringify(value)), fc.string()), (text) => {
        const said = parseSaid(text);
        if (said.ok && said.value.type === "publish") {
          expect(JSON.parse(said.value.data)).toEqual((JSON.parse(text) as { data?: unknown }).data ?? null);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is nested a hundred deep and no deeper", () => {
    const nested = (depth: number): string => `{"type":"publish","channel":"app.x","data":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect([100, 101, 30_000].map((depth) => parseSaid(nested(depth)).ok)).toEqual([true, false, false]);
  });
});
