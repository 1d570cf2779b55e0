/** JSON Schemas of configurations: which one counts for a device, what is wrong with a value, and what is no schema. */
import { describe, expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import type { Result } from "../../../src/base/result.ts";
import type { ClassSetting } from "../../../src/config/settings.ts";
import { type ConfigSchemas, readConfigSchemas } from "../../../src/engine/config_schemas.ts";
import { type Check, SchemaCompiler } from "../../../src/engine/schema_compiler.ts";

const limits = limitsWith({ configLevels: 4, configFaults: 3, configSchemaBytes: 400 });
const classOf = (match: string, configSchema: string): ClassSetting => ({
  name: "a",
  match,
  transport: null,
  policy: "takeover",
  configSchema,
});

function read(
  files: Record<string, string>,
  configSchema: string,
  classes: ClassSetting[] = [],
): Promise<Result<ConfigSchemas | null, string>> {
  const readText = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error("no such file");
    return text;
  };
  return readConfigSchemas({ readText }, { configSchema, policies: { classes, devices: [] }, limits });
}
async function schemas(...what: Parameters<typeof read>): Promise<ConfigSchemas> {
  const result = await read(...what);
  if (!result.ok || result.value === null) throw new Error(result.ok ? "none" : result.message);
  return result.value;
}
const failure = async (...what: Parameters<typeof read>): Promise<string> => {
  const result = await read(...what);
  return result.ok ? "" : result.message;
};
const json = (value: unknown): string => JSON.stringify(value);
const NUMBER = json({ type: "object", properties: { n: { type: "integer", minimum: 1 } }, required: ["n"], additionalProperties: false });

function check(schema: unknown, most = 8): Check {
  const result = new SchemaCompiler(most).compile(json(schema));
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

describe("the schema of a device's configuration", () => {
  test("is that of the first class that has one and fits, else that of all", async () => {
    const files = { "a.json": json({ const: "a" }), "b.json": json({ const: "b" }), "all.json": json({ const: "all" }) };
    const found = await schemas(files, "all.json", [classOf("35*", ""), classOf("350*", "a.json"), classOf("AB-*", "b.json")]);
    const fits = (device: string, value: string): boolean => found.wrongWith(device, value).length === 0;
    expect([fits("3501", "a"), fits("3501", "all"), fits("ab-1", "b"), fits("3511", "all"), fits("3511", "a")]).toEqual(
      [true, false, true, true, false],
    );
    expect((await schemas(files, "", [classOf("350*", "a.json")])).wrongWith("99", "anything")).toEqual([]);
  });

  test("is complete in itself: one is not seen by another, whatever they call themselves", async () => {
    const named = (value: string) => json({ $id: "https://example.org/one", const: value });
    const files = { "a.json": named("a"), "b.json": named("b"), "c.json": json({ $ref: "https://example.org/one" }) };
    const found = await schemas(files, "b.json", [classOf("350*", "a.json")]);
    expect([found.wrongWith("3501", "a"), found.wrongWith("99", "b"), found.wrongWith("99", "a").length]).toEqual([[], [], 1]);
    expect(await failure(files, "c.json", [classOf("350*", "a.json")])).toContain("can't resolve reference https://example.org/one");
  });

  test("is none where no file is named", async () => {
    expect(await read({}, "", [classOf("*", "")])).toEqual({ ok: true, value: null });
  });

  test("bounds the levels of what it checks, itself included, before it looks", async () => {
    const found = await schemas({ "x.json": json({ $defs: { a: { items: { $ref: "#/$defs/a" } } }, $ref: "#/$defs/a" }) }, "x.json");
    expect(found.wrongWith("1", [[[[1]]]])).toEqual([]);
    expect(found.wrongWith("1", [[[[[]]]]])).toEqual([{ path: "", message: "must not have more than 4 levels" }]);
    expect(found.wrongWith("1", JSON.parse("[".repeat(4000) + "]".repeat(4000)))).toHaveLength(1);
  });

  test("that cannot be read or used is refused with its file and the reason", async () => {
    expect(await failure({}, "x.json")).toBe("Cannot read x.json: no such file");
    expect(await failure({ "x.json": "{" }, "x.json")).toStartWith("Cannot use x.json as a JSON Schema: ");
    expect(await failure({ "x.json": "[]" }, "x.json")).toBe("Cannot use x.json as a JSON Schema: a schema is an object");
    expect(await failure({ "x.json": json({ tpye: "object" }) }, "x.json")).toBe(
      'Cannot use x.json as a JSON Schema: strict mode: unknown keyword: "tpye"',
    );
    expect(await failure({ "x.json": json({ type: "intger" }) }, "x.json")).toContain("must be equal to one of the allowed values");
    expect(await failure({ "x.json": json({ $ref: "https://example.org/other.json" }) }, "x.json")).toContain("can't resolve reference");
    expect(await failure({ "x.json": json({ $async: true, type: "object" }) }, "x.json")).toContain("$async is not taken");
    expect(await failure({ "x.json": json({ $schema: "http://json-schema.org/draft-04/schema#" }) }, "x.json")).toContain(
      "no schema with key",
    );
    expect(await failure({ "x.json": json({ pattern: "(" }) }, "x.json")).toContain("regular expression");
    expect(await failure({ "x.json": json({ description: "x".repeat(400) }) }, "x.json")).toBe("Cannot use x.json: 418 bytes exceed 400");
    expect(await failure({ "a.json": "true" }, "", [classOf("*", "a.json"), classOf("*", "b.json")])).toStartWith("Cannot read b.json");
  });
});

describe("what is wrong with a configuration", () => {
  test("is said with the path to it, and what is expected there", () => {
    const bad = check(JSON.parse(NUMBER));
    expect(bad({ n: 1 })).toEqual([]);
    expect(bad({ n: 0 })).toEqual([{ path: "/n", message: "must be >= 1" }]);
    expect(bad({ m: 1 })).toEqual([
      { path: "", message: "must have required property 'n'" },
      { path: "", message: 'must NOT have additional properties: "m"' },
    ]);
    expect(check({ properties: { a: { properties: { "b/c": { enum: [1, 2] } } } } })({ a: { "b/c": 3 } })).toEqual([
      { path: "/a/b~1c", message: "must be equal to one of the allowed values: [1,2]" },
    ]);
    expect(check(false)(1)).toEqual([{ path: "", message: "must not be there" }]);
    expect(check({ const: 5 })(1)).toEqual([{ path: "", message: "must be equal to constant: 5" }]);
  });

  test("is told up to a number of faults", () => {
    expect(check({ items: { type: "string" } }, 3)([1, 2, 3, 4, 5]).map(({ path }) => path)).toEqual(["/0", "/1", "/2"]);
  });

  test("is seen by the words of draft 2020-12, or of draft-07 where the schema says so", () => {
    const tuple = { prefixItems: [{ type: "string" }], items: false };
    expect([check(tuple)(["a"]).length, check(tuple)(["a", 1]).length]).toEqual([0, 1]);
    const old = { $schema: "http://json-schema.org/draft-07/schema#", items: [{ type: "string" }], additionalItems: false };
    expect([check(old)(["a"]).length, check(old)(["a", 1]).length]).toEqual([0, 1]);
  });

  test("is never its format: that says what is meant", () => {
    expect(check({ type: "string", format: "ipv4" })("not an address")).toEqual([]);
  });
});
