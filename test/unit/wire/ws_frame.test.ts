/** WebSocket frames of a server: what it sends, and what it makes of what comes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { closeFrame, frame, Opcode, textFrame, textsOf } from "../../../src/wire/ws_frame.ts";
import { WsReader } from "../../../src/wire/ws_reader.ts";
import { maskedFrame } from "../../support/raw_ws.ts";

class Told {
  readonly all: string[] = [];
  text(text: string): void {
    this.all.push(`text ${text}`);
  }
  binary(): void {
    this.all.push("binary");
  }
  ping(payload: Uint8Array): void {
    this.all.push(`ping ${new TextDecoder().decode(payload)}`);
  }
  pong(): void {
    this.all.push("pong");
  }
  close(code: number): void {
    this.all.push(`close ${code}`);
  }
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const readAll = (bytes: Uint8Array, max = 1000): { told: string[]; fault: number | null } => {
  const told = new Told();
  const fault = new WsReader(max).push(bytes, told);
  return { told: told.all, fault };
};

describe("frames we send", () => {
  test.each([[0], [1], [125], [126], [65_535], [65_536]])("of %i bytes are taken apart again", (length) => {
    const texts = ["a", "x".repeat(length), "ü"];
    expect(textsOf(joined(texts.map(textFrame)))).toEqual(texts);
  });

  test("are not masked, and name their length in as few bytes as they can", () => {
    expect([...textFrame("hi")]).toEqual([0x81, 2, 104, 105]);
    expect([...textFrame("x".repeat(126)).subarray(0, 4)]).toEqual([0x81, 126, 0, 126]);
    expect([...frame(Opcode.text, new Uint8Array(65_536)).subarray(0, 10)]).toEqual([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    expect([...closeFrame(1001, "x")]).toEqual([0x88, 3, 3, 233, 120]);
  });
});

describe("what comes", () => {
  const sent = fc.oneof(
    fc.string({ maxLength: 300, unit: "grapheme" }).map((text) => ({ frames: [maskedFrame(0x81, text)], told: [`text ${text}`] })),
    fc.array(fc.string({ maxLength: 40 }), { minLength: 2, maxLength: 4 }).map((parts) => ({
      frames: parts.map((part, i) => maskedFrame((i === 0 ? 0x01 : 0x00) | (i === parts.length - 1 ? 0x80 : 0), part)),
      told: [`text ${parts.join("")}`],
    })),
    fc.string({ maxLength: 20 }).map((text) => ({ frames: [maskedFrame(0x89, text)], told: [`ping ${text}`] })),
    fc.constant({ frames: [maskedFrame(0x8a, "")], told: ["pong"] }),
    fc.constant({ frames: [maskedFrame(0x82, Uint8Array.of(255))], told: ["binary"] }),
  );

  test("is the same however it is cut", () => {
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (messages, cuts) => {
        const bytes = joined(messages.flatMap(({ frames }) => frames));
        const told = new Told();
        const reader = new WsReader(2000);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + cuts[i % cuts.length]!;
          expect(reader.push(bytes.slice(at, end), told)).toBeNull();
          at = end;
        }
        expect(told.all).toEqual(messages.flatMap(({ told }) => told));
      }),
      { numRuns: 200 },
    );
  });

  test("may be a ping between the frames of a message", () => {
    const bytes = joined([maskedFrame(0x01, "a"), maskedFrame(0x89, "p"), maskedFrame(0x80, "b")]);
    expect(readAll(bytes)).toEqual({ told: ["ping p", "text ab"], fault: null });
  });

  test("ends with a close, named or not", () => {
    const more = maskedFrame(0x81, "late");
    expect(readAll(joined([maskedFrame(0x88, Uint8Array.of(3, 233)), more])).told).toEqual(["close 1001"]);
    expect(readAll(joined([maskedFrame(0x88, ""), more])).told).toEqual(["close 1005"]);
  });

  test.each([
    ["a frame without a mask", maskedFrame(0x81, "x", false), 1002],
    ["a reserved bit", maskedFrame(0xc1, "x"), 1002],
    ["an opcode nobody knows", maskedFrame(0x83, "x"), 1002],
    ["a control frame in pieces", maskedFrame(0x09, "x"), 1002],
    ["a control frame that is too long", maskedFrame(0x89, "x".repeat(126)), 1002],
    ["a continuation of nothing", maskedFrame(0x80, "x"), 1002],
    ["a message begun in another", joined([maskedFrame(0x01, "a"), maskedFrame(0x81, "b")]), 1002],
    ["a text that is no UTF-8", maskedFrame(0x81, Uint8Array.of(0xc3, 0x28)), 1007],
    ["a message that is too long", maskedFrame(0x81, "x".repeat(1001)), 1009],
    ["frames that are too long together", joined([maskedFrame(0x01, "x".repeat(600)), maskedFrame(0x80, "x".repeat(600))]), 1009],
    ["a length beyond 32 bits", Uint8Array.of(0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4), 1009],
  ])("is a fault: %s", (_what, bytes, code) => {
    const told = new Told();
    const reader = new WsReader(1000);
    expect(reader.push(bytes, told)).toBe(code as never);
    expect(reader.push(maskedFrame(0x81, "after"), told)).toBeNull();
    expect(told.all).toEqual([]);
  });

  test("may be anything: it is read or refused", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (pieces) => {
        const reader = new WsReader(100);
        const told = new Told();
        let fault: number | null = null;
        for (const piece of pieces) fault ??= reader.push(piece, told);
        if (fault !== null) expect([1002, 1007, 1009]).toContain(fault);
      }),
      { numRuns: 500 },
    );
  });

  test("may be a message of very many frames, each of one byte", () => {
    const frames = Array.from({ length: 1000 }, (_, i) => maskedFrame((i === 0 ? 0x01 : 0x00) | (i === 999 ? 0x80 : 0), "xyz"[i % 3]!));
    expect(readAll(joined(frames)).told).toEqual([`text ${"xyz".repeat(333)}x`]);
  });

  test("costs nothing when it is empty: frames of a message that never ends", () => {
    const reader = new WsReader(1000);
    const told = new Told();
    expect(reader.push(maskedFrame(0x01, "a"), told)).toBeNull();
    const many = joined(Array.from({ length: 1000 }, () => maskedFrame(0x00, "")));
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 600; i++) expect(reader.push(many, told)).toBeNull();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(48 << 20);
    expect(reader.push(maskedFrame(0x80, "b"), told)).toBeNull();
    expect(told.all).toEqual(["text ab"]);
  });

  test("is refused by its declared length before it has come", () => {
    expect(readAll(maskedFrame(0x81, "x".repeat(1001)).subarray(0, 10)).fault).toBe(1009);
  });
});
