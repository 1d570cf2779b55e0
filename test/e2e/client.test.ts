/** The client against a real gateway that is killed, stops answering, or turns it away: every event once, or a word about it. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { type BerthEvent, connect, connectDevice, type Connection, gateway as rest, type Loss } from "../../src/client/main.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, runBerth, steadyAddresses } from "../support/gateway.ts";
import { allRecords, devicesPage } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

let connection: Connection | null = null;
afterEach(() => connection?.close());

const SETTINGS = { workers: 1, "http.heartbeat_ms": 100 };
const portOf = (text: string): string => text.slice(text.lastIndexOf(":") + 1);

/** Another gateway where this one was, on what it left. */
const again = ({ addresses, data }: Gateway): Promise<Gateway> => Gateway.start({ data, settings: SETTINGS, args: addresses });

/** Everything a connection tells, as it comes. */
class Watched {
  readonly events: BerthEvent[] = [];
  readonly losses: Loss[] = [];
  readonly states: string[] = [];
  isOver = false;

  readonly callbacks = {
    onConnect: () => this.states.push("connect"),
    onReconnect: () => this.states.push("reconnect"),
    onDisconnect: (loss: Loss) => (this.losses.push(loss), this.states.push("disconnect")),
  };

  follow(events: Connection): void {
    connection = events;
    const read = async (): Promise<void> => {
      for await (const event of events) this.events.push(event);
      this.isOver = true;
    };
    void read();
  }

  get seqs(): number[] {
    return this.events.flatMap((each) => (each.event === "record" ? [each.data.seq] : []));
  }
}

const TRANSPORTS: Readonly<Record<string, (url: string, cursor: string, watched: Watched) => Connection>> = {
  sse: (url, cursor, { callbacks }) => connect(url, { cursor, ...callbacks }),
  ws: (url, cursor, { callbacks }) => connect(url, { transport: "ws", channels: ["devices"], cursor, ...callbacks }),
};

/** Sends until the gateway is gone. */
async function sendUntilGone(gateway: Gateway, device: TestDevice): Promise<void> {
  try {
    const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
    for (;;) await tracker.send(device.frame(device.records(3)).bytes);
  } catch {
    // What a killed gateway does to a tracker.
  }
}

describe.each(Object.keys(TRANSPORTS))("client over %s", (transport) => {
  test("a gateway that is killed three times under load leaves no hole and nothing twice", async () => {
    let gateway = await Gateway.start({ settings: SETTINGS, args: steadyAddresses() });
    const devices = [1300, 1301].map((number) => new TestDevice(number, "8E"));
    const watched = new Watched();
    watched.follow(TRANSPORTS[transport]!(gateway.url, (await devicesPage(gateway.url)).cursor, watched));
    for (let kill = 0; kill < 3; kill++) {
      const before = watched.events.length;
      const sending = devices.map((device) => sendUntilGone(gateway, device));
      await until("events of this life", () => watched.events.length > before + 50);
      await gateway.kill();
      await Promise.all(sending);
      gateway = await again(gateway);
    }
    const stored = (await Promise.all(devices.map(({ imei }) => allRecords(gateway.url, imei)))).flat().map(({ seq }) => seq);
    const wanted = stored.toSorted((a, b) => a - b);
    // All may have been told before the last kill.
    const isBack = (): boolean => watched.states.length === 7 && watched.seqs.at(-1) === wanted.at(-1);
    await until("the last record, and the connection again", isBack, 60_000);
    expect(watched.seqs).toEqual(wanted);
    expect(watched.events.filter(({ event }) => event === "gap" || event === "resync")).toEqual([]);
    expect(watched.states).toEqual(["connect", ...Array.from({ length: 3 }, () => ["disconnect", "reconnect"]).flat()]);
    // All of the journal came: each seq follows the one before.
    const ids = watched.events.map(({ id }) => Number(portOf(id.replace(".", ":"))));
    ids.forEach((id, at) => expect(id).toBe(ids[0]! + at));
    await gateway.stop();
  }, 120_000);
});

describe("channels of a real gateway", () => {
  const wait = (watched: Watched, count: number): Promise<true> => until(`${count} events`, () => watched.events.length >= count);
  const inShort = ({ event, channel, data }: BerthEvent): string =>
    event === "message" ? `${channel} ${JSON.stringify(data.data)}` : `${channel} ${event}`;

  test("what is published comes once to who follows, over each transport, also after a kill and from before it", async () => {
    let gateway = await Gateway.start({ settings: SETTINGS, args: steadyAddresses() });
    const { cursor } = await devicesPage(gateway.url);
    const watched = new Watched();
    const channels = connect(gateway.url, { transport: "ws", channels: ["app.a"], cursor, ...watched.callbacks });
    watched.follow(channels);
    await until("the connection", () => channels.state === "connected");
    const first = await Promise.all(Array.from({ length: 500 }, (_, n) => channels.publish("app.a", n)));
    expect(first.filter(({ ok }) => !ok)).toEqual([]);
    expect(await rest(gateway.url).publish("app.a", { by: "rest" })).toMatchObject({ ok: true });
    expect(await channels.publish("devices", 1)).toMatchObject({ ok: false, fault: "refused" });
    await wait(watched, 501);
    await gateway.kill();
    gateway = await again(gateway);
    await until("the connection again", () => channels.state === "connected", 30_000);
    expect(await channels.publish("app.a", "after")).toEqual({ ok: true, value: null });
    // Two channels are two subscriptions: what comes first is settled here.
    await wait(watched, 502);
    await channels.publish("app.b", "elsewhere");
    channels.subscribe("app.b", cursor);
    await wait(watched, 503);
    const wanted = [...Array.from({ length: 500 }, (_, n) => `app.a ${n}`), 'app.a {"by":"rest"}', 'app.a "after"', 'app.b "elsewhere"'];
    expect(watched.events.map(inShort)).toEqual(wanted);
    const seen: string[] = [];
    for await (const event of connect(gateway.url, { channels: ["app.a"], cursor })) {
      seen.push(inShort(event));
      if (seen.length === 502) break;
    }
    expect(seen).toEqual(wanted.slice(0, 502).map((text) => text.replace("app.a", "")));
    await gateway.stop();
    await until("why it went", () => watched.losses.at(-1)?.cause === "shutdown");
  }, 60_000);

  test("a slow reader of a WebSocket gets every record once, and its buffer stays bounded", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS });
    const device = new TestDevice(1320, "8");
    const { cursor } = await devicesPage(gateway.url);
    const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
    for (let frame = 0; frame < 30; frame++) await tracker.send(device.frame(device.records(20)).bytes);
    tracker.close();
    const stored = (await allRecords(gateway.url, device.imei)).map(({ seq }) => seq);
    const losses: string[] = [];
    const channel = `device.${device.imei}`;
    const options = { transport: "ws", channels: [channel], cursor, bufferEvents: 50, random: () => 0 } as const;
    const channels = connect(gateway.url, { ...options, onDisconnect: ({ cause }) => losses.push(cause) });
    const seqs: number[] = [];
    for await (const { event, data } of channels) {
      if (event === "record") seqs.push(data.seq);
      if (seqs.length % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      if (seqs.length === stored.length) break;
    }
    expect(seqs).toEqual(stored);
    expect(losses.filter((cause) => cause !== "reader" && cause !== "closed")).toEqual([]);
    await gateway.stop();
  }, 60_000);
});

describe("client", () => {
  test("a gateway that stops moving is left, and found again", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS });
    const watched = new Watched();
    watched.follow(connect(gateway.url, { cursor: (await devicesPage(gateway.url)).cursor, silentMs: 2500, ...watched.callbacks }));
    await until("the connection", () => connection!.state === "connected");
    gateway.signal("SIGSTOP");
    await until("the silence to be noticed", () => watched.losses.length > 0);
    expect(watched.losses[0]!.cause).toBe("silent");
    gateway.signal("SIGCONT");
    await until("the connection again", () => watched.states.at(-1) === "reconnect", 30_000);
    const device = new TestDevice(1310, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
    await tracker.send(device.frame(device.records(1)).bytes);
    await until("its record", () => watched.seqs.length === 1);
    tracker.close();
    await gateway.stop();
    await until("why it went", () => watched.losses.at(-1)!.cause === "shutdown");
  }, 60_000);

  test("a token that is revoked ends it with the reason, one that is wrong never begins", async () => {
    const data = (await Gateway.start({ settings: SETTINGS }).then(async (first) => (await first.stop(), first))).data;
    const made = await runBerth(["token", "create", "--scope", "admin", "--data", data]);
    const admin = /berth_\S+/.exec(made.out)![0];
    const gateway = await Gateway.start({ data, settings: SETTINGS });
    const create = await fetch(`${gateway.url}/v1/tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${admin}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "reader", scopes: ["read"] }),
    });
    const { id, token } = (await create.json()) as { id: string; token: string };
    const all = await rest(gateway.url, { token }).allDevices();
    if (!all.ok) throw new Error(all.message);
    const watched = new Watched();
    watched.follow(connect(gateway.url, { cursor: all.value.cursor, token, ...watched.callbacks }));
    await until("the connection", () => connection!.state === "connected");
    await fetch(`${gateway.url}/v1/tokens/${id}`, { method: "DELETE", headers: { authorization: `Bearer ${admin}` } });
    await until("the end", () => watched.isOver);
    expect(watched.events.map(({ event, data: told }) => [event, (told as { cause?: string }).cause])).toEqual([["over", "auth"]]);
    expect(await Array.fromAsync(connect(gateway.url, { token }))).toMatchObject([{ event: "over", data: { cause: "auth", status: 401 } }]);
    const socket = connect(gateway.url, { transport: "ws", channels: ["devices"], token });
    expect(await Array.fromAsync(socket)).toMatchObject([{ event: "over", data: { cause: "auth", status: 401 } }]);
    expect(await rest(gateway.url, { token }).devices()).toMatchObject({ ok: false, fault: "refused" });
    await gateway.stop();
  }, 60_000);

  test("a device's stream that another one took over does not take it back", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS });
    const [first, second] = [new Watched(), new Watched()];
    first.follow(connectDevice(gateway.url, "pump-7", first.callbacks));
    await until("its configuration", () => first.events.length === 1);
    const one = connection!;
    second.follow(connectDevice(gateway.url, "pump-7", second.callbacks));
    await until("the end of the first", () => first.isOver);
    // Its own answer may come after that.
    await until("the second connection", () => connection!.state === "connected");
    expect(first.events.map(({ event }) => event)).toEqual(["config", "over"]);
    expect(first.events[1]!.data).toMatchObject({ cause: "superseded", status: null });
    expect([one.state, connection!.state]).toEqual(["disconnected", "connected"]);
    connection!.close();
    await gateway.stop();
  }, 60_000);
});
