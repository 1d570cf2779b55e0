/** The rest of the HTTP surface: health, metrics, the description, what is not built, and wrong use. */
import { afterEach, describe, expect, test } from "bun:test";
import { OPERATIONS } from "../../../src/http/operations.ts";
import { DrainPhase, Gate } from "../../../src/wire/board.ts";
import { connectedOf } from "../../support/memory_store.ts";
import { COMMAND } from "../../support/command_row.ts";
import { OutWorld } from "../../support/out_world.ts";
import { ask, type Problem } from "../../support/rest.ts";

let world: OutWorld;
let failureExpected = false;
afterEach(async () => {
  if (failureExpected) failureExpected = false;
  else {
    await world.stop();
    if (world.failure !== null) throw world.failure;
  }
});

interface Described {
  readonly openapi: string;
  readonly paths: Record<
    string,
    { get?: { parameters: { name: string; in: string; schema: Record<string, unknown> }[]; responses: Record<string, unknown> } }
  >;
}

const concrete = (path: string): string => path.replaceAll(/\{\w+\}/g, "1");

describe("health", () => {
  test("ready while it accepts and commits, with the reason when it does not", async () => {
    world = await OutWorld.start();
    const ready = async () => {
      const { status, json } = await ask<Problem>(world.url, "/readyz");
      return [status, json.detail?.split(":")[0]];
    };
    expect(await ready()).toEqual([200, undefined]);
    world.board.setGate(Gate.starting);
    expect(await ready()).toEqual([503, "starting"]);
    world.board.setGate(Gate.open);
    world.board.setPhase(DrainPhase.stopAccepting);
    expect(await ready()).toEqual([503, "draining"]);
    world.board.setPhase(DrainPhase.running);
    expect(await ready()).toEqual([200, undefined]);
    expect((await ask(world.url, "/healthz")).status).toBe(200);
  });

  test("alive and not ready while no reader answers at the start", async () => {
    world = await OutWorld.startUnready({ readWaitMs: 20 }, (made) => made.readerAnswers = false);
    expect((await ask(world.url, "/healthz")).status).toBe(200);
    expect((await ask<Problem>(world.url, "/readyz")).json.detail).toBe("starting: devices are being read");
    expect((await ask(world.url, "/v1/devices")).status).toBe(503);
    world.readerAnswers = true;
    await world.ready();
    expect((await ask(world.url, "/readyz")).status).toBe(200);
  });
});

describe("/metrics", () => {
  test("is Prometheus text, and OpenMetrics when asked for", async () => {
    world = await OutWorld.start();
    const plain = await ask(world.url, "/metrics");
    expect(plain.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const open = await ask(world.url, "/metrics", { headers: { accept: "application/openmetrics-text; version=1.0.0" } });
    expect(open.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(open.text).toEndWith("# EOF\n");
    for (const { text } of [plain, open]) expect(text).toMatch(/^berth_records_total\{outcome="stored"\} 0$/m);
    expect(open.text).toContain("# TYPE berth_records counter");
    expect(plain.text).toContain("# TYPE berth_records_total counter");
  });

  test("requests are counted by status", async () => {
    world = await OutWorld.start();
    world.board.setGate(Gate.starting);
    for (const path of ["/healthz", "/nothing", "/readyz"]) await ask(world.url, path);
    expect(["2xx", "4xx", "5xx"].map((status) => world.metric("berth_http_requests_total", status))).toEqual([1, 1, 1]);
  });
});

describe("/openapi.json", () => {
  test("describes each route that is there, and each route it describes is", async () => {
    world = await OutWorld.start({}, (made) => {
      made.commit([connectedOf(1, "1", 1024)]);
      made.store.commands.set("1", COMMAND);
    });
    const { json } = await ask<Described>(world.url, "/openapi.json");
    expect(json.openapi).toBe("3.1.0");
    expect(Object.entries(json.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`)).toSorted())
      .toEqual(OPERATIONS.map(({ method = "get", path }) => `${method} ${path}`).toSorted());
    for (const [path, methods] of Object.entries(json.paths)) {
      // Nothing is on the list, the name is no channel's, and this opens no WebSocket.
      const status = { "/v1/allow/{id}": 404, "/v1/channels/{name}": 404, "/v1/ws": 426 }[path] ?? 200;
      if (methods.get !== undefined) {
        expect([path, (await ask(world.url, concrete(path), { method: "HEAD" })).status]).toEqual([path, status]);
      }
    }
  });

  test("parameters are those the routes check", async () => {
    world = await OutWorld.start();
    const { json } = await ask<Described>(world.url, "/openapi.json");
    const records = json.paths["/v1/devices/{id}/records"]!.get!;
    expect(records.parameters.map(({ name, in: place }) => `${place} ${name}`))
      .toEqual(["path id", "query from", "query to", "query limit", "query after", "query order", "query names"]);
    const limit = records.parameters.find(({ name }) => name === "limit")!;
    expect(limit.schema).toEqual({ type: "integer", minimum: 1, maximum: 1000 });
    expect(Object.keys(records.responses)).toEqual(["200", "400", "401", "403", "404", "422", "429", "503"]);
    for (const [path, { get }] of Object.entries(json.paths)) {
      for (const { name, in: place } of get?.parameters ?? []) {
        if (place !== "query") continue;
        const { status, json: problem } = await ask<Problem & { parameter?: string }>(world.url, `${concrete(path)}?no_such=1`);
        expect([path, name, status, problem.parameter]).toEqual([path, name, 400, "no_such"]);
      }
    }
  });
});

describe("every answer", () => {
  test("is kept by no cache, unless it says that it may be", async () => {
    world = await OutWorld.start({}, (made) => made.commit([connectedOf(1, "1", 1024)]));
    for (
      const path of [
        "/v1/devices",
        "/v1/devices/1",
        "/v1/devices/1/records",
        "/v1/nothing",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
      ]
    ) {
      const { headers } = await ask(world.url, path);
      expect([path, headers.get("cache-control")]).toEqual([path, "no-store"]);
    }
    expect((await ask(world.url, "/")).headers.get("cache-control")).toBe("no-cache");
  });

  test("to HEAD has no body and the length of GET's", async () => {
    world = await OutWorld.start({}, (made) => made.commit([connectedOf(1, "1", 1024)]));
    for (const path of ["/v1/devices", "/v1/devices/1", "/v1/nothing", "/healthz", "/openapi.json", "/"]) {
      const got = await ask(world.url, path, { headers: { "accept-encoding": "identity" } });
      const { status, headers, text } = await ask(world.url, path, { method: "HEAD", headers: { "accept-encoding": "identity" } });
      expect([path, status, headers.get("content-length"), text]).toEqual([
        path,
        got.status,
        String(new TextEncoder().encode(got.text).length),
        "",
      ]);
    }
  });
});

describe("wrong use", () => {
  test("a method that a path does not have is 405, with those it has", async () => {
    world = await OutWorld.start();
    for (
      const [method, path, allow] of [["POST", "/v1/devices", "GET, HEAD"], ["DELETE", "/metrics", "GET, HEAD"], [
        "GET",
        "/v1/publish",
        "POST",
      ], ["PATCH", "/v1/allow/7", "DELETE, GET, HEAD, PUT"]]
    ) {
      const { status, headers, json } = await ask<Problem>(world.url, path!, { method: method! });
      expect([path, status, headers.get("allow"), headers.get("content-type")]).toEqual([path, 405, allow, "application/problem+json"]);
      expect(json.detail).toContain(method!);
    }
  });

  test("a path that is not there is 404", async () => {
    world = await OutWorld.start();
    for (const path of ["/v1", "/v1/device", "/v2/devices", "/v1/devices/1/records/2", "/favicon.ico"]) {
      const { status, headers } = await ask(world.url, path);
      expect([path, status, headers.get("content-type")]).toEqual([path, 404, "application/problem+json"]);
    }
  });

  test("a filter that names nothing is 400 naming it: it would be a filter of everything", async () => {
    world = await OutWorld.start();
    for (const [name, expected] of [["device", "device ids"], ["kind", "kinds of events"], ["channel", "channels"]]) {
      const { status, json } = await ask<Problem>(world.url, `/v1/events?${name}=`);
      expect([status, json.detail]).toEqual([400, `Cannot use ${name}: expected ${expected}`]);
    }
    const { json } = await ask<Problem>(world.url, "/v1/events?mode=fast");
    expect(json.detail).toBe("Cannot use mode: expected one of complete, latest");
  });

  test("a body that is not UTF-8 is 400: what stood for its bytes would not be what was sent", async () => {
    world = await OutWorld.start();
    const body = Uint8Array.of(0x22, 0xff, 0x22);
    for (const [method, path] of [["PUT", "/v1/devices/1/config"], ["POST", "/v1/publish"], ["POST", "/v1/devices/1/commands"]] as const) {
      const { status, json } = await ask<Problem>(world.url, path, { method, body });
      expect([path, status, json.detail]).toEqual([path, 400, "Cannot read the body: not UTF-8"]);
    }
  });

  test("a parameter on a route that takes none is 400 naming it", async () => {
    world = await OutWorld.start();
    for (const path of ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/devices/1"]) {
      const { status, json } = await ask<{ parameter: string }>(world.url, `${path}?verbose=1`);
      expect([path, status, json.parameter]).toEqual([path, 400, "verbose"]);
    }
  });

  test("a body larger than allowed is 413, however large it is and whether its length is said before or not", async () => {
    world = await OutWorld.start({ requestBytes: 1024 });
    for (const length of [1025, 2000, 8 * 1024 + 1, 20_000]) {
      const bytes = new Uint8Array(length).fill(0x20);
      for (const body of [bytes, new Blob([bytes]).stream()]) {
        const { status, headers, json } = await ask<Problem>(world.url, "/v1/publish", { method: "POST", body });
        expect([status, headers.get("content-type")]).toEqual([413, "application/problem+json"]);
        expect(json.detail).toMatch(/^A body of \d+ bytes exceeds 1024$/);
      }
    }
  });

  test("the dashboard is at /, and loads nothing from elsewhere", async () => {
    world = await OutWorld.start();
    const { status, headers, text } = await ask(world.url, "/");
    expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(text).toContain("<title>Berth");
  });
});

describe("the http loop", () => {
  test("a fault in it ends it", async () => {
    failureExpected = true;
    world = await OutWorld.startUnready({}, () => {}, "http.loop:throw@2");
    await world.failed();
    expect(String(world.failure)).toContain("http.loop");
  });
});
