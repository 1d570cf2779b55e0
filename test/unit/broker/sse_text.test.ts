/** The text of event streams, byte by byte. */
import { expect, test } from "bun:test";
import { sseEvent, sseFormat } from "../../../src/broker/sse_text.ts";
import { SseParser } from "../../support/sse.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const format = sseFormat("e");

test("blocks are as the interface says", () => {
  expect(text(sseEvent("e.5", "record", '{"a":"é"}'))).toBe('id: e.5\nevent: record\ndata: {"a":"é"}\n\n');
  expect(text(format.opening(2000))).toBe("retry: 2000\n\n");
  expect(text(format.resync(7, "none"))).toBe('id: e.7\nevent: resync\ndata: {"cause":"none"}\n\n');
  expect(text(format.gap(9, 3, 9, "retention"))).toBe('id: e.9\nevent: gap\ndata: {"from":3,"to":9,"cause":"retention"}\n\n');
  expect(text(format.bye("age"))).toBe('event: bye\ndata: {"reason":"age"}\n\n');
  expect(text(format.heartbeat(4))).toBe(": e.4\n\nid: e.4\n\n");
});

test("a heartbeat moves the last id and dispatches nothing", () => {
  const parser = new SseParser();
  parser.push(text(format.heartbeat(4)));
  expect([parser.lastId, parser.events.length, parser.comments]).toEqual(["e.4", 0, ["e.4"]]);
});
