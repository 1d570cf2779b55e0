/** Runs this very program again: the executable alone, or the runtime with the sources. Main thread only. */
import { spawn } from "node:child_process";
import process from "node:process";
import { Readable } from "node:stream";
import type { Child } from "./port.ts";

/** In the executable the script's path lies inside it; every runtime else needs it named, and its own flags again. */
function selfCommand(): readonly [string, ...string[]] {
  const script = process.argv[1] ?? "";
  const inExecutable = script === "" || script.includes("$bunfs") || script.includes("~BUN");
  if (inExecutable) return [process.execPath];
  return "Deno" in globalThis ? [process.execPath, "run", "--allow-all", script] : [process.execPath, ...process.execArgv, script];
}

export function spawnSelf(args: readonly string[], environment: Readonly<Record<string, string>>): Child {
  const [command, ...first] = selfCommand();
  const child = spawn(command, [...first, ...args], { env: { ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  return {
    pid: child.pid ?? 0,
    out: Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
    err: Readable.toWeb(child.stderr) as ReadableStream<Uint8Array>,
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    }),
  };
}
