/** JSON bodies, strictly: every field is declared, checked and named when it is wrong; an empty body is `{}`. */
import type { Context } from "hono";
import * as v from "valibot";
import { problem } from "./problem.ts";

export type Body<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Response };

export async function jsonBody<const E extends v.ObjectEntries>(
  c: Context,
  schema: v.StrictObjectSchema<E, undefined>,
  maxBytes: number,
): Promise<Body<v.InferOutput<v.StrictObjectSchema<E, undefined>>>> {
  const text = await c.req.text();
  if (text.length > maxBytes) return { ok: false, refusal: problem(413, `A body of ${text.length} bytes exceeds ${maxBytes}`) };
  let json: unknown;
  try {
    json = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    return { ok: false, refusal: problem(400, "Cannot read the body: expected JSON") };
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return { ok: true, value: parsed.output };
  const issue = parsed.issues[0];
  const key = issue.path?.[0]?.key;
  const name = typeof key === "string" ? key : "the body";
  const known = Object.keys(schema.entries);
  const unknown = issue.path !== undefined && !known.includes(name);
  const detail = unknown ? `Unknown field ${name}: expected ${known.join(", ")}` : `Cannot use ${name}: expected ${issue.message}`;
  return { ok: false, refusal: problem(400, detail, { parameter: name }) };
}
