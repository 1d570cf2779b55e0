/**
 * What the tests use of `bun:test`, on Deno.test: deno.test.json maps the one name to this file, so that the same tests
 * run on both runtimes. A matcher that is not here throws: no test passes by being misunderstood.
 */
import { inspect } from "node:util";
import "./fast_check.ts";
import { equal, matches } from "./equality.ts";

/** The part of Deno this file uses. */
interface DenoTest {
  test(options: { name: string; fn: () => void | Promise<void>; sanitizeOps: boolean; sanitizeResources: boolean }): void;
}

type Call = () => void | Promise<void>;

/** A describe block: its name, and what runs around the tests in it. */
interface Block {
  readonly name: string;
  readonly outer: Block | null;
  readonly beforeEach: Call[];
  readonly afterEach: Call[];
  readonly beforeAll: Call[];
  readonly afterAll: Call[];
  /** Tests in it, inner blocks too, that have not run yet. */
  left: number;
  begun: boolean;
}

const blockIn = (outer: Block | null, name: string): Block => ({
  name,
  outer,
  beforeEach: [],
  afterEach: [],
  beforeAll: [],
  afterAll: [],
  left: 0,
  begun: false,
});

let current = blockIn(null, "");

/** From the outermost in. */
const around = (block: Block | null): Block[] => (block === null ? [] : [...around(block.outer), block]);

async function all(calls: readonly Call[]): Promise<void> {
  for (const call of calls) await call();
}

export const beforeEach = (call: Call): void => void current.beforeEach.push(call);
export const afterEach = (call: Call): void => void current.afterEach.push(call);
export const beforeAll = (call: Call): void => void current.beforeAll.push(call);
export const afterAll = (call: Call): void => void current.afterAll.push(call);

function one(name: string, body: Call): void {
  const blocks = around(current);
  for (const block of blocks) block.left++;
  const { Deno } = globalThis as unknown as { Deno: DenoTest };
  Deno.test({
    name: [...blocks.slice(1).map((block) => block.name), name].join(" > "),
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => run(blocks, body),
  });
}

async function run(blocks: readonly Block[], body: Call): Promise<void> {
  for (const block of blocks) {
    if (!block.begun) await all(block.beforeAll);
    block.begun = true;
  }
  try {
    for (const block of blocks) await all(block.beforeEach);
    await body();
  } finally {
    for (const block of blocks.toReversed()) {
      await all(block.afterEach);
      if (--block.left === 0) await all(block.afterAll);
    }
  }
}

function block(name: string, body: () => void): void {
  current = blockIn(current, name);
  body();
  current = current.outer!;
}

/** Once for each row; an array is the arguments. `%s` and the like in the name are the row's values in turn. */
const each =
  <Body>(make: (name: string, body: () => Body) => void) =>
  (rows: readonly unknown[]) =>
  (name: string, body: (...values: never[]) => Body): void => {
    for (const row of rows) {
      const values: unknown[] = Array.isArray(row) ? row : [row];
      let next = 0;
      make(name.replaceAll(/%[sdijop]/g, () => String(values[next++])), () => body(...values as never[]));
    }
  };
export const describe = Object.assign(block, { each: each(block) });
export const test = Object.assign(one, { each: each(one) });

class Failure extends Error {
  override readonly name = "ExpectationError";
}

type Check = (actual: unknown, ...expected: never[]) => boolean;

/** Does `actual`, a function, throw what is expected: nothing said, a part of its message, a pattern, or a class? */
function throws(actual: unknown, expected?: string | RegExp | (new (...values: never[]) => unknown)): boolean {
  let thrown: unknown = actual;
  if (typeof actual === "function") {
    try {
      (actual as () => unknown)();
      return false;
    } catch (error) {
      thrown = error;
    }
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (expected === undefined) return true;
  if (typeof expected === "string") return message.includes(expected);
  return expected instanceof RegExp ? expected.test(message) : thrown instanceof expected;
}

const CHECKS = {
  toBe: (actual, expected: unknown) => Object.is(actual, expected),
  toEqual: (actual, expected: unknown) => equal(actual, expected),
  toMatchObject: (actual, expected: object) => matches(actual, expected),
  toBeNull: (actual) => actual === null,
  toBeUndefined: (actual) => actual === undefined,
  toBeDefined: (actual) => actual !== undefined,
  toBeNumber: (actual) => typeof actual === "number",
  toBeGreaterThan: (actual, least: number) => (actual as number) > least,
  toBeGreaterThanOrEqual: (actual, least: number) => (actual as number) >= least,
  toBeLessThan: (actual, most: number) => (actual as number) < most,
  toBeLessThanOrEqual: (actual, most: number) => (actual as number) <= most,
  toBeInstanceOf: (actual, type: new () => unknown) => actual instanceof type,
  toContain: (
    actual,
    part: unknown,
  ) => (typeof actual === "string" ? actual.includes(part as string) : [...(actual as Iterable<unknown>)].includes(part)),
  toStartWith: (actual, part: string) => (actual as string).startsWith(part),
  toEndWith: (actual, part: string) => (actual as string).endsWith(part),
  toHaveLength: (actual, length: number) => (actual as { length: number }).length === length,
  toMatch: (
    actual,
    pattern: RegExp | string,
  ) => (typeof pattern === "string" ? (actual as string).includes(pattern) : pattern.test(actual as string)),
  toThrow: (actual, expected?: string | RegExp | (new (...values: never[]) => unknown)) => throws(actual, expected),
} as const satisfies Record<string, Check>;

type Matchers<Result> = { readonly [Name in keyof typeof CHECKS]: (...expected: readonly unknown[]) => Result };

const show = (value: unknown): string => inspect(value, { depth: 8, breakLength: 120 });

function judge(name: keyof typeof CHECKS, wanted: boolean, actual: unknown, expected: readonly unknown[], what: string | undefined): void {
  const check = CHECKS[name] as (actual: unknown, ...expected: readonly unknown[]) => boolean;
  if (check(actual, ...expected) === wanted) return;
  const said = what === undefined ? "" : `${what}: `;
  throw new Failure(`${said}expected ${show(actual)} ${wanted ? "" : "not "}${name} ${expected.map(show).join(", ")}`);
}

function matchers<Result>(perform: (name: keyof typeof CHECKS, expected: readonly unknown[]) => Result): Matchers<Result> {
  const made = {} as Record<keyof typeof CHECKS, (...expected: readonly unknown[]) => Result>;
  for (const name of Object.keys(CHECKS) as (keyof typeof CHECKS)[]) made[name] = (...expected) => perform(name, expected);
  return made;
}

/** `what` goes in front of the message. */
export function expect(actual: unknown, what?: string) {
  const judged = (wanted: boolean, value: unknown) => matchers((name, expected) => judge(name, wanted, value, expected, what));
  return {
    ...judged(true, actual),
    not: judged(false, actual),
    resolves: matchers(async (name, expected) => judge(name, true, await actual, expected, what)),
    rejects: matchers(async (name, expected) => judge(name, true, await rejection(actual as Promise<unknown>), expected, what)),
  };
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Failure(`expected a rejection, got ${show(value)}`);
    },
    (error: unknown) => error,
  );
