/** Who may use the HTTP interface: tokens and their scopes, pages of other sites, and what a stranger may not do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, runBerth, temporaryData } from "../support/gateway.ts";
import { ask, type DevicesPage, type Problem } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

interface Made {
  readonly id: string;
  readonly token: string;
  readonly scopes: readonly string[];
}

const bearer = (token: string): { headers: Record<string, string> } => ({ headers: { authorization: `Bearer ${token}` } });

/** One raw request; resolves with what came back until the connection ended, or this long after it began. */
function raw(url: string, text: string, waitMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    const socket: Socket = connect(Number(new URL(url).port), "127.0.0.1", () => void socket.write(text));
    const timer = setTimeout(() => socket.destroy(), waitMs);
    socket.on("data", (bytes) => {
      got += bytes.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => (clearTimeout(timer), resolve(got)));
  });
}

describe("access without tokens", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 1 } });
  });

  test("is everybody's on this machine while there are no tokens, but for names that point here from elsewhere", async () => {
    expect((await ask(gateway.url, "/v1/devices")).status).toBe(200);
    expect(await raw(gateway.url, "GET /v1/devices HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")).toStartWith(
      "HTTP/1.1 421",
    );
    expect(await raw(gateway.url, "GET /v1/devices HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).toStartWith("HTTP/1.1 200");
  });

  test("begins with a token that can make others", async () => {
    const first = await runBerth(["token", "create", "--scope", "read", "--url", gateway.url]);
    expect(first.code).toBe(1);
    expect(first.err).toContain("the first token needs scope admin");
    const { code, out } = await runBerth(["token", "create", "--scope", "admin", "--name", "me", "--json", "--url", gateway.url]);
    expect(code).toBe(0);
    expect((JSON.parse(out) as Made).token).toMatch(/^berth_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  });
});

describe("access", () => {
  let gateway: Gateway;
  let admin: Made;
  const one = new TestDevice(5101, "8");
  const other = new TestDevice(5102, "8");

  const make = async (...scopes: string[]): Promise<Made> => {
    const answer = await ask<Made>(gateway.url, "/v1/tokens", {
      method: "POST",
      body: JSON.stringify({ name: "test", scopes }),
      ...bearer(admin.token),
    });
    expect(answer.status).toBe(201);
    return answer.json;
  };
  const status = async (path: string, token: string | null, method = "GET"): Promise<number> =>
    (await ask(gateway.url, path, { method, ...(token === null ? {} : bearer(token)) })).status;

  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 1, "access.origins": "https://fleet.example" } });
    for (const each of [one, other]) {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, each.imei);
      expect(await tracker.send(each.frame(each.records(2)).bytes)).toBe(2);
    }
    admin = (await ask<Made>(gateway.url, "/v1/tokens", { method: "POST", body: JSON.stringify({ scopes: ["admin"] }) })).json;
  });

  test("without a token is refused everywhere but for health and the page", async () => {
    for (const path of ["/v1/devices", `/v1/devices/${one.imei}`, "/v1/events", "/v1/tokens", "/v1/none", "/metrics", "/openapi.json"]) {
      const answer = await ask<Problem>(gateway.url, path);
      expect({ path, status: answer.status, asks: answer.headers.get("www-authenticate") })
        .toEqual({ path, status: 401, asks: 'Bearer realm="berth"' });
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
    }
    for (const path of ["/healthz", "/readyz", "/"]) expect({ path, status: await status(path, null) }).toEqual({ path, status: 200 });
    expect(await status(`/v1/devices/${one.imei}/kick`, null, "POST")).toBe(401);
  });

  test("with a wrong token is refused, and says no more", async () => {
    const wrong = `${admin.token.slice(0, -1)}${admin.token.endsWith("A") ? "B" : "A"}`;
    for (const token of [wrong, "x", "berth_", `berth_000000000000_${"a".repeat(43)}`]) {
      expect(await status("/v1/devices", token)).toBe(401);
    }
    const answer = await ask<Problem>(gateway.url, "/v1/devices", bearer(wrong));
    expect(answer.headers.get("www-authenticate")).toContain('error="invalid_token"');
    expect(answer.text).not.toContain(wrong);
    expect(await status("/v1/devices", admin.token)).toBe(200);
    expect((await ask(gateway.url, `/v1/devices?access_token=${admin.token}`)).status).toBe(200);
    expect((await ask(gateway.url, `/v1/devices/${one.imei}/kick?access_token=${admin.token}`, { method: "POST" })).status).toBe(401);
  });

  test("with the wrong scope is forbidden, naming the right one", async () => {
    const read = await make("read");
    const command = await make("command");
    expect(await status("/v1/devices", read.token)).toBe(200);
    expect(await status("/v1/devices", command.token)).toBe(403);
    const kick = await ask<Problem>(gateway.url, `/v1/devices/${one.imei}/kick`, { method: "POST", ...bearer(read.token) });
    expect(kick.status).toBe(403);
    expect(kick.headers.get("www-authenticate")).toContain('scope="admin"');
    for (const path of ["/v1/drain", "/v1/tokens"]) expect(await status(path, read.token, "POST")).toBe(403);
    expect(await status("/v1/tokens", read.token)).toBe(403);
  });

  test("with a device's scope shows that device and no other", async () => {
    const { token } = await make(`device:${one.imei}`);
    expect(await status(`/v1/devices/${one.imei}`, token)).toBe(200);
    for (const path of ["", "/records", "/history"]) {
      expect(await status(`/v1/devices/${one.imei}${path}`, token)).toBe(200);
      expect(await status(`/v1/devices/${other.imei}${path}`, token)).toBe(403);
    }
    expect(await status("/v1/conflicts", token)).toBe(403);
    const page = await ask<DevicesPage>(gateway.url, "/v1/devices", bearer(token));
    expect(page.json.devices.map(({ id }) => id)).toEqual([one.imei]);
    expect(await status(`/v1/events?device=${other.imei}`, token)).toBe(403);
    const from = page.json.cursor.replace(/\d+$/, "0");
    const stream = await fetch(`${gateway.url}/v1/events?last_event_id=${from}&access_token=${token}`);
    const reader = stream.body!.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array<ArrayBuffer>, string>).getReader();
    let text = "";
    while (text.split("event: record").length < 3) text += (await reader.read()).value ?? "";
    expect(text).toContain(one.imei);
    expect(text).not.toContain(other.imei);
    await reader.cancel();
  });

  test("of a revoked token ends at once, its streams as well", async () => {
    const { id, token } = await make("read");
    const stream = await fetch(`${gateway.url}/v1/events`, bearer(token));
    expect(stream.status).toBe(200);
    const text = stream.text();
    expect(await status(`/v1/tokens/${id}`, admin.token, "DELETE")).toBe(204);
    expect(await status("/v1/devices", token)).toBe(401);
    expect(await text).toEndWith('event: bye\ndata: {"reason":"auth"}\n\n');
    expect(await status(`/v1/tokens/${id}`, admin.token, "DELETE")).toBe(404);
    expect(await status(`/v1/tokens/${admin.id}`, admin.token, "DELETE")).toBe(409);
  });

  test("of another site is refused unless it is named", async () => {
    const from = (origin: string, method = "POST") =>
      ask(gateway.url, `/v1/devices/${one.imei}/kick`, { method, headers: { ...bearer(admin.token).headers, origin } });
    expect((await from("https://evil.example")).status).toBe(403);
    const read = await ask(gateway.url, "/v1/devices", { headers: { ...bearer(admin.token).headers, origin: "https://evil.example" } });
    expect(read.headers.get("access-control-allow-origin")).toBeNull();
    const shared = await ask(gateway.url, "/v1/devices", { headers: { ...bearer(admin.token).headers, origin: "https://fleet.example" } });
    expect([shared.status, shared.headers.get("access-control-allow-origin")]).toEqual([200, "https://fleet.example"]);
    const refused = await ask(gateway.url, "/v1/devices", { headers: { origin: "https://fleet.example" } });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, "https://fleet.example"]);
    const preflight = await ask(gateway.url, "/v1/drain", {
      method: "OPTIONS",
      headers: { origin: "https://fleet.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
  });

  test("stays bounded: bodies, headers, paths", async () => {
    const big = await ask<Problem>(gateway.url, "/v1/tokens", { method: "POST", body: "x".repeat(70_000), ...bearer(admin.token) });
    expect(big.status).toBe(413);
    const header = await raw(gateway.url, `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Big: ${"x".repeat(200_000)}\r\n\r\n`, 1500);
    expect(header).toMatch(/^(?:HTTP\/1\.1 4\d\d|$)/);
    for (
      const path of [
        "/../../etc/passwd",
        "/dashboard/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/dashboard/..%2f..%2fetc%2fpasswd",
      ]
    ) {
      const answer = await raw(gateway.url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 40[014]/);
      expect(answer).not.toContain("root:");
    }
  });

  test("goes on through ten thousand wrong tokens and slow requests, in bounded memory", async () => {
    const slow = Array.from({ length: 50 }, () => {
      const socket = connect(
        Number(new URL(gateway.url).port),
        "127.0.0.1",
        () => void socket.write("GET /v1/devices HTTP/1.1\r\nHost: loc"),
      );
      socket.on("error", () => {});
      return socket;
    });
    const statuses = new Map<number, number>();
    const guess = async (from: number): Promise<void> => {
      for (let i = from; i < 10_000; i += 20) {
        const got = await status("/v1/devices", `berth_${i.toString(16).padStart(12, "0")}_${"a".repeat(43)}`);
        statuses.set(got, (statuses.get(got) ?? 0) + 1);
        if (i % 500 === 0) expect(await status("/v1/devices", admin.token)).toBe(200);
      }
    };
    const memory = async (): Promise<number> =>
      Number(/VmRSS:\s+(\d+)/.exec(await Bun.file(`/proc/${gateway.pid}/status`).text())?.[1]) / 1024;
    const all = (): Promise<void[]> => Promise.all(Array.from({ length: 20 }, (_, from) => guess(from)));
    // The first round grows the heap to what so many requests at once take; what the second adds is given back when there is time for it.
    await all();
    const before = await memory();
    await all();
    expect((statuses.get(401) ?? 0) + (statuses.get(429) ?? 0)).toBe(20_000);
    expect(statuses.get(429)).toBeGreaterThan(19_000);
    expect(await status("/v1/devices", admin.token)).toBe(200);
    await until("what they took given back", async () => (await memory()) - before < 32, 25_000);
    const refusals = await ask(gateway.url, "/metrics", bearer(admin.token));
    expect(refusals.text).toMatch(/berth_http_refusals_total\{cause="too_many"\} \d{5}/);
    for (const socket of slow) socket.destroy();
  }, 120_000);

  test("ends a request that trickles, and one that says nothing", async () => {
    const ended = (every: number | null): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1", () =>
          void socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nX: "));
        const timer = every === null ? undefined : setInterval(() =>
          void socket.write("x"), every);
        socket.on("error", () => {});
        socket.on("close", () => (clearInterval(timer), resolve()));
      });
    await Promise.all([ended(500), ended(null)]);
  }, 60_000);

  test("is told by the verbs: list and revoke, with --token or BERTH_TOKEN", async () => {
    const { id } = await make("read");
    const listed = await runBerth(["token", "list", "--url", gateway.url, "--token", admin.token]);
    expect(listed.out).toContain(id);
    const environment = await runBerth(["token", "list", "--url", gateway.url], { token: admin.token });
    expect(environment.out).toBe(listed.out);
    for (const verb of [["token", "list"], ["devices"], ["tail"]]) {
      const { code, err } = await runBerth([...verb, "--url", gateway.url]);
      expect([verb, code]).toEqual([verb, 1]);
      expect(err).toEndWith("a token is needed, as Authorization: Bearer TOKEN; give it with --token or BERTH_TOKEN\n");
    }
    expect((await runBerth(["token", "revoke", id, "--url", gateway.url, "--token", admin.token])).code).toBe(0);
    expect((await runBerth(["token", "list", "--url", gateway.url, "--token", admin.token])).out).not.toContain(id);
    const devices = await runBerth(["devices", "--url", gateway.url, "--token", admin.token]);
    expect(devices.out).toContain(one.imei);
    const tail = await runBerth(["tail", "--url", gateway.url, "--token", admin.token, "--from-start", "--count", "1"]);
    expect(tail.code).toBe(0);
    expect(tail.out).toContain(one.imei);
  });
});

describe("access of a gateway that is not on loopback", () => {
  const serve = (data: string) => ({ data, args: ["--http", "0.0.0.0:0"], settings: { workers: 1, "access.metrics": "open" } });

  test("is refused at the start without tokens, and open to none but them with one", async () => {
    const data = temporaryData();
    const bare = Gateway.spawn(serve(data));
    expect((await bare.ended()).code).toBe(1);
    for (const word of ["not a loopback address", "berth token create --scope admin --data"]) expect(bare.logText).toContain(word);
    const { code, out } = await runBerth(["token", "create", "--scope", "admin", "--data", data]);
    expect(code).toBe(0);
    const token = out.trim();
    const gateway = await Gateway.start(serve(data));
    expect((await ask(gateway.url, "/v1/devices")).status).toBe(401);
    expect((await ask(gateway.url, "/v1/devices", bearer(token))).status).toBe(200);
    expect((await ask(gateway.url, "/metrics")).status).toBe(200);
    const held = await runBerth(["token", "list", "--data", data]);
    expect(held.code).toBe(1);
    expect(held.err).toContain(`pid ${gateway.pid}`);
    expect(await Bun.file(`${data}/access.db`).text()).not.toContain(token);
    expect(gateway.logText).not.toContain(token);
    expect((await gateway.stop()).code).toBe(0);
    const listed = await runBerth(["token", "list", "--data", data]);
    expect(listed.out).toContain(token.split("_")[1]!);
  });
});
