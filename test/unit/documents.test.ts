/** What the documents name is there: files, verbs, settings and routes. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { settingOf } from "../../src/config/setting.ts";
import { OPERATIONS } from "../../src/http/operations.ts";
import { runHere } from "../support/console.ts";

const ROOT = join(import.meta.dir, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const found = (text: string, pattern: RegExp): string[] => [...new Set(Array.from(text.matchAll(pattern), (match) => match[1]!))];

describe("documents", () => {
  for (const path of ["README.md", "src/README.md", "bench/README.md"]) {
    test(`${path} names files that are there`, () => {
      const names = found(read(path), /(?<![\w/.])((?:[a-z_]+\/)+[a-z0-9_]+(?:\.(?:test|bench))?\.ts)\b/g);
      expect(names.length).toBeGreaterThan(0);
      expect(names.filter((name) => !existsSync(join(ROOT, name)) && !existsSync(join(ROOT, "src", name)))).toEqual([]);
    });
  }

  test("README.md names verbs and flags that are there", async () => {
    const verbs = found(read("README.md"), /^\| `berth (\w+)/gm);
    expect(verbs).toContain("serve");
    for (const verb of verbs) expect((await runHere([verb, "--help"])).code).toBe(0);
    const { out } = await runHere(["serve", "--help"]);
    for (const flag of found(read("README.md"), /`(--(?:data|tcp|http|workers|log-level))`/g)) expect(out).toContain(`${flag} <`);
  });

  test("README.md names settings that are there", () => {
    const keys = [...found(read("README.md"), /\[\w+\] ([a-z_]+)`/g)];
    expect(keys.length).toBeGreaterThan(2);
    for (const [, section, key] of read("README.md").matchAll(/`\[(\w+)\] ([a-z_]+)`/g)) {
      expect([section, key, settingOf(`${section}.${key}`)?.key]).toEqual([section, key, `${section}.${key}`]);
    }
  });

  test("README.md names every route that is there", () => {
    const [, table] = /## HTTP\n([\s\S]*?)\n## /.exec(read("README.md"))!;
    const named = new Set(found(table!, /[` ](\/[a-z0-9/{}.]+)/g));
    for (const { path } of OPERATIONS) if (path !== "/") expect([...named]).toContain(path);
  });
});
