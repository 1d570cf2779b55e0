/** The client's side of the event stream: what it reads, what it remembers, and when it comes back. */
import { afterEach, describe, expect, test } from "bun:test";
import { backoffMs, eventStream, type StreamNews } from "../../../src/client/event_stream.ts";

let server: Bun.Server<undefined> | null = null;
afterEach(() => server?.stop(true));

/** A server that gives each connection the next answer; what each asked with is in `asked`. */
function serve(answers: readonly (() => Response)[]): { url: string; asked: (string | null)[] } {
  const asked: (string | null)[] = [];
  let next = 0;
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push(request.headers.get("last-event-id"));
      return answers[Math.min(next++, answers.length - 1)]!();
    },
  });
  return { url: `http://127.0.0.1:${server.port}/v1/events`, asked };
}

const stream = (text: string) => (): Response => new Response(text, { headers: { "content-type": "text/event-stream" } });

async function take(url: string, count: number, lastEventId: string | null = null): Promise<StreamNews[]> {
  const news: StreamNews[] = [];
  for await (const one of eventStream(url, { lastEventId, signal: new AbortController().signal, random: () => 0 })) {
    news.push(one);
    if (news.length === count) break;
  }
  return news;
}

describe("event stream", () => {
  test("gives events with the cursor after them and moves it on heartbeats", async () => {
    const { url, asked } = serve([
      stream('retry: 5\n\nid: e.1\nevent: record\ndata: {"a":1}\n\n: e.7\n\nid: e.7\n\nevent: bye\ndata: {}\n\n'),
    ]);
    const news = await take(url, 5, "e.0");
    expect(news.slice(0, 3)).toEqual([
      { type: "open" },
      { type: "event", id: "e.1", event: "record", data: '{"a":1}' },
      { type: "event", id: "e.7", event: "bye", data: "{}" },
    ]);
    expect(news[3]).toMatchObject({ type: "lost" });
    expect(asked).toEqual(["e.0", "e.7"]);
  });

  test("ends with its signal, also where the body of an answer does not", async () => {
    const deaf = async (): Promise<Response> => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    const real = globalThis.fetch;
    globalThis.fetch = Object.assign(deaf, { preconnect: real.preconnect });
    try {
      const stop = new AbortController();
      const news: StreamNews[] = [];
      for await (const one of eventStream("http://127.0.0.1:1/v1/events", { lastEventId: null, signal: stop.signal, random: () => 0 })) {
        news.push(one);
        setTimeout(() => stop.abort(), 5);
      }
      expect(news).toEqual([{ type: "open" }]);
    } finally {
      globalThis.fetch = real;
    }
  });

  test("asks without a cursor when it has none", async () => {
    const { url, asked } = serve([stream("")]);
    expect((await take(url, 3)).map(({ type }) => type)).toEqual(["open", "lost", "open"]);
    expect(asked).toEqual([null, null]);
  });

  test("comes back after a 503 and not after a 400", async () => {
    const busy = (): Response => new Response('{"detail":"too many"}', { status: 503 });
    const wrong = (): Response => new Response('{"detail":"unknown kind"}', { status: 400 });
    const { url } = serve([busy, wrong]);
    expect(await take(url, 9)).toEqual([
      { type: "lost", reason: "503 too many", waitMs: 0 },
      { type: "refused", status: 400, reason: "400 unknown kind" },
    ]);
  });

  test("honours Retry-After", async () => {
    const { url } = serve([() => new Response("", { status: 503, headers: { "retry-after": "7" } })]);
    expect(await take(url, 1)).toMatchObject([{ type: "lost", waitMs: 7000 }]);
  });

  test("says that nobody listens in plain words", async () => {
    const { url } = serve([stream("")]);
    await server!.stop(true);
    expect(await take(url, 1)).toEqual([{ type: "lost", reason: "connection refused", waitMs: 0 }]);
  });

  test("takes a silent connection for a dead one, and one that is heard for a live one", async () => {
    let beats = 8;
    const quiet = (): Response => {
      const beat = (controller: ReadableStreamDefaultController): void => {
        controller.enqueue(new TextEncoder().encode(": e.1\n\n"));
        if (--beats > 0) setTimeout(beat, 40, controller);
      };
      return new Response(new ReadableStream({ start: beat }));
    };
    const { url } = serve([quiet, () => new Response("", { status: 400 })]);
    const news: StreamNews[] = [];
    let heard = 0;
    const options = { lastEventId: null, signal: new AbortController().signal, random: () => 0, silentMs: 200, heard: () => heard++ };
    for await (const one of eventStream(url, options)) news.push(one);
    expect(news).toMatchObject([{ type: "open" }, { type: "lost", reason: "nothing was heard for 200 ms" }, {
      type: "refused",
      status: 400,
    }]);
    expect([beats, heard >= 8]).toEqual([0, true]);
  });

  test("ends when its signal aborts, while it waits for events", async () => {
    const { url } = serve([
      () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(": e.1\n\n")) })),
    ]);
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { type } of eventStream(url, { lastEventId: null, signal: stop.signal, random: () => 0 })) {
      seen.push(type);
      stop.abort();
    }
    expect(seen).toEqual(["open"]);
  });

  test("waits longer each time, with full jitter, up to 30 s", () => {
    const wait = (failures: number, random: number): number => backoffMs({ baseMs: 1000, failures }, () => random);
    expect([0, 1, 2, 3].map((failures) => wait(failures, 0.5))).toEqual([500, 1000, 2000, 4000]);
    expect(wait(99, 1)).toBe(30_000);
    expect(wait(99, 0)).toBe(0);
  });
});
