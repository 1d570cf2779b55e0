/** The rules of the house, checked over the whole repository; and each rule, shown to find a violation of it. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cycles } from "./support/tidy/layers.ts";
import { RULES } from "./support/tidy/rules.ts";
import type { Source } from "./support/tidy/source.ts";

const ROOT = join(import.meta.dir, "..");
const FOLDERS = ["src", "workers", "test", "bench"];

function sources(): Source[] {
  return FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path: path.slice(ROOT.length + 1), text: readFileSync(path, "utf8") }))
  );
}

const doc = "/** What it is. */\n";
const long = (lines: number): string => "  go();\n".repeat(lines);

/** Violations of each rule: what a tidy repository must never have. */
const PLANTED: Readonly<Record<keyof typeof RULES, readonly Source[]>> = {
  layers: [
    { path: "src/base/a.ts", text: `${doc}import { send } from "../wire/control.ts";\n` },
    { path: "src/wire/a.ts", text: `${doc}import { crc } from "../codec/crc.ts";\n` },
    { path: "src/registry/a.ts", text: `${doc}import type { Row } from "../store/port.ts";\n` },
    { path: "src/engine/a.ts", text: `${doc}import { app } from "../http/app.ts";\n` },
    { path: "src/telemetry/a.ts", text: `${doc}export { openBun } from "../platform/bun.ts";\n` },
    { path: "src/store/a.ts", text: `${doc}import { openDatabase } from "../platform/port.ts";\n` },
    { path: "src/http/a.ts", text: `${doc}const x = await import("../cli/program.ts");\n` },
    { path: "src/cli/a.ts", text: `${doc}import { fake } from "../../test/support/fake.ts";\n` },
    { path: "src/stuff/a.ts", text: doc },
  ],
  fileLength: [
    { path: "src/base/a.ts", text: doc + "const a = 1;\n".repeat(300) },
    { path: "workers/codec.ts", text: doc + "const a = 1;\n".repeat(25) },
  ],
  functionLength: [
    { path: "src/base/a.ts", text: `${doc}export function go(a: { b: string }): { c: number } {\n${long(70)}}\n` },
    { path: "src/base/a.ts", text: `${doc}export const go = (): void => {\n${long(70)}};\n` },
    { path: "src/base/a.ts", text: `${doc}export class A {\n  x = 1;\n  async #go<T>(a: T): Promise<T> {\n${long(70)}  }\n}\n` },
    { path: "test/unit/a.test.ts", text: `${doc}test("go", () => {\n${long(70)}});\n` },
  ],
  runtimeNames: [
    { path: "src/engine/a.ts", text: `${doc}export const pid = (): number => process.pid;\n` },
    { path: "src/cli/a.ts", text: `${doc}export const text = (): string => \`\${Bun.version}\`;\n` },
    { path: "src/http/a.ts", text: `${doc}export const go = (): void => Deno.exit(0);\n` },
    { path: "src/client/a.ts", text: `${doc}export const on = typeof Bun === "object";\n` },
    { path: "src/store/a.ts", text: `${doc}import { Database } from "bun:sqlite";\n` },
    { path: "workers/codec.ts", text: `${doc}import { parentPort } from "node:worker_threads";\n` },
    { path: "src/main.ts", text: `${doc}export const env = globalThis.process;\n` },
  ],
  docComment: [{ path: "src/base/a.ts", text: "// What it is.\nexport const a = 1;\n" }],
  vagueNames: [
    { path: "src/base/string_utils.ts", text: doc },
    { path: "src/helpers/a.ts", text: doc },
    { path: "src/base/a.ts", text: `${doc}export class SocketManager {}\n` },
  ],
  snakeCase: [{ path: "src/base/ringBuffer.ts", text: doc }, { path: "src/base/ring-buffer.ts", text: doc }],
  namedExports: [
    { path: "src/base/a.ts", text: `${doc}export default function go(): void {}\n` },
    { path: "src/base/a.ts", text: `${doc}const go = 1;\nexport { go as default };\n` },
  ],
  quietImport: [
    { path: "src/base/a.ts", text: `${doc}const a = 1;\nregister(a);\n` },
    { path: "src/engine/a.ts", text: `${doc}import { b } from "./b.ts";\n\nvoid b();\n` },
    { path: "src/http/a.ts", text: `${doc}export function go(): void {}\n\ngo();\n` },
  ],
  purity: [
    ...[
      "await go();",
      "setTimeout(go, 1);",
      "return Date.now();",
      "return Math.random();",
      "return new Promise(go);",
      "console.log(1);",
      "return new Date();",
    ].map((line) => ({
      path: "src/store/a.ts",
      text: `${doc}export function a(): unknown {\n  ${line}\n}\n`,
    })),
    { path: "src/registry/a.ts", text: `${doc}export const a = async (): Promise<void> => {};\n` },
  ],
  unfinished: [{ path: "src/base/a.ts", text: `${doc}// ${["TO", "DO"].join("")}: later\n` }],
  skippedTests: ["test.skip", "describe.only", "it.todo"].map((call) => ({
    path: "test/unit/a.test.ts",
    text: `${doc}${call}("a", () => {});\n`,
  })),
  importEndings: [{ path: "src/base/a.ts", text: `${doc}import { b } from "./b";\n` }],
};

/** Looks like a violation and is none. */
const INNOCENT: readonly Source[] = [
  {
    path: "src/store/a.ts",
    text: [
      "/** Says `Bun.serve`, process.exit and Date.now in a comment. */",
      'import type { Database } from "../platform/port.ts";',
      'import { crc } from "../codec/crc.ts";',
      "export const LIMITS = { process: { drainMs: 1 } };",
      "export const text = `await ${LIMITS.process.drainMs} {`; // process.exit()",
      "export const form = /async \"(['`/]+)\\/ {/;",
      "const half = LIMITS.process.drainMs / 2 / 1;",
      "for (const one of [half]) LIMITS.process.drainMs = one;",
      'export function go(a: string): { b: string } {\n  return { b: a + "Promise.all(" };\n}',
      "",
    ].join("\n"),
  },
  {
    path: "src/codec/a.ts",
    text: `${doc}import { FRAME } from "../wire/frame_message.ts";\nimport type { Clock } from "../base/clock.ts";\n`,
  },
  { path: "src/ring/a.ts", text: `${doc}function go(): void {\n}\n\nexport class A {\n${"  a = 1;\n".repeat(80)}}\n` },
  { path: "src/platform/a.ts", text: `${doc}import { openSync } from "node:fs";\nexport const pid = process.pid;\n` },
  { path: "test/unit/a.test.ts", text: `${doc}describe("a", () => {\n${long(80)}});\n` },
];

const broken = (source: Source): string[] =>
  Object.entries(RULES).flatMap(([name, rule]) => rule(source).map((what) => `${source.path}: ${what} [${name}]`));

describe("tidy", () => {
  for (const [name, rule] of Object.entries(RULES)) {
    test(`${name} is kept by every file`, () => {
      expect(sources().flatMap((source) => rule(source).map((what) => `${source.path}: ${what}`))).toEqual([]);
    });

    test(`${name} finds each planted violation`, () => {
      const planted = PLANTED[name as keyof typeof RULES];
      expect(planted.length).toBeGreaterThan(0);
      for (const source of planted) expect({ ...source, found: rule(source).length }).toEqual({ ...source, found: 1 });
    });
  }

  test("imports make no cycle", () => {
    expect(cycles(sources())).toEqual([]);
  });

  test("imports that make a cycle are found", () => {
    const of = (path: string, from: string): Source => ({ path, text: `${doc}import { x } from "${from}";\n` });
    expect(cycles([of("src/base/a.ts", "./b.ts"), of("src/base/b.ts", "./c.ts"), of("src/base/c.ts", "./a.ts")])).toEqual([
      "src/base/a.ts → src/base/b.ts → src/base/c.ts → src/base/a.ts",
    ]);
  });

  test("a rule does not see a violation in comments, texts and types", () => {
    expect(INNOCENT.flatMap(broken)).toEqual([]);
  });
});
