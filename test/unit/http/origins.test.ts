/** What a page of another site may have a browser ask: to read, which it then cannot see, and nothing that acts. */
import { expect, test } from "bun:test";
import { Hono } from "hono";
import type { Gateway } from "../../../src/http/gateway.ts";
import { guardOrigins } from "../../../src/http/origins.ts";

const STREAM = "/v1/devices/356307042441013/stream?takeover=true";
const EVIL = "https://evil.example";
const FLEET = "https://fleet.example";

function guarded() {
  const refusals: string[] = [];
  const access = { open: true, countRefusal: (cause: string) => void refusals.push(cause) };
  const app = new Hono();
  guardOrigins(app, { access, settings: { access: { origins: [FLEET] } } } as unknown as Gateway);
  app.all("*", (c) => c.text("came in"));
  const ask = async (path: string, headers: Record<string, string>, method = "GET"): Promise<number> =>
    (await app.fetch(new Request(`http://127.0.0.1:8080${path}`, { method, headers: { host: "127.0.0.1:8080", ...headers } }))).status;
  return { ask, refusals };
}

test("a page of another site cannot open a device's stream, which takes the device, though that is a GET", async () => {
  const { ask, refusals } = guarded();
  expect(await ask(STREAM, { origin: EVIL })).toBe(403);
  expect(await ask(STREAM, { origin: "null" })).toBe(403);
  // An image, a link, a fetch without CORS: the browser names no origin.
  expect(await ask(STREAM, { "sec-fetch-site": "cross-site" })).toBe(403);
  expect(await ask(STREAM, { "sec-fetch-site": "same-site" })).toBe(403);
  expect(await ask("/v1/ws", { origin: EVIL, upgrade: "websocket" })).toBe(403);
  expect(refusals).toEqual(Array.from({ length: 5 }, () => "origin"));
});

test("a device's stream is open to programs, to our own page and to pages that are named", async () => {
  const { ask, refusals } = guarded();
  expect(await ask(STREAM, {})).toBe(200);
  expect(await ask(STREAM, { "sec-fetch-site": "none" })).toBe(200);
  expect(await ask(STREAM, { "sec-fetch-site": "same-origin" })).toBe(200);
  expect(await ask(STREAM, { origin: "http://127.0.0.1:8080", "sec-fetch-site": "same-origin" })).toBe(200);
  expect(await ask(STREAM, { origin: FLEET, "sec-fetch-site": "cross-site" })).toBe(200);
  expect(refusals).toEqual([]);
});

test("a page of another site may ask for what is only read, and change nothing", async () => {
  const { ask } = guarded();
  expect(await ask("/v1/devices", { origin: EVIL, "sec-fetch-site": "cross-site" })).toBe(200);
  expect(await ask("/v1/devices", { "sec-fetch-site": "cross-site" })).toBe(200);
  expect(await ask("/v1/drain", { origin: EVIL }, "POST")).toBe(403);
});
