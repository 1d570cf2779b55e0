/** A connection over WebSocket: its channels, its cursors, what it publishes, and how it ends. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Channels, connect, type WsOptions } from "../../../src/client/main.ts";
import { until } from "../../support/until.ts";
import { WsGateway } from "../../support/ws_gateway.ts";

let gateway: WsGateway;
let channels: Channels | null = null;
beforeEach(() => void (gateway = new WsGateway()));
afterEach(async () => {
  channels?.close();
  await gateway.stop();
});

function played(options: Partial<WsOptions> = {}): string[] {
  const said: string[] = [];
  channels = connect(gateway.url, {
    transport: "ws",
    channels: ["devices"],
    random: () => 0,
    onConnect: () => said.push("connected"),
    onReconnect: () => said.push("again"),
    onDisconnect: ({ cause }) => said.push(`lost ${cause}`),
    onFailedAttempt: ({ cause, waitMs }) => said.push(`failed ${cause} ${waitMs}`),
    ...options,
  });
  const read = async (events: Channels): Promise<void> => {
    for await (const { event, channel, id } of events) said.push(`${event} ${channel}@${id}`);
    said.push("end");
  };
  void read(channels);
  return said;
}

const saw = (said: readonly string[], what: string): Promise<true> => until(`${what} in ${said.join("; ")}`, () => said.includes(what));
const heard = (type: string): unknown[] =>
  gateway.heard.filter((message) => message.type === type).map((message) => ({ ...message, type: undefined }));
const hears = (type: string, count: number): Promise<true> => until(`${count} of ${type}`, () => heard(type).length >= count);

describe("channels", () => {
  test("are subscribed in the mode that is wanted, again after a loss", async () => {
    const said = played({ channels: ["devices"], mode: "latest" });
    await hears("subscribe", 1);
    gateway.event("devices", 4);
    await saw(said, "record devices@e.4");
    gateway.newest.terminate();
    await hears("subscribe", 2);
    expect(heard("subscribe")).toEqual([{ channel: "devices", mode: "latest" }, { channel: "devices", cursor: "e.4", mode: "latest" }]);
  });

  test("each is subscribed with its own cursor, again after a loss, and heartbeats move it", async () => {
    const said = played({ channels: { "device.a": "e.3", "app.b": null } });
    await hears("subscribe", 2);
    expect(heard("subscribe")).toEqual([{ channel: "device.a", cursor: "e.3" }, { channel: "app.b" }]);
    gateway.event("device.a", 4);
    gateway.say({ type: "resync", channel: "app.b", id: "e.5", data: { cause: "none" } });
    gateway.say({ type: "ping", channel: "app.b", id: "e.9" });
    gateway.say({ type: "gap", channel: "device.a", id: "e.7", data: { from: 5, to: 7, cause: "retention" } });
    await saw(said, "gap device.a@e.7");
    await hears("pong", 1);
    gateway.newest.terminate();
    await saw(said, "again");
    await hears("subscribe", 4);
    expect(heard("subscribe").slice(2)).toEqual([{ channel: "device.a", cursor: "e.7" }, { channel: "app.b", cursor: "e.9" }]);
    expect(said).toEqual(["connected", "record device.a@e.4", "resync app.b@e.5", "gap device.a@e.7", "lost broken", "again"]);
    expect([channels!.cursor("device.a"), channels!.cursor("app.b"), channels!.cursor("c")]).toEqual(["e.7", "e.9", null]);
  });

  test("come and go while it is open", async () => {
    const said = played();
    await saw(said, "connected");
    channels!.subscribe("device.b", "e.8");
    channels!.unsubscribe("devices");
    await hears("unsubscribe", 1);
    expect([heard("subscribe").at(-1), heard("unsubscribe")]).toEqual([{ id: "1", channel: "device.b", cursor: "e.8" }, [{
      channel: "devices",
    }]]);
    gateway.say({ type: "subscribe", id: "1", channel: "device.b" });
    gateway.event("devices", 9);
    gateway.event("device.b", 10);
    await saw(said, "record device.b@e.10");
    expect(said).toEqual(["connected", "record device.b@e.10"]);
  });

  test("asked for again it begins where it is to, whatever of before is still on its way", async () => {
    const said = played();
    await saw(said, "connected");
    channels!.unsubscribe("devices");
    channels!.subscribe("devices", "e.3");
    await hears("subscribe", 2);
    gateway.event("devices", 9);
    gateway.say({ type: "ping", channel: "devices", id: "e.9" });
    gateway.say({ type: "subscribe", id: "1", channel: "devices" });
    gateway.event("devices", 4);
    await saw(said, "record devices@e.4");
    expect(said).toEqual(["connected", "record devices@e.4"]);
    channels!.unsubscribe("devices");
    channels!.subscribe("devices", null);
    await hears("subscribe", 3);
    gateway.say({ type: "error", id: "2", channel: "devices", data: { code: "too_many", detail: "1024 are the most" } });
    await saw(said, "denied devices@");
  });

  test("one that cannot be had just now is asked for again with the others", async () => {
    const said = played();
    await saw(said, "connected");
    gateway.say({ type: "error", channel: "devices", data: { code: "busy", detail: "too many subscriptions", retryAfterMs: 5 } });
    await saw(said, "again");
    expect(said).toEqual(["connected", "lost busy", "again"]);
    await hears("subscribe", 2);
  });

  test("one that cannot be had is told, and the others go on; one that is ended is subscribed again", async () => {
    const said = played({ channels: ["devices", "device.x"], cursor: "e.1" });
    await hears("subscribe", 2);
    gateway.say({ type: "error", channel: "device.x", data: { code: "scope", detail: "the token is for other devices" } });
    gateway.event("devices", 2);
    gateway.say({ type: "bye", channel: "devices", data: { reason: "slow" } });
    await hears("subscribe", 3);
    expect(heard("subscribe").at(-1)).toEqual({ id: "1", channel: "devices", cursor: "e.2" });
    expect(said).toEqual(["connected", "denied device.x@", "record devices@e.2"]);
  });

  test("takes its token along, and what is said by whom nobody knows for nothing", async () => {
    const said = played({ token: "a&b" });
    await saw(said, "connected");
    expect(gateway.asked).toEqual(["upgrade /v1/ws?access_token=a%26b"]);
    for (
      const message of [{ type: "process_output", processId: "1", data: "x" }, { type: "event", data: 3 }, { type: "pong" }, {
        type: "later",
      }]
    ) {
      gateway.say(message);
    }
    gateway.newest.send(new Uint8Array([1]));
    gateway.newest.send("[]");
    gateway.event("devices", 1);
    await saw(said, "record devices@e.1");
    expect(said).toEqual(["connected", "record devices@e.1"]);
  });

  test("why it is not let in is asked for over HTTP", async () => {
    gateway.refusal = () => new Response('{"detail":"the token was revoked"}', { status: 401 });
    const said = played();
    await saw(said, "end");
    expect(said).toEqual(["failed auth null", "over @", "end"]);
    expect(gateway.asked).toEqual(["upgrade /v1/ws", "get /v1/ws"]);
  });

  test("a gateway that is busy is asked when it wishes, one that lets it in again at once", async () => {
    gateway.refusal = () => new Response("{}", { status: 503, headers: { "retry-after": "9" } });
    const said = played();
    await saw(said, "failed busy 9000");
    channels!.close();
    gateway.refusal = () => new Response("{}", { status: 426 });
    const other = played();
    await saw(other, "failed unreachable 0");
  });

  test.each(
    [
      [1008, "lost refused", true],
      [4401, "lost refused", true],
      [1013, "lost busy", false],
      [4004, "lost busy", false],
      [1012, "lost broken", false],
    ] as const,
  )(
    "close code %i is %s",
    async (code, what, isEnd) => {
      const said = played();
      await saw(said, "connected");
      gateway.newest.close(code, "why");
      await saw(said, isEnd ? "end" : "again");
      expect(said[1]).toBe(what);
    },
  );

  test.each([["shutdown", "again"], ["auth", "end"]])("bye with reason %s leads to: %s", async (reason, last) => {
    const said = played();
    await saw(said, "connected");
    gateway.say({ type: "bye", data: { reason } });
    gateway.newest.close(1001);
    await saw(said, last);
    expect(said[1]).toBe(`lost ${reason}`);
  });

  test("events that come faster than they are taken are bounded, and each is taken once", async () => {
    const total = 2000;
    gateway.journal = Array.from({ length: total }, (_, i) => ({ channel: "devices", seq: i + 1 }));
    const lost: string[] = [];
    channels = connect(gateway.url, {
      transport: "ws",
      channels: ["devices"],
      bufferEvents: 100,
      random: () => 0,
      onDisconnect: ({ cause }) => lost.push(cause),
    });
    let seq = 0;
    for await (const { id } of channels) {
      expect(id).toBe(`e.${++seq}`);
      // Every now and then it has something else to do.
      if (seq % 500 === 0) await until("it to be full, or at the end", () => lost.length > 0 || seq === total);
      if (seq === total) break;
    }
    expect(lost).toContain("reader");
    expect(gateway.sockets.length).toBeGreaterThan(1);
  });

  test("what is published is answered, once it is on the disk, refused, or not known", async () => {
    gateway.onMessage = (socket, { type, id, channel }) => {
      if (type !== "publish") return;
      if (channel === "app.a") gateway.say({ type: "publish", id, channel }, socket);
      else if (channel === "app.d") {
        gateway.say({ type: "error", id, channel, data: { code: "failed", detail: "the commit failed" } }, socket);
      } else if (channel === "app.b") gateway.say({ type: "error", id, channel, data: { code: "scope", detail: "no" } }, socket);
    };
    const said = played();
    expect(await channels!.publish("app.a", 1)).toMatchObject({ ok: false, fault: "unreachable" });
    await saw(said, "connected");
    expect(await channels!.publish("app.a", { x: 1 })).toEqual({ ok: true, value: null });
    expect(await channels!.publish("app.b", 2)).toEqual({ ok: false, fault: "refused", message: "no" });
    expect(await channels!.publish("app.d", 2)).toMatchObject({ ok: false, fault: "busy" });
    const open = channels!.publish("app.c", 3);
    await hears("publish", 4);
    gateway.newest.terminate();
    expect(await open).toMatchObject({ ok: false, fault: "unknown" });
    expect(heard("publish")[0]).toEqual({ id: "1", channel: "app.a", data: { x: 1 } });
  });

  test("more than can be on its way is not sent", async () => {
    const said = played();
    await saw(said, "connected");
    const all = Array.from({ length: 5000 }, (_, i) => channels!.publish("app.a", i));
    await hears("publish", 4096);
    channels!.close();
    const faults = (await Promise.all(all)).map((one) => (one.ok ? "" : one.fault));
    expect([faults.filter((fault) => fault === "unknown").length, faults.filter((fault) => fault === "busy").length]).toEqual([4096, 904]);
  });

  test("one that may not be opened here is the end", async () => {
    function forbidden(): never {
      throw new Error("mixed content");
    }
    const said = played({ WebSocket: forbidden as unknown as typeof WebSocket });
    await saw(said, "end");
    expect(said).toEqual(["failed refused null", "over @", "end"]);
  });

  test("where there is no WebSocket it says so, and takes one that is given", async () => {
    const real = globalThis.WebSocket;
    Reflect.deleteProperty(globalThis, "WebSocket");
    try {
      expect(() => connect(gateway.url, { transport: "ws" })).toThrow("there is none here");
      const said = played({ WebSocket: real });
      await saw(said, "connected");
    } finally {
      globalThis.WebSocket = real;
    }
  });
});
