/** JSON bodies, strictly: what is not as declared is answered 400, naming the member. The schema also goes into /openapi.json. */
import type { Context } from "hono";
import * as v from "valibot";
import { problem } from "./problem.ts";

export type Body<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly answer: Response };

/** What the library says where a schema does not: of an object that is none, and of a member that is missing. */
const OWN_WORDS = /^Invalid (?:type|key): /;

const bad = (detail: string, parameter?: string): { readonly ok: false; readonly answer: Response } => ({
  ok: false,
  answer: problem(400, detail, parameter === undefined ? {} : { parameter }),
});

/** The body as text; null: it is not UTF-8, and what stood for its bytes would not be what was sent. */
export async function bodyText(c: Context): Promise<string | null> {
  const bytes = await c.req.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The body as `schema` has it; an empty one counts as `{}`. Its messages say what is expected. */
export async function readBody<const S extends v.GenericSchema>(c: Context, schema: S): Promise<Body<v.InferOutput<S>>> {
  const text = await bodyText(c);
  if (text === null) return bad("Cannot read the body: not UTF-8");
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    return bad("Cannot read the body: not JSON");
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return { ok: true, value: parsed.output };
  const issue = parsed.issues[0];
  const name = v.getDotPath(issue);
  if (name !== null && issue.expected === "never") return bad(`Cannot use ${name}: expected no such field`, name);
  if (name === null) return bad(`Cannot use the body: expected ${OWN_WORDS.test(issue.message) ? "a JSON object" : issue.message}`);
  return bad(`Cannot use ${name}: expected ${OWN_WORDS.test(issue.message) ? "a value" : issue.message}`, name);
}
