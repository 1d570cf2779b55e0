/** A connection over real sockets: what it reads, what it remembers, when it comes back, and when it does not. */
import { afterEach, describe, expect, test } from "bun:test";
import { connect, connectDevice, type Connection, type SseOptions } from "../../../src/client/main.ts";
import { Flood } from "../../support/flood.ts";
import { until } from "../../support/until.ts";

let server: Bun.Server<undefined> | null = null;
let connection: Connection | null = null;
afterEach(async () => {
  connection?.close();
  await server?.stop(true);
});

interface Asked {
  readonly path: string;
  readonly cursor: string | null;
  readonly token: string | null;
}

/** A server that gives each connection the next answer, the last one again and again. */
function serve(...answers: (() => Response)[]): { url: string; asked: Asked[] } {
  const asked: Asked[] = [];
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: (request) => {
      const { pathname, search } = new URL(request.url);
      asked.push({ path: pathname + search, cursor: request.headers.get("last-event-id"), token: request.headers.get("authorization") });
      return answers[Math.min(asked.length, answers.length) - 1]!();
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, asked };
}

const encoder = new TextEncoder();
const whole = (text: string) => (): Response => new Response(text, { headers: { "content-type": "text/event-stream" } });
/** Says this and stays open. */
const open = (text: string) => (): Response =>
  new Response(new ReadableStream({ start: (controller) => controller.enqueue(encoder.encode(text)) }));
const status = (code: number, detail: string, headers: Record<string, string> = {}) => (): Response =>
  new Response(JSON.stringify({ detail }), { status: code, headers });
const record = (seq: number): string => `id: e.${seq}\nevent: record\ndata: {"seq":${seq}}\n\n`;

/** Events and states in the order they come, in short. */
function played(url: string, options: SseOptions = {}): string[] {
  const said: string[] = [];
  connection = connect(url, {
    random: () => 0,
    onConnect: () => said.push("connected"),
    onReconnect: () => said.push("again"),
    onDisconnect: ({ cause, waitMs }) => said.push(`lost ${cause} ${waitMs}`),
    onFailedAttempt: ({ cause, waitMs, reason }) => said.push(`failed ${cause} ${waitMs}: ${reason}`),
    ...options,
  });
  const read = async (events: Connection): Promise<void> => {
    for await (const { event, id } of events) said.push(`${event} ${id}`);
    said.push("end");
  };
  void read(connection);
  return said;
}

const saw = (said: readonly string[], what: string): Promise<true> => until(`${what} in ${said.join("; ")}`, () => said.includes(what));

describe("connection", () => {
  test("gives events with the cursor after them, which heartbeats move, and resumes there", async () => {
    const { url, asked } = serve(
      whole(`retry: 5\n\n${record(1)}: e.7\n\nid: e.7\n\nevent: bye\ndata: {"reason":"age"}\n\n`),
      open(record(8)),
    );
    const said = played(url, { cursor: "e.0" });
    await saw(said, "record e.8");
    expect(said).toEqual(["connected", "record e.1", "lost age 0", "again", "record e.8"]);
    expect(asked.map(({ cursor }) => cursor)).toEqual(["e.0", "e.7"]);
    expect(connection!.cursor()).toBe("e.8");
  });

  test("asks for what is wanted, with its token", async () => {
    const { url, asked } = serve(open(record(1)));
    const said = played(url, { devices: ["a", "b"], kinds: ["record"], channels: ["device.c"], mode: "latest", token: () => "secret" });
    await saw(said, "record e.1");
    expect(asked).toEqual([{
      path: "/v1/events?device=a&device=b&kind=record&channel=device.c&mode=latest",
      cursor: null,
      token: "Bearer secret",
    }]);
  });

  test("comes back after a 503 and not after a 400, and says why", async () => {
    const { url } = serve(status(503, "too many"), status(400, "unknown kind"));
    const said = played(url);
    await saw(said, "end");
    expect(said).toEqual(["failed busy 0: 503 too many", "failed refused null: 400 unknown kind", "over ", "end"]);
    expect(connection!.state).toBe("disconnected");
  });

  test.each([401, 403])("a %i is the end, and its status is known", async (code) => {
    const { url, asked } = serve(status(code, "who are you"));
    connection = connect(url, { token: "wrong", random: () => 0 });
    const events = await Array.fromAsync(connection);
    expect(events).toEqual([
      { event: "over", id: "", channel: "", data: { cause: "auth", reason: `${code} who are you`, status: code } },
    ]);
    expect(asked).toHaveLength(1);
  });

  test("honours Retry-After, in seconds and as a date", async () => {
    const waits: number[] = [];
    const began = Date.now();
    for (const after of ["7", new Date(Date.now() + 60_000).toUTCString()]) {
      const { url } = serve(status(503, "busy", { "retry-after": after }));
      const { promise, resolve } = Promise.withResolvers<number | null>();
      connection = connect(url, { random: () => 0, onFailedAttempt: ({ waitMs }) => resolve(waitMs) });
      waits.push((await promise)!);
      connection.close();
      await server!.stop(true);
    }
    // A date has whole seconds.
    expect([waits[0], waits[1]! <= 60_000, waits[1]! > 59_000 - (Date.now() - began)]).toEqual([7000, true, true]);
  });

  test("a device's own stream that was superseded is not taken back", async () => {
    const { url, asked } = serve(whole('id: 3\nevent: config\ndata: {"version":3}\n\nevent: bye\ndata: {"reason":"superseded"}\n\n'));
    connection = connectDevice(url, "350000000000001", { takeover: true, random: () => 0 });
    const events = await Array.fromAsync(connection, ({ event, data }) => [event, data]);
    expect(events).toEqual([
      ["config", { version: 3 }],
      ["over", { cause: "superseded", reason: "the gateway ended the stream: superseded", status: null }],
    ]);
    expect(asked.map(({ path }) => path)).toEqual(["/v1/devices/350000000000001/stream?takeover=true"]);
  });

  test("says that nobody listens in plain words", async () => {
    const { url } = serve(open(""));
    await server!.stop(true);
    const said = played(url);
    await saw(said, "failed unreachable 0: connection refused");
  });

  test("takes a silent connection for a dead one, and one that is heard for a live one", async () => {
    let beats = 30;
    const beating = (): Response => {
      const beat = (controller: ReadableStreamDefaultController): void => {
        controller.enqueue(encoder.encode(": e.1\n\n"));
        if (--beats > 0) setTimeout(beat, 40, controller);
      };
      return new Response(new ReadableStream({ start: beat }));
    };
    const { url } = serve(beating, status(400, "enough"));
    let heard = 0;
    // A busy machine is late by less than what is silence, and all beats together take longer.
    const said = played(url, { silentMs: 1000, onHeard: () => heard++ });
    await saw(said, "end");
    expect(said.slice(0, 2)).toEqual(["connected", "lost silent 0"]);
    expect([beats, heard >= 30]).toEqual([0, true]);
  });

  test("ends with its signal and with close, which may be called twice, also where the body of an answer does not", async () => {
    const deaf = (): Promise<Response> => Promise.resolve(new Response(new ReadableStream({ pull: () => new Promise(() => {}) })));
    const real = globalThis.fetch;
    globalThis.fetch = Object.assign(deaf, { preconnect: real.preconnect });
    try {
      const stop = new AbortController();
      const said = played("http://127.0.0.1:1", { signal: stop.signal });
      await saw(said, "connected");
      stop.abort();
      connection!.close();
      connection!.close();
      await saw(said, "end");
      expect(said).toEqual(["connected", "lost closed null", "end"]);
      expect(await Array.fromAsync(connect("http://127.0.0.1:1", { signal: stop.signal }))).toEqual([]);
    } finally {
      globalThis.fetch = real;
    }
  });

  test("leaving the loop closes it", async () => {
    const gone = Promise.withResolvers<void>();
    const { url } = serve(() =>
      new Response(new ReadableStream({ start: (c) => c.enqueue(encoder.encode(record(1) + record(2))), cancel: () => gone.resolve() }))
    );
    connection = connect(url);
    for await (const { id } of connection) {
      expect(id).toBe("e.1");
      break;
    }
    expect([connection.state, connection.cursor()]).toEqual(["disconnected", "e.1"]);
    await gone.promise;
  });

  test("what nobody takes stays in the network, and a slow reader is not taken for a dead gateway", async () => {
    const flood = await Flood.start(40_000);
    connection = connect(flood.url, { silentMs: 1000, bufferEvents: 10 });
    await until("the sender to be stopped", () => flood.isStopped);
    // Longer than it may be silent.
    await Bun.sleep(1100);
    expect([flood.isStopped, flood.sent < flood.total]).toEqual([true, true]);
    let seq = 0;
    for await (const { id } of connection) {
      expect(id).toBe(`e.${++seq}`);
      if (seq === flood.total) break;
    }
    expect(flood.connections).toBe(1);
    await flood.stop();
  });

  test("the network that comes back ends a wait", async () => {
    const { url, asked } = serve(whole("retry: 30000\n\n"), open(record(1)));
    const said = played(url, { random: () => 1 });
    await saw(said, "lost broken 30000");
    expect(asked).toHaveLength(1);
    globalThis.dispatchEvent(new Event("online"));
    await saw(said, "record e.1");
  });

  test("an event that is no JSON ends the connection, and nothing after it is believed", async () => {
    const { url, asked } = serve(whole(`${record(1)}id: e.2\nevent: record\ndata: {"a":\n\n${record(3)}`), open(": \n\n"));
    const said = played(url);
    await saw(said, "again");
    expect(said).toEqual(["connected", "record e.1", "lost broken 0", "again"]);
    expect(asked.at(-1)!.cursor).toBe("e.1");
  });

  test("an address that is none is told at once", () => {
    expect(() => connect("localhost:8080")).toThrow("expected http://HOST:PORT");
  });
});
