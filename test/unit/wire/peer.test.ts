/** Lines between gateways: what is read and written, plain and inside a WebSocket, whole and byte by byte. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { prng } from "../../../src/base/prng.ts";
import { dialledFraming, diallingFraming } from "../../../src/wire/peer_choose.ts";
import type { FramingFault, FramingSink, PeerFraming } from "../../../src/wire/peer_framing.ts";
import { byeText, greetingText, parsePeerLine, pingText, refusedText } from "../../../src/wire/peer_line.ts";
import { sha1 } from "../../../src/wire/sha1.ts";

const LINE_BYTES = 1024;

/** One end of a connection in memory: what it read, and the bytes it has to send. */
class End implements FramingSink {
  readonly lines: string[] = [];
  readonly framing: PeerFraming;
  out: number[] = [];
  isReady = false;
  fault: FramingFault | null = null;

  constructor(framing: PeerFraming) {
    this.framing = framing;
    framing.begin(this);
  }
  line(text: string): boolean {
    this.lines.push(text);
    return true;
  }
  answer(bytes: Uint8Array): void {
    this.out.push(...bytes);
  }
  ready(): void {
    this.isReady = true;
  }
  say(text: string): void {
    this.out.push(...this.framing.encode(text));
  }
  take(): Uint8Array {
    return Uint8Array.from(this.out.splice(0));
  }
  hear(bytes: Uint8Array): void {
    this.fault = this.framing.push(bytes, this);
  }
  hearBytewise(bytes: Uint8Array): void {
    for (const byte of bytes) this.hear(Uint8Array.of(byte));
  }
}

function ends(kind: "tcp" | "ws"): { dialling: End; dialled: End } {
  return { dialling: new End(diallingFraming(kind, "h:1", LINE_BYTES, prng(1))), dialled: new End(dialledFraming(LINE_BYTES)) };
}

/** Carries bytes both ways until nobody has any. */
function settle(a: End, b: End): void {
  while (a.out.length + b.out.length > 0) {
    b.hear(a.take());
    a.hear(b.take());
  }
}

test("lines are read back as they were written", () => {
  expect(parsePeerLine(greetingText("b", "recent"))).toEqual({
    ok: true,
    value: { type: "greeting", identity: "b", policy: "recent", version: 1 },
  });
  expect(parsePeerLine(pingText("ping", 7))).toMatchObject({ value: { type: "ping", number: 7 } });
  expect(parsePeerLine(pingText("pong", 0))).toMatchObject({ value: { type: "pong", number: 0 } });
  expect(parsePeerLine(byeText("superseded"))).toMatchObject({ value: { type: "bye", reason: "superseded" } });
  expect(parsePeerLine(refusedText("policy", "why"))).toMatchObject({ value: { type: "refused", code: "policy", reason: "why" } });
});

test("a line that is none of them is an error that says what", () => {
  for (const text of ["", "{", "7", "null", "[]", "{}", '{"identity":"b"}', '{"identity":"b","policy":"x","version":-1}', '{"ping":"1"}']) {
    expect(parsePeerLine(text)).toMatchObject({ ok: false, fault: "bad_line" });
  }
  expect(parsePeerLine('{"bye":"tired"}')).toMatchObject({
    message: "Cannot parse peer's line: neither greeting, refusal, ping, pong nor bye",
  });
});

test("sha1 is that of node:crypto at every length around a block's end", () => {
  for (let length = 0; length < 140; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
    expect(Buffer.from(sha1(bytes)).toString("hex")).toBe(createHash("sha1").update(bytes).digest("hex"));
  }
});

describe.each(["tcp", "ws"] as const)("over %s", (kind) => {
  test("both sides read each other's lines", () => {
    const { dialling, dialled } = ends(kind);
    settle(dialling, dialled);
    expect([dialling.isReady, kind === "tcp" || dialled.isReady]).toEqual([true, true]);
    dialling.say("from who dialled");
    dialling.say("x".repeat(900));
    settle(dialling, dialled);
    dialled.say("from who was dialled: ü");
    settle(dialling, dialled);
    expect(dialled.lines).toEqual(["from who dialled", "x".repeat(900)]);
    expect(dialling.lines).toEqual(["from who was dialled: ü"]);
  });

  test("a line comes out the same however its bytes arrive", () => {
    const { dialling, dialled } = ends(kind);
    settle(dialling, dialled);
    dialling.say("one");
    dialling.say("y".repeat(500));
    dialled.hearBytewise(dialling.take());
    expect(dialled.lines).toEqual(["one", "y".repeat(500)]);
  });

  test("a line longer than the bound is a fault, and nothing grows", () => {
    const { dialling, dialled } = ends(kind);
    settle(dialling, dialled);
    dialling.say("z".repeat(LINE_BYTES + 10));
    dialled.hear(dialling.take());
    expect(dialled.fault).toBe("too_long");
    expect(dialled.lines).toEqual([]);
  });
});

describe("a WebSocket", () => {
  test("accepts the example of RFC 6455", () => {
    const dialled = new End(dialledFraming(LINE_BYTES));
    const opening = [
      "GET /peer HTTP/1.1",
      "Host: h",
      "upgrade: WebSocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
    ];
    dialled.hear(new TextEncoder().encode(`${opening.join("\r\n")}\r\n\r\n`));
    expect(new TextDecoder().decode(dialled.take())).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    // The masked "Hello" of its section 5.7, and a masked ping, which is answered unmasked.
    dialled.hear(Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58));
    expect(dialled.lines).toEqual(["Hello"]);
    dialled.hear(Uint8Array.of(0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58));
    expect([...dialled.take()]).toEqual([0x8a, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
  });

  test("is refused with 400 when it is none", () => {
    const dialled = new End(dialledFraming(LINE_BYTES));
    dialled.hear(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    expect(dialled.fault).toBe("bad_line");
    expect(new TextDecoder().decode(dialled.take())).toStartWith("HTTP/1.1 400 ");
  });

  test("is refused to a page in a browser", () => {
    const dialled = new End(dialledFraming(LINE_BYTES));
    const proof = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    dialled.hear(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: h\r\n${proof}Origin: https://evil.example\r\n\r\n`));
    expect([dialled.fault, dialled.isReady]).toEqual(["bad_line", false]);
    expect(new TextDecoder().decode(dialled.take())).toStartWith("HTTP/1.1 403 ");
  });

  test("is not believed with a wrong proof, or none", () => {
    for (const answer of ["HTTP/1.1 101 X\r\nSec-WebSocket-Accept: no\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"]) {
      const { dialling } = ends("ws");
      dialling.hear(new TextEncoder().encode(answer));
      expect([dialling.fault, dialling.isReady]).toEqual(["bad_line", false]);
    }
  });

  test("refuses frames it has no use for", () => {
    const frames = [[0x82, 0x80, 0, 0, 0, 0], [0x01, 0x80, 0, 0, 0, 0], [0x81, 0x00], [0xc1, 0x80, 0, 0, 0, 0]];
    for (const frame of frames) {
      const { dialling, dialled } = ends("ws");
      settle(dialling, dialled);
      dialled.hear(Uint8Array.from(frame));
      expect(dialled.fault).toBe("bad_line");
    }
  });

  test("says the reason in the code it closes with", () => {
    const { dialling, dialled } = ends("ws");
    settle(dialling, dialled);
    expect([...dialled.framing.farewell("superseded").subarray(0, 4)]).toEqual([0x88, 12, 4001 >> 8, 4001 & 0xff]);
    expect([...dialled.framing.farewell("closed").subarray(2, 4)]).toEqual([1000 >> 8, 1000 & 0xff]);
  });
});
