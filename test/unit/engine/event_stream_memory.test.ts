/** What a long event stream leaves in memory: nothing of what was taken. */
import { expect, test } from "bun:test";
import { Hono } from "hono";
import { serveEvents } from "../../../src/http/events.ts";
import type { EventStream, Gateway } from "../../../src/http/gateway.ts";
import { EVERYBODY, type RequestEnv } from "../../../src/http/request_env.ts";

const CHUNKS = 400;

test("an event stream keeps nothing of what its client has taken", async () => {
  const made: WeakRef<Uint8Array>[] = [];
  const stream: EventStream = {
    next() {
      const bytes = new Uint8Array(1000);
      made.push(new WeakRef(bytes));
      return Promise.resolve(bytes);
    },
    close: () => {},
  };
  const gateway = { accepting: true, subscribe: () => stream, access: { whileValid: () => () => {} } } as unknown as Gateway;
  const app = new Hono();
  serveEvents(app, gateway);
  const env: RequestEnv = { peer: { address: "127.0.0.1", port: 1 }, cut: () => {}, grant: EVERYBODY };
  const response = await app.fetch(new Request("http://127.0.0.1/v1/events"), env);
  const reader = response.body!.getReader();
  for (let i = 0; i < CHUNKS; i++) expect((await reader.read()).value?.length).toBe(1000);
  await new Promise((resolve) => setTimeout(resolve, 1));
  Bun.gc(true);
  const kept = made.filter((ref) => ref.deref() !== undefined).length;
  expect([made.length >= CHUNKS, kept < CHUNKS / 4]).toEqual([true, true]);
  await reader.cancel();
});
