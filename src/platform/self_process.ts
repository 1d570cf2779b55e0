/** Runs this very program again: the executable alone, or the runtime with the sources. Main thread only. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Child } from "./port.ts";

/** In the executable the script's path lies inside it; every runtime else needs it named, and its own flags again. */
function selfCommand(): readonly [string, ...string[]] {
  const script = process.argv[1] ?? "";
  const inExecutable = script === "" || script.includes("$bunfs") || script.includes("~BUN");
  if (inExecutable) return [process.execPath];
  return "Deno" in globalThis
    ? [process.execPath, "run", "--allow-all", ...denoConfig(), script]
    : [process.execPath, ...process.execArgv, script];
}

/** Deno does not tell which configuration it was given. Where it says that no module comes from JSR, it was the one without. */
function denoConfig(): string[] {
  const offline = import.meta.resolve("@std/streams/text-line-stream").startsWith("file:");
  return offline ? ["--config", fileURLToPath(new URL("../../deno.offline.json", import.meta.url).href)] : [];
}

/** By its id: after `child.kill` Deno says that the signal ended it, whatever its exit status. */
function end(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(child.pid, signal);
  } catch (error) {
    // It has just ended by itself.
    if ((error as { code?: string }).code !== "ESRCH") throw error;
  }
}

export function spawnSelf(args: readonly string[], environment: Readonly<Record<string, string>>): Child {
  const [command, ...first] = selfCommand();
  const child = spawn(command, [...first, ...args], { env: { ...environment }, stdio: ["pipe", "pipe", "pipe"] });
  return {
    pid: child.pid ?? 0,
    out: Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
    err: Readable.toWeb(child.stderr) as ReadableStream<Uint8Array>,
    kill: (signal) => end(child, signal),
    ended: new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    }),
  };
}
