/** `berth/client` as a program gets it: built, packed by npm, installed into a project of its own. */
import { readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { denoProgram } from "./deno_command.ts";
import { temporaryData } from "./gateway.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Runs a program to its end. @throws Error with what it said unless it exits with 0. */
export async function runIn(folder: string, command: readonly string[]): Promise<string> {
  const process = Bun.spawn([...command], { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe", env: environment(folder) });
  const [out, err] = await Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text(), process.exited]);
  if (process.exitCode !== 0) throw new Error(`Cannot run ${command.join(" ")}: exit ${process.exitCode}\n${out}${err}`);
  return out;
}

/** Without the network, and with nothing left behind outside of the folder. */
function environment(folder: string): Record<string, string> {
  const env: Record<string, string> = {};
  // npm runs these tests too, and tells its children so.
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined && !name.startsWith("npm_")) env[name] = value;
  return {
    ...env,
    DENO_DIR: join(folder, ".deno"),
    DENO_NO_UPDATE_CHECK: "1",
    npm_config_cache: join(folder, ".npm"),
    npm_config_offline: "true",
  };
}

/** A folder with a package.json, and the packed client installed in it. */
export async function projectWithClient(): Promise<string> {
  const folder = temporaryData();
  await runIn(ROOT, ["node", "src/launch.mjs", "client"]);
  await runIn(folder, ["npm", "pack", "--silent", join(ROOT, "dist/client")]);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  await runIn(folder, ["npm", "install", "--no-audit", "--no-fund", `./${tarball}`]);
  return folder;
}

/** How each runtime runs a file of the project. */
export const RUNTIMES: Readonly<Record<string, (file: string) => readonly string[]>> = {
  node: (file) => ["node", file],
  bun: (file) => [process.execPath, file],
  deno: (
    file,
  ) => [denoProgram(), "run", "--quiet", "--no-prompt", "--cached-only", "--allow-net=127.0.0.1", "--node-modules-dir=manual", file],
};
