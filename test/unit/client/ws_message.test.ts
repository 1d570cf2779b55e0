/** The messages of a WebSocket as the client reads them: what each says, and that nothing odd says anything. */
import { describe, expect, test } from "bun:test";
import { readMessage } from "../../../src/client/ws_message.ts";

const read = (message: object) => readMessage(JSON.stringify({ timestamp: "2026-01-01T00:00:00.000Z", ...message }));
const said = (message: object): unknown => read(message).said;

describe("message", () => {
  test("of the gateway says what it says", () => {
    const event = { type: "event", channel: "a", id: "e.1", data: { event: "record", data: { seq: 1 } } };
    expect(said(event)).toEqual([{ type: "event", channel: "a", id: "e.1", event: "record", data: { seq: 1 } }]);
    const gap = { type: "gap", channel: "a", id: "e.9", data: { from: 2, to: 9, cause: "retention" } };
    expect(said(gap)).toEqual([{ type: "event", channel: "a", id: "e.9", event: "gap", data: gap.data }]);
    expect(said({ type: "resync", channel: "a", id: "e.9", data: { cause: "epoch" } })).toMatchObject([{ event: "resync", id: "e.9" }]);
    expect(said({ type: "hello", id: "e.1", data: { heartbeatMs: 15_000, deadMs: 60_000 } })).toEqual([{
      type: "pace",
      heartbeatMs: 15_000,
    }]);
    expect(said({ type: "bye", data: { reason: "age" } })).toEqual([{ type: "bye", reason: "age" }]);
    expect(said({ type: "bye", channel: "a", data: { reason: "slow" } })).toEqual([{ type: "bye", reason: "slow", channel: "a" }]);
  });

  test("ping wants an answer, and moves a cursor when it has one", () => {
    expect(read({ type: "ping", channel: "a", id: "e.4" })).toMatchObject({
      isPing: true,
      said: [{ type: "position", channel: "a", id: "e.4" }],
    });
    expect(read({ type: "ping", id: "e.4" })).toMatchObject({ isPing: true, said: [{ type: "position", channel: null, id: "e.4" }] });
    expect(read({ type: "ping" })).toMatchObject({ isPing: true, said: [] });
  });

  test("with an id answers what had it", () => {
    expect(read({ type: "publish", id: "7", channel: "app.a" }).answer).toEqual({ id: "7", failure: null });
    const busy = read({ type: "error", id: "7", channel: "app.a", data: { code: "busy", detail: "later", retryAfterMs: 1000 } });
    expect(busy).toMatchObject({ said: [], answer: { id: "7", failure: { isPassing: true, detail: "later", retryAfterMs: 1000 } } });
    expect(read({ type: "error", id: "7", data: "no" }).answer).toMatchObject({ failure: { isPassing: false, detail: "no" } });
  });

  test("of an error without an id is about its channel, or about nothing that concerns us", () => {
    const data = { code: "forbidden", detail: "no" };
    expect(said({ type: "error", channel: "a", data })).toEqual([{ type: "denied", channel: "a", data }]);
    expect(said({ type: "error", channel: "a", data: { code: "busy", detail: "later" } })).toMatchObject([{
      type: "failed",
      cause: "busy",
    }]);
    expect(said({ type: "error", data })).toEqual([]);
  });

  test("that is odd or of another kind says nothing", () => {
    for (
      const message of [
        { type: "event", data: {} },
        { type: "event", channel: "a", data: "text" },
        { type: "event", channel: 3, data: { event: "record" } },
        { type: "gap", data: {} },
        { type: "hello" },
        { type: "process_output", processId: "p", data: "x" },
        { type: 7 },
        {},
      ]
    ) expect(read(message)).toMatchObject({ said: [], answer: null, isPing: false });
    for (const text of ["3", "null", "[]", '"x"']) expect(readMessage(text).said).toEqual([]);
    expect(() => readMessage("{")).toThrow(SyntaxError);
  });
});
