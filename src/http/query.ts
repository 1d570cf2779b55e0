/**
 * Query strings, strictly: every parameter is declared, checked and named when it is wrong; one that is not declared is
 * refused. The same declarations make the parameters in /openapi.json.
 */
import { sValidator } from "@hono/standard-validator";
import * as v from "valibot";
import { problem } from "./problem.ts";

const MAX_TEXT = 256;
export const TOKEN_PARAMETER = "access_token";

/** A whole number in [min, max]. */
export const wholeNumber = (min: number, max: number) => {
  const expected = `a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(expected),
    v.regex(/^(0|[1-9][0-9]{0,15})$/, expected),
    v.transform(Number),
    v.number(),
    v.integer(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
  );
};

export const text = (expected: string) => v.pipe(v.string(expected), v.minLength(1, expected), v.maxLength(MAX_TEXT, expected));

/** One value or several, given by repeating the parameter. */
export const texts = (expected: string) =>
  v.pipe(
    v.union([v.string(), v.array(v.string())], expected),
    v.transform((value) => typeof value === "string" ? [value] : value),
    v.array(v.pipe(v.string(), v.minLength(1, expected))),
  );

export const oneOf = <const T extends readonly string[]>(options: T) => v.picklist(options, `one of ${options.join(", ")}`);

export const query = <const E extends v.ObjectEntries>(entries: E) => v.strictObject(entries);

/** Middleware: the validated query is `c.req.valid("query")`; anything else is answered 400. */
export const strictQuery = <const E extends v.ObjectEntries>(schema: v.StrictObjectSchema<E, undefined>) =>
  sValidator("query", withToken(schema), (result) => {
    if (result.success) return undefined;
    const issue = result.error[0];
    const step = issue?.path?.[0];
    const name = String(typeof step === "object" ? step.key : step ?? "");
    if (!Object.hasOwn(schema.entries, name)) {
      const known = Object.keys(schema.entries);
      const allowed = known.length === 0 ? "this route takes none" : `expected ${known.join(", ")}`;
      return problem(400, `Unknown parameter ${name.slice(0, MAX_TEXT)}: ${allowed}`, { parameter: name.slice(0, MAX_TEXT) });
    }
    return problem(400, `Cannot use ${name}: expected ${issue?.message ?? "another value"}`, { parameter: name });
  });

/** Every route takes a token there (access.ts), as EventSource cannot set a header. */
const withToken = <const E extends v.ObjectEntries>(schema: v.StrictObjectSchema<E, undefined>): typeof schema =>
  v.strictObject({ ...schema.entries, [TOKEN_PARAMETER]: v.optional(v.string()) }) as unknown as typeof schema;
