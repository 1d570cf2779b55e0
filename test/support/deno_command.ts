/** How `berth` is run from the sources on Deno: by the program inside the npm package, without its install script. */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** @throws Error when the package is not installed. */
export function denoProgram(): string {
  const installed = join(ROOT, "node_modules/@deno");
  const platforms = existsSync(installed) ? readdirSync(installed).map((name) => join(installed, name, "deno")) : [];
  const found = [join(ROOT, "node_modules/deno/deno"), ...platforms].find((path) => existsSync(path));
  if (found === undefined) throw new Error("Cannot find Deno in node_modules. Run: npm install");
  return found;
}

/** Without any network but the gateway's own sockets. The limit of open files stands in /proc, which Deno shows to `--allow-all` only. */
export const denoBerth = (): readonly string[] => [
  denoProgram(),
  "run",
  "--cached-only",
  "--allow-all",
  "--config",
  join(ROOT, "deno.offline.json"),
  join(ROOT, "src/main.ts"),
];
