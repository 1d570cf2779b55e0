/** GET and POST /v1/tokens, DELETE /v1/tokens/{id}: the tokens there are. Their texts are told once, when they are made. */
import type { Hono } from "hono";
import * as v from "valibot";
import { parseScopes, scopeNames } from "../access/scope.ts";
import { TOKEN_ID } from "../access/token.ts";
import { NoQuery } from "./devices.ts";
import type { Gateway, TokenView } from "./gateway.ts";
import { readBody } from "./body.ts";
import { problem } from "./problem.ts";
import { strictQuery } from "./query.ts";
import { ms } from "./schema.ts";

const NAME_MAX = 64;

const token = {
  id: v.pipe(v.string(), v.description("Public: the second part of its text")),
  name: v.string(),
  scopes: v.pipe(v.array(v.string()), v.description("read, command, admin or device:ID")),
  createdAt: ms("When it was made"),
};
export const TokensSchema = v.object({ tokens: v.array(v.object(token)) });
export const NewTokenSchema = v.object({ ...token, token: v.pipe(v.string(), v.description("Its text: told this once")) });
export const TokenBody = v.strictObject({
  name: v.optional(
    v.pipe(
      v.string("a text"),
      v.regex(/^[^\p{Cc}]*$/u, "a text without control characters"),
      v.maxLength(NAME_MAX, `at most ${NAME_MAX} characters`),
    ),
  ),
  scopes: v.pipe(v.array(v.string("a list of scopes"), "a list of scopes"), v.description("read, command, admin or device:ID")),
});

export function serveTokens(app: Hono, { access, settings }: Gateway): void {
  const { limits } = settings;
  app.get("/v1/tokens", strictQuery(NoQuery), (c) => {
    return c.json({ tokens: access.tokens.map(tokenJson) }, 200, { "cache-control": "no-store" });
  });

  app.post("/v1/tokens", strictQuery(NoQuery), async (c) => {
    const body = await readBody(c, TokenBody);
    if (!body.ok) return body.answer;
    const scopes = parseScopes(body.value.scopes, limits.tokenDevices);
    if (!scopes.ok) return problem(400, `Cannot use scopes: ${scopes.message}`, { parameter: "scopes" });
    const made = access.create(body.value.name ?? "", scopes.value);
    if (!made.ok) return problem(409, `Cannot make a token: ${made.message}`);
    return c.json({ ...tokenJson(made.value.token), token: made.value.text }, 201, { "cache-control": "no-store" });
  });

  app.delete("/v1/tokens/:id", strictQuery(NoQuery), (c) => {
    const id = c.req.param("id");
    switch (TOKEN_ID.test(id) ? access.revoke(id) : "unknown") {
      case "revoked":
        return new Response(null, { status: 204 });
      case "unknown":
        return problem(404, `Unknown token ${JSON.stringify(id.slice(0, 64))}`);
      case "last_admin":
        return problem(409, `Cannot revoke ${id}: it is the last one of scope admin; make another first`);
    }
  });
}

const tokenJson = ({ id, name, scopes, createdAt }: TokenView) => ({ id, name, scopes: scopeNames(scopes), createdAt });
