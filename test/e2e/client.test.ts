/** The client against a real gateway that is killed, stops answering, or turns it away: every event once, or a word about it. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { type BerthEvent, connect, connectDevice, type Connection, gateway as rest, type Loss } from "../../src/client/main.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, type GatewayOptions, runBerth } from "../support/gateway.ts";
import { allRecords, devicesPage } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

let connection: Connection | null = null;
afterEach(() => connection?.close());

const SETTINGS = { workers: 1, "http.heartbeat_ms": 100 };
const portOf = (text: string): string => text.slice(text.lastIndexOf(":") + 1);

/** Another gateway where this one was, on what it left. */
function again({ readyLine, data }: Gateway, options: GatewayOptions = {}): Promise<Gateway> {
  const ports = ["--tcp", `127.0.0.1:${portOf(readyLine.tcp)}`, "--http", `127.0.0.1:${portOf(readyLine.http)}`];
  return Gateway.start({ data, settings: SETTINGS, args: ports, ...options });
}

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
    let gateway = await Gateway.start({ settings: SETTINGS });
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
    await until("the last record", () => watched.seqs.at(-1) === wanted.at(-1), 60_000);
    expect(watched.seqs).toEqual(wanted);
    expect(watched.events.filter(({ event }) => event === "gap" || event === "resync")).toEqual([]);
    expect(watched.states).toEqual(["connect", ...Array.from({ length: 3 }, () => ["disconnect", "reconnect"]).flat()]);
    // All of the journal came: each seq follows the one before.
    const ids = watched.events.map(({ id }) => Number(portOf(id.replace(".", ":"))));
    ids.forEach((id, at) => expect(id).toBe(ids[0]! + at));
    await gateway.stop();
  }, 120_000);
});

describe("client", () => {
  test("a gateway that stops moving is left, and found again", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS });
    const watched = new Watched();
    watched.follow(connect(gateway.url, { cursor: (await devicesPage(gateway.url)).cursor, silentMs: 1000, ...watched.callbacks }));
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
    await until("why it went", () => watched.losses.length === 2);
    expect(watched.losses[1]!.cause).toBe("shutdown");
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
    expect(first.events.map(({ event }) => event)).toEqual(["config", "over"]);
    expect(first.events[1]!.data).toMatchObject({ cause: "superseded", status: null });
    expect([one.state, connection!.state]).toEqual(["disconnected", "connected"]);
    connection!.close();
    await gateway.stop();
  }, 60_000);
});
