/** REST over a real listener: devices, records, and what is said when they cannot be had. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Limits } from "../../../src/base/limits.ts";
import { asSeq } from "../../../src/base/brand.ts";
import { connectedOf, eventOf, frameOf } from "../../support/memory_store.ts";
import { OutWorld } from "../../support/out_world.ts";
import { ask, type DevicesPage, type Problem, type RecordsPage } from "../../support/rest.ts";
import { until } from "../../support/until.ts";

let world: OutWorld;
const start = async (limits: Partial<Limits> = {}, before?: (world: OutWorld) => void): Promise<void> => {
  world = await OutWorld.start(limits, before);
};
afterEach(async () => {
  await world.stop();
  if (world.failure !== null) throw world.failure;
});

const T = 1_700_000_000_000;
const get = <Body>(path: string) => ask<Body>(world.url, path);
/** `count` devices d1, d2 …; the odd ones are connected. */
const fleet = (count: number) => (made: OutWorld): void => {
  for (let no = 1; no <= count; no++) {
    made.commit([connectedOf(no, `d${no}`, 1024 * no)]);
    if (no % 2 === 0) made.commit([eventOf("disconnected", no, 1024 * no, { reason: "closed", lastByteAt: T + 5 }, T + 10)]);
  }
};

interface ProblemJson extends Problem {
  readonly parameter?: string;
}
const expectProblem = async (path: string, status: number, parameter?: string): Promise<ProblemJson> => {
  const answer = await get<ProblemJson>(path);
  expect([path, answer.status, answer.headers.get("content-type")]).toEqual([path, status, "application/problem+json"]);
  expect(answer.json).toMatchObject({ type: "about:blank", status });
  expect([typeof answer.json.title, typeof answer.json.detail]).toEqual(["string", "string"]);
  if (parameter !== undefined) {
    expect(answer.json.parameter).toBe(parameter);
    expect(answer.json.detail).toContain(parameter);
  }
  return answer.json;
};

describe("GET /v1/devices", () => {
  test("pages give each device once, and every page the cursor", async () => {
    await start({}, fleet(25));
    const ids: string[] = [];
    let after = "";
    for (let pages = 0; pages < 10; pages++) {
      const { json } = await get<DevicesPage>(`/v1/devices?limit=10${after}`);
      expect(json.cursor).toBe("e1.37");
      ids.push(...json.devices.map((device) => device.id));
      if (json.next === null) break;
      after = `&after=${encodeURIComponent(json.next)}`;
    }
    expect(ids).toEqual(Array.from({ length: 25 }, (_, i) => `d${i + 1}`));
  });

  test("connected filters, and pages are full all the same", async () => {
    await start({}, fleet(25));
    const connected = (await get<DevicesPage>("/v1/devices?connected=true&limit=10")).json;
    expect(connected.devices.map((device) => device.id)).toEqual(["d1", "d3", "d5", "d7", "d9", "d11", "d13", "d15", "d17", "d19"]);
    const rest = (await get<DevicesPage>(`/v1/devices?connected=true&limit=10&after=${connected.next}`)).json;
    expect(rest.devices.map((device) => device.id)).toEqual(["d21", "d23", "d25"]);
    expect(rest.next).toBeNull();
    expect((await get<DevicesPage>("/v1/devices?connected=false")).json.devices.length).toBe(12);
  });

  test("more devices than a page of a reader are all there", async () => {
    await start({ pageRecords: 7 }, fleet(40));
    expect((await get<DevicesPage>("/v1/devices?limit=1000")).json.devices.length).toBe(40);
  });

  test("what was committed before the request is in the answer", async () => {
    await start();
    for (let no = 1; no <= 50; no++) {
      world.commit([connectedOf(no, `d${no}`, 1024)], no % 3 !== 0);
      expect((await get<DevicesPage>("/v1/devices?limit=1000")).json.devices.length).toBe(no);
    }
  });

  test("a device says where it is, as it was stored", async () => {
    await start();
    world.commit([connectedOf(1, "a", 2048), frameOf(1, 2048, [{ time: T, lon: 1_234_567, lat: -5 }], T + 3)]);
    const [device] = (await get<DevicesPage>("/v1/devices")).json.devices;
    expect(device).toMatchObject({
      id: "a",
      connected: true,
      fence: 2048,
      transport: "tcp",
      origin: { address: "127.0.0.1", port: 4001, clientInstance: null },
      since: T,
      lastSeenAt: T + 3,
      lastByteAt: T + 3,
      records: 1,
      position: { time: T, lon: 0.1234567, lat: -5e-7 },
    });
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["limit=ten", "limit"],
    ["limit=1&limit=2", "limit"],
    ["after=x", "after"],
    ["after=", "after"],
    ["connected=yes", "connected"],
    ["sort=id", "sort"],
  ])(
    "%s is 400 naming it",
    async (query, parameter) => {
      await start();
      await expectProblem(`/v1/devices?${query}`, 400, parameter);
    },
  );
});

describe("GET /v1/devices/{id}", () => {
  test("the registry says who holds it, the journal what it sent", async () => {
    await start({}, fleet(2));
    world.standing.set("d2", { known: true, connected: true, fence: 9216, transport: 0, address: "10.0.0.9", port: 99, since: T + 77 });
    expect((await get("/v1/devices/d2")).json).toMatchObject({
      connected: true,
      fence: 9216,
      origin: { address: "10.0.0.9", port: 99 },
      since: T + 77,
      lastSeenAt: T + 10,
      lastByteAt: T + 5,
    });
    // The journal's word is older than the registry's.
    expect((await get("/v1/devices/d1")).json).toMatchObject({ connected: false, fence: 1024 });
  });

  test("how alive its connection is: its newest byte, frames in flight, and what its kernel said, where that is known", async () => {
    await start({}, fleet(2));
    const holds = { known: true, connected: true, fence: 9216, transport: 0, address: "10.0.0.9", port: 99, since: T + 77 };
    world.standing.set("d1", { ...holds, lastByteAt: T + 99, inFlight: 3, lastAckAt: T + 98, rttUs: 1500, retransmits: 2 });
    world.standing.set("d2", { ...holds, lastByteAt: T + 1, inFlight: 0 });
    expect((await get("/v1/devices/d1")).json).toMatchObject({
      lastByteAt: T + 99,
      liveness: { inFlight: 3, kernel: { lastAckAt: T + 98, rttMs: 1.5, retransmits: 2 } },
    });
    expect((await get("/v1/devices/d2")).json).toMatchObject({ lastByteAt: T + 5, liveness: { inFlight: 0, kernel: null } });
    world.standing.set("d2", { known: true, connected: false });
    expect((await get("/v1/devices/d2")).json).toMatchObject({ connected: false, liveness: null });
  });

  test("one that is connected and not yet in the journal is there", async () => {
    await start();
    world.standing.set("new", { known: true, connected: true, fence: 1024, transport: 0, address: "10.0.0.9", port: 99, since: T });
    expect((await get("/v1/devices/new")).json).toMatchObject({ id: "new", connected: true, records: 0, position: null, lastSeenAt: T });
  });

  test("one that nobody has heard of is 404", async () => {
    await start();
    for (const path of ["/v1/devices/nobody", `/v1/devices/${"9".repeat(65)}`, "/v1/devices/a%20b", "/v1/devices/nobody/records"]) {
      await expectProblem(path, 404);
    }
  });

  test("a registry that does not answer is 503 with Retry-After", async () => {
    await start({ requestTimeoutMs: 50 }, fleet(1));
    world.registryAnswers = false;
    await expectProblem("/v1/devices/d1", 503);
    expect((await get("/v1/devices/d1")).headers.get("retry-after")).toBe("1");
    world.registryAnswers = true;
    await until("answers again", async () => (await get("/v1/devices/d1")).status === 200);
  });

  test("a thread that does not reach what is committed in time is 503", async () => {
    await start({ readWaitMs: 50 }, fleet(1));
    world.board.setCommitted(asSeq(5));
    expect((await expectProblem("/v1/devices", 503)).detail).toContain("5");
    world.board.setCommitted(asSeq(1));
    expect((await get("/v1/devices")).status).toBe(200);
  });
});

describe("GET /v1/devices/{id}/records", () => {
  const track = (made: OutWorld): void => {
    made.commit([connectedOf(1, "a", 2048)]);
    for (let i = 0; i < 30; i++) made.commit([frameOf(1, 2048, [{ time: T + (30 - i) * 1000, io: { 1: i } }], T + i)]);
  };

  test("a record is what was stored", async () => {
    await start({}, track);
    const { records } = (await get<RecordsPage>("/v1/devices/a/records?limit=1")).json;
    expect(records).toEqual([{
      time: T + 30_000,
      priority: 0,
      lon: 25.2797,
      lat: 54.6872,
      altitude: 99,
      angle: 0,
      satellites: 12,
      speed: 0,
      eventId: 0,
      generationType: null,
      io: { "1": "00" },
      seq: 2,
      device: "a",
      fence: 2048,
      receivedAt: T,
    }]);
  });

  test("known IO values are named beside the raw ones when asked for", async () => {
    await start({}, track);
    const { records } = (await get<RecordsPage>("/v1/devices/a/records?limit=1&names=fmb")).json;
    expect(records[0]).toMatchObject({ io: { "1": "00" }, named: { "1": { name: "Digital Input 1", value: 0 } } });
    expect("named" in (await get<RecordsPage>("/v1/devices/a/records?limit=1")).json.records[0]!).toBe(false);
    await expectProblem("/v1/devices/a/records?names=other", 400);
  });

  test("pages by seq and by time give each record once", async () => {
    await start({}, track);
    for (const order of ["seq", "time"] as const) {
      const keys: number[] = [];
      for (let after = ""; keys.length < 100;) {
        const { json } = await get<RecordsPage>(`/v1/devices/a/records?limit=7&order=${order}${after}`);
        keys.push(...json.records.map((record) => record[order]));
        if (json.next === null) break;
        after = `&after=${encodeURIComponent(json.next)}`;
      }
      const first = order === "seq" ? 2 : T + 1000;
      expect(keys).toEqual(Array.from({ length: 30 }, (_, i) => first + i * (order === "seq" ? 1 : 1000)));
    }
  });

  test("from and to are record times, both included", async () => {
    await start({}, track);
    const { records } = (await get<RecordsPage>(`/v1/devices/a/records?from=${T + 5000}&to=${T + 7000}&order=time`)).json;
    expect(records.map((record) => record.time)).toEqual([T + 5000, T + 6000, T + 7000]);
  });

  test.each([
    ["from=yesterday", "from"],
    ["from=-1", "from"],
    ["to=1.5", "to"],
    ["from=5&to=4", "from"],
    ["limit=1001", "limit"],
    ["order=size", "order"],
    ["after=nonsense", "after"],
    [`after=${"1".repeat(257)}`, "after"],
    ["page=2", "page"],
  ])(
    "%s is 400 naming it",
    async (query, parameter) => {
      await start({}, track);
      await expectProblem(`/v1/devices/a/records?${query}`, 400, parameter);
    },
  );

  test("more matches than may be sorted are 422", async () => {
    await start({ sortedMatches: 100 }, track);
    const records = world.store.records.bind(world.store);
    world.store.records = (query) => query.order === "time" ? { kind: "too_many", matches: 123_456 } : records(query);
    expect((await expectProblem("/v1/devices/a/records?order=time", 422)).detail).toContain("123456");
    expect((await get("/v1/devices/a/records?order=seq")).status).toBe(200);
  });

  test("a page larger than the ring between the threads arrives whole", async () => {
    await start({ readerRingBytes: 4096 }, (made) => {
      made.commit([connectedOf(1, "a", 2048)]);
      for (let i = 0; i < 10; i++) made.commit([frameOf(1, 2048, Array.from({ length: 100 }, (_, n) => ({ time: T + i * 100 + n })))]);
    });
    const pages = await Promise.all(Array.from({ length: 8 }, () => get<RecordsPage>("/v1/devices/a/records?limit=1000")));
    for (const { json } of pages) expect(json.records.map((record) => record.seq)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 2));
  });

  test("a reader that does not reach what is committed says 503 with Retry-After", async () => {
    await start({ readWaitMs: 20 }, track);
    world.store.stuckAt = world.store.nextSeq - 1;
    world.commit([frameOf(1, 2048, [{ time: T }])]);
    await expectProblem("/v1/devices/a/records", 503);
    expect((await get("/v1/devices/a/records")).headers.get("retry-after")).toBe("1");
    world.store.stuckAt = Infinity;
    expect((await get<RecordsPage>("/v1/devices/a/records")).json.records.length).toBe(31);
  });

  test("a reader that does not answer is 503, and its late answers disturb nobody", async () => {
    await start({ requestTimeoutMs: 50 }, track);
    world.readerAnswers = false;
    await expectProblem("/v1/devices/a/records", 503);
    world.readerAnswers = true;
    const path = "/v1/devices/a/records?limit=1";
    const { json } = await until("answers again", () => get<RecordsPage>(path).then((answer) => answer.status === 200 && answer));
    expect(json.records.length).toBe(1);
  });

  test("more requests than may wait are 503 at once", async () => {
    await start({ requestTimeoutMs: 500, readerRingBytes: 4096, waitingQueries: 3 }, track);
    world.readerAnswers = false;
    const statuses = (await Promise.all(Array.from({ length: 100 }, () => get("/v1/devices/a/records")))).map((answer) => answer.status);
    expect(new Set(statuses)).toEqual(new Set([503]));
    world.readerAnswers = true;
    await until("answers again", async () => (await get("/v1/devices/a/records")).status === 200);
  });
});
