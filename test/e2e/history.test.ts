/** Takeover history from outside: its shape, its evidence, its bound, and that a kill -9 takes nothing of it. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { ACCEPTS, berthCommand, endEverything, Gateway } from "../support/gateway.ts";
import { HeldGateway } from "../support/held.ts";
import { startWith } from "../support/main_job.ts";
import { ask, device } from "../support/rest.ts";
import { conflicts, eventsOf, history, take, takeRaw, untilAllHeard } from "../support/rivals.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { pause, until } from "../support/until.ts";

setDefaultTimeout(40_000);
afterAll(endEverything);

const IMEI = imeiOf(1);
const [A, B] = ["127.0.0.2", "127.0.0.3"] as const;

const berth = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
  const child = Bun.spawn([...berthCommand(), ...args], { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code, out, err };
};

describe.each([...ACCEPTS])("takeover history, accept %s", (accept) => {
  test("pairs old and new with the evidence, as the event does, and survives kill -9 and a restart", async () => {
    let gateway = await startWith(accept, { settings: { "tcp.afterlife_ms": 1200 } });
    const consumer = await SseConsumer.open(gateway.url);
    const one = new TestDevice(1, "8E");
    const old = await take(gateway, IMEI, A);
    const oldPort = old.localPort;
    expect(await old.send(one.frame(one.records(3)).bytes)).toBe(3);
    const zombie = await takeRaw(gateway, IMEI, A);
    zombie.blackhole();
    const silentFor = 300;
    await pause(silentFor);
    const next = await take(gateway, IMEI, B);
    await untilAllHeard(gateway);
    const [second, first] = await until("the evidence", async () => {
      const rows = await history(gateway.url, IMEI);
      return rows.length === 2 && rows.every(({ evidence }) => evidence.answered !== null) ? rows : null;
    });
    expect(Object.keys(first!)).toEqual(["at", "policy", "reason", "old", "new", "evidence"]);
    const { since, lastByteAt } = first!.old;
    expect(first!.old).toEqual({ fence: 1024, origin: { address: A, port: oldPort, clientInstance: null }, since, lastByteAt, records: 3 });
    expect([since <= lastByteAt, lastByteAt <= first!.at]).toEqual([true, true]);
    expect(first!.new).toEqual({ fence: 2048, origin: { address: A, port: second!.old.origin.port, clientInstance: null } });
    expect([first!.policy, first!.reason, first!.evidence.answered, first!.evidence.verdict]).toEqual([
      "takeover",
      "superseded",
      true,
      null,
    ]);
    expect(second!.new.origin).toEqual({ address: B, port: next.localPort, clientInstance: null });
    expect([second!.evidence.answered, second!.evidence.verdict, second!.evidence.oldInFlight]).toEqual([false, "nat_rebind", 0]);
    expect(second!.evidence.silentMs).toBeGreaterThanOrEqual(silentFor - 50);
    expect(second!.at - second!.old.lastByteAt).toBe(second!.evidence.silentMs);
    const told = await consumer.until(
      "the takeover",
      () => eventsOf<{ evidence: object; old: { fence: number }; fence: number }>(consumer, "replaced", IMEI)[1] ?? false,
    );
    expect(told.evidence).toMatchObject({ oldLastByteAt: second!.evidence.oldLastByteAt, oldInFlight: 0 });
    expect([told.old.fence, told.fence]).toEqual([second!.old.fence, second!.new.fence]);

    const before = await history(gateway.url, IMEI);
    consumer.close();
    await gateway.kill();
    zombie.close();
    gateway = await startWith(accept, { data: gateway.data });
    expect(await history(gateway.url, IMEI)).toEqual([...before]);
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    gateway = await startWith(accept, { data: gateway.data });
    expect(await history(gateway.url, IMEI)).toEqual([...before]);
    await gateway.stop();
  });
});

test("history is bounded per device; its route takes a limit and knows what it does not know", async () => {
  const gateway = await startWith("fd", { settings: { "journal.takeovers_per_device": 10 } });
  for (let i = 0; i < 25; i++) await take(gateway, IMEI, A);
  await until("all takeovers", async () => (await history(gateway.url, IMEI))[0]?.new.fence === 25 * 1024);
  const all = await history(gateway.url, IMEI);
  expect(all.map((row) => row.new.fence / 1024)).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16]);
  expect((await history(gateway.url, IMEI, "?limit=3")).length).toBe(3);
  expect((await ask(gateway.url, `/v1/devices/${imeiOf(2)}/history`)).status).toBe(404);
  expect((await ask(gateway.url, `/v1/devices/${IMEI}/history?limit=0`)).status).toBe(400);
  expect((await ask(gateway.url, `/v1/conflicts/nonsense/acknowledge`, { method: "POST" })).status).toBe(404);
  expect((await ask(gateway.url, `/v1/conflicts/0.1/acknowledge`, { method: "POST" })).status).toBe(404);
  const alone = await Tracker.loggedIn(gateway.tcpPort, imeiOf(2));
  await until("it in the journal", async () => (await ask(gateway.url, `/v1/devices/${imeiOf(2)}/history`)).status === 200);
  expect(await history(gateway.url, imeiOf(2))).toEqual([]);
  alone.close();
  await gateway.stop();
});

test("history says how many frames the old connection had in flight", async () => {
  const held = await HeldGateway.start("journal.commit", 12);
  const { gateway } = held;
  const one = new TestDevice(1, "8E");
  const old = await take(gateway, IMEI, A);
  // The commit of one of them stands still: that frame has no verdict.
  const standing = held.held();
  let stands = false;
  void standing.then(() => (stands = true));
  for (let sent = 0; !stands; sent++) {
    old.write(one.frame(one.records(1)).bytes);
    await until("an answer, or none", () => stands || old.acks.length > sent);
  }
  await take(gateway, IMEI, A);
  held.letGo();
  const [row] = await until("the takeover", async () => {
    const rows = await history(gateway.url, IMEI);
    return rows.length === 1 ? rows : null;
  });
  expect(row!.evidence.oldInFlight).toBe(1);
  await gateway.stop();
});

test("the command line shows history side by side, and conflicts, which outlive a kill -9 with their acknowledgement", async () => {
  let gateway = await startWith("fd");
  for (const from of [A, B, A, B, A]) await take(gateway, IMEI, from);
  const [found] = await until("a conflict", async () => {
    const all = await conflicts(gateway.url);
    return all.length === 1 && (await history(gateway.url, IMEI))[0]?.evidence.verdict === "clone" ? all : null;
  });
  const shown = await berth("devices", IMEI, "--history", "--url", gateway.url);
  expect([shown.code, shown.err]).toEqual([0, ""]);
  const present = await device(gateway.url, IMEI);
  for (
    const part of ["OLD", "NEW", `${A}:${present.origin.port}`, `fence       ${present.fence - 1024}`, "until now", "verdict     clone"]
  ) {
    expect(shown.out).toContain(part);
  }
  expect(
    (await berth("devices", IMEI, "--history", "--json", "--url", gateway.url)).out.trim().split("\n").map((line) =>
      JSON.parse(line) as unknown
    ),
  ).toEqual([
    ...await history(gateway.url, IMEI),
  ]);
  expect((await berth("devices", "--history", "--url", gateway.url)).code).toBe(2);
  const listed = await berth("conflicts", "--url", gateway.url);
  expect([listed.code, listed.out.includes(`${IMEI}  clone`), listed.out.includes(found!.id)]).toEqual([0, true, true]);
  expect(await berth("conflicts", "--acknowledge", found!.id, "--url", gateway.url)).toEqual({ code: 0, out: "", err: "" });
  await gateway.kill();
  gateway = await Gateway.start({ data: gateway.data });
  expect((await berth("conflicts", "--url", gateway.url)).out).toBe("No conflict is known.\n");
  const [kept] = await conflicts(gateway.url);
  expect({ ...kept!, acknowledgedAt: null }).toEqual({ ...found!, acknowledgedAt: null });
  expect(typeof kept!.acknowledgedAt).toBe("number");
  expect(JSON.parse((await berth("conflicts", "--all", "--json", "--url", gateway.url)).out)).toEqual({ ...kept! });
  // What only the store remembers can be acknowledged as well; the first time counts.
  expect((await ask(gateway.url, `/v1/conflicts/${kept!.id}/acknowledge`, { method: "POST" })).status).toBe(204);
  expect(await conflicts(gateway.url)).toEqual([kept!]);
  await gateway.stop();
});
