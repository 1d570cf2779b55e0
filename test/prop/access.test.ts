/** Whatever a path is spelled like: a token of one device reaches no other, and nothing is open that needs a token. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { Hono } from "hono";
import { allows, needOf } from "../../src/access/need.ts";
import { parseScopes } from "../../src/access/scope.ts";

const OWN = "356307042441013";
const parsed = parseScopes([`device:${OWN}`], 1);
if (!parsed.ok) throw new Error(parsed.message);
const scopes = parsed.value;
const CLOSED = { health: false, metrics: false };

/** Percent-encodes some characters, some of them twice. */
const spelled = fc.tuple(
  fc.constantFrom(OWN, OWN, OWN, "7", `${OWN}x`, "..", ".", "%", "/", `${OWN}/records`),
  fc.infiniteStream(fc.nat(40)),
).map(
  ([text, dice]) => {
    const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
    return Array.from(text, (character) => {
      const how = dice.next().value as number;
      return how < 8 ? hex(character) : how === 8 ? hex(character).replace("%", "%25") : character;
    }).join("");
  },
);
const tail = fc.constantFrom("", "/records", "/history", "/stream", "/config", "/commands", "/kick", "/policy", "/x");
const methods = fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE");

test("a token of one device reaches no other device, however the path is spelled", async () => {
  let reached = "";
  let need = "";
  const app = new Hono();
  app.use(async (c, next) => {
    need = allows(scopes, needOf(c.req.method, c.req.path, CLOSED)) ? "allowed" : "refused";
    await next();
  });
  app.all("/v1/devices/:id/:rest{.+}", (c) => (reached = c.req.param("id"), c.text("")));
  app.all("/v1/devices/:id", (c) => (reached = c.req.param("id"), c.text("")));
  let own = 0;
  await fc.assert(
    fc.asyncProperty(methods, spelled, tail, async (method, id, rest) => {
      reached = "";
      need = "refused";
      await app.fetch(new Request(`http://gateway/v1/devices/${id}${rest}`, { method }));
      if (need !== "allowed" || reached === "") return;
      own++;
      expect(reached).toBe(OWN);
    }),
    { numRuns: 2000 },
  );
  // It bites: its own device was reached often enough.
  expect(own).toBeGreaterThan(20);
});

test("nothing outside the page is open, and nothing that changes", () => {
  fc.assert(
    fc.property(methods, fc.webPath(), (method, path) => {
      const need = needOf(method, path, CLOSED);
      const isPage = (method === "GET" || method === "HEAD") && (path === "/" || path.startsWith("/dashboard/"));
      expect(need.kind === "open").toBe(isPage);
    }),
    { numRuns: 2000 },
  );
});
