/** What a platform promises of WebSockets opened at its HTTP listener. */
import { describe, expect, test } from "bun:test";
import type { HttpListener, WebSocketEnd, WebSocketHandler } from "../../src/platform/port.ts";
import { textFrame } from "../../src/wire/ws_frame.ts";
import { here } from "../support/here.ts";
import { maskedFrame, type RawFrame, RawWs } from "../support/raw_ws.ts";
import { until } from "../support/until.ts";

class Heard implements WebSocketHandler {
  socket: WebSocketEnd | null = null;
  readonly told: string[] = [];
  drains = 0;
  opened(socket: WebSocketEnd): void {
    this.socket = socket;
    this.told.push("opened");
  }
  text(text: string): void {
    this.told.push(text.length > 20 ? `text of ${text.length}` : text);
  }
  binary(): void {
    this.told.push("binary");
  }
  pong(): void {
    this.told.push("pong");
  }
  pinged(): void {
    this.told.push("pinged");
  }
  drained(): void {
    this.drains++;
  }
  closed(): void {
    this.told.push("closed");
  }
}

interface World {
  readonly listener: HttpListener;
  readonly heard: Heard;
  readonly raw: RawWs;
}

async function inWorld(work: (world: World) => Promise<void>, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const heard = new Heard();
  const bounds = { maxBodyBytes: 1000, maxMessageBytes: 1000, reusePort: false };
  const listener = await here.serveHttp("127.0.0.1", 0, bounds, async (request, peer, _cut, upgrade) => {
    await Promise.resolve();
    const isOne = upgrade!(heard);
    expect([new URL(request.url).pathname, peer.address]).toEqual(["/v1/ws", "127.0.0.1"]);
    return isOne ? new Response(null, { status: 204 }) : new Response("not here", { status: 426 });
  });
  const raw = new RawWs(listener.port, "/v1/ws", headers);
  try {
    await raw.opened();
    await work({ listener, heard, raw });
  } finally {
    raw.end();
    await listener.stop(true);
  }
}
const told = (heard: Heard, what: string): Promise<boolean> => until(what, () => heard.told.includes(what));

describe("a WebSocket", () => {
  test("opens by the handler's word, carries texts both ways, one a frame", async () => {
    await inWorld(async ({ heard, raw }) => {
      expect(raw.status).toBe(101);
      await told(heard, "opened");
      raw.text("hello");
      await told(heard, "hello");
      const two = [...textFrame("one"), ...textFrame("ünï"), ...textFrame("x".repeat(300)), ...textFrame("y".repeat(70_000))];
      heard.socket!.send(Uint8Array.from(two));
      await raw.until("four texts", () => raw.texts.length === 4);
      expect(raw.texts.map((text) => text.slice(0, 3))).toEqual(["one", "ünï", "xxx", "yyy"]);
      expect(raw.texts.map((text) => text.length)).toEqual([3, 3, 300, 70_000]);
    });
  });

  test("that is none gets the answer of the handler", async () => {
    await inWorld(async ({ raw, heard }) => {
      expect(raw.status).toBe(426);
      await raw.until("the end of the answer or more", () => true);
      expect(heard.told).toEqual([]);
    }, { Upgrade: "h2c" });
  });

  test("puts the frames of a message together, and says that a message is binary", async () => {
    await inWorld(async ({ heard, raw }) => {
      raw.send(maskedFrame(0x01, "hel"));
      raw.send(maskedFrame(0x89, "in between"));
      raw.send(maskedFrame(0x80, "lo"));
      await told(heard, "hello");
      await raw.until("a pong", () => raw.frames.some(({ opcode, payload }) => opcode === 0xa && payload.length === 10));
      expect(heard.told.indexOf("pinged")).toBeGreaterThan(0);
      raw.send(maskedFrame(0x82, Uint8Array.of(1, 2)));
      await told(heard, "binary");
    });
  });

  test("hears the answer to its ping", async () => {
    await inWorld(async ({ heard, raw }) => {
      await told(heard, "opened");
      heard.socket!.ping();
      await raw.until("a ping", () => raw.frames.some(({ opcode }) => opcode === 9));
      raw.send(maskedFrame(0x8a, ""));
      await told(heard, "pong");
    });
  });

  test.each([
    ["a message that is too long", maskedFrame(0x81, "x".repeat(1001)), [1009]],
    ["a frame without a mask", maskedFrame(0x81, "x", false), [1002, null]],
    ["a reserved bit", maskedFrame(0xc1, "x"), [1002, null]],
    ["a text that is no UTF-8", maskedFrame(0x81, Uint8Array.of(0xff, 0xfe)), [1007, null]],
  ])("closes after %s", async (_name, bytes, codes) => {
    await inWorld(async ({ heard, raw }) => {
      raw.text("first");
      raw.send(bytes);
      await told(heard, "closed");
      await raw.until("the end", () => raw.ended);
      expect(heard.told.filter((what) => what !== "closed")).toEqual(["opened", "first"]);
      // A runtime may end the connection without a word when what comes is no WebSocket.
      expect(codes).toContain(raw.closeCode);
    });
  });

  test("closes with its code behind what is queued", async () => {
    await inWorld(async ({ heard, raw }) => {
      await told(heard, "opened");
      heard.socket!.send(textFrame("x".repeat(60_000)));
      heard.socket!.close(1001, "going away");
      await raw.until("a close", () => raw.closeCode === 1001);
      expect(raw.texts).toHaveLength(1);
      raw.send(maskedFrame(0x88, Uint8Array.of(3, 233)));
      await told(heard, "closed");
    });
  });

  test("answers a close, and tells of the end once", async () => {
    await inWorld(async ({ heard, raw }) => {
      await told(heard, "opened");
      raw.send(maskedFrame(0x88, Uint8Array.of(3, 232)));
      await raw.until("a close", () => raw.closeCode === 1000);
      await told(heard, "closed");
      raw.end();
      await until("one end", () => heard.told.filter((what) => what === "closed").length === 1);
    });
  });

  test("knows what its client has not taken, says when it does, and can be cut", async () => {
    await inWorld(async ({ heard, raw }) => {
      await told(heard, "opened");
      raw.stopReading();
      const big = textFrame("x".repeat(1 << 20));
      await until("bytes that wait", () => {
        heard.socket!.send(big);
        return heard.socket!.buffered > 1 << 20;
      });
      const before = heard.drains;
      raw.goOnReading();
      await until("nothing waits, and it is said", () => heard.socket!.buffered === 0 && heard.drains > before);
      raw.stopReading();
      await until("bytes that wait again", () => {
        heard.socket!.send(big);
        return heard.socket!.buffered > 1 << 20;
      });
      heard.socket!.cut();
      await told(heard, "closed");
    });
  });

  const THOUSAND_PINGS = Uint8Array.from(Array.from({ length: 1000 }, () => [...maskedFrame(0x89, "p".repeat(125))]).flat());

  test("that pings and reads nothing is not held all the answers", async () => {
    await inWorld(async ({ heard, raw }) => {
      await told(heard, "opened");
      raw.stopReading();
      for (let i = 0; i < 400; i++) raw.send(THOUSAND_PINGS);
      raw.text("last");
      await told(heard, "last");
      expect(heard.socket!.buffered).toBeLessThan(24 << 20);
    });
  });

  test("that pings and reads late gets the answer to its newest ping", async () => {
    await inWorld(async ({ heard, raw }) => {
      await told(heard, "opened");
      raw.stopReading();
      for (let i = 0; i < 45; i++) raw.send(THOUSAND_PINGS);
      raw.send(maskedFrame(0x89, "newest"));
      raw.text("last");
      await told(heard, "last");
      raw.goOnReading();
      const isNewest = ({ opcode, payload }: RawFrame): boolean => opcode === 0xa && String.fromCharCode(...payload) === "newest";
      // Each is looked at once: there are thousands, and they come a few at a time.
      let looked = 0;
      await raw.until("the answer to the newest", () => {
        while (looked < raw.frames.length) if (isNewest(raw.frames[looked++]!)) return true;
        return undefined;
      });
    });
  });

  test("ends with its listener", async () => {
    await inWorld(async ({ heard, raw, listener }) => {
      await told(heard, "opened");
      await listener.stop(true);
      await told(heard, "closed");
      await raw.until("the end", () => raw.ended);
    });
  });
});
