/** Builds and runs the floor, floor.c: what a gateway is compared with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { compile } from "../../test/support/preload.ts";

export interface RunningFloor {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export class Floor {
  readonly #folder = mkdtempSync(join(tmpdir(), "berth-floor-"));
  readonly #binary = join(this.#folder, "floor");

  /** @throws Error where there is no C compiler. */
  constructor() {
    compile(join(import.meta.dirname, "floor.c"), this.#binary, ["-pthread"]);
  }

  /** `file`: where it keeps what it acknowledges; null keeps nothing. */
  async start(threads: number, file: string | null): Promise<RunningFloor> {
    const args = [this.#binary, "0", String(threads), ...(file === null ? [] : [file])];
    const process = Bun.spawn(args, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    return { port: await readPort(process), pid: process.pid, stop: () => end(process) };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function readPort(process: Subprocess<"ignore", "pipe", "inherit">): Promise<number> {
  for await (const piece of process.stdout) return (JSON.parse(new TextDecoder().decode(piece)) as { port: number }).port;
  throw new Error(`Cannot start the floor: exit ${await process.exited}`);
}

async function end(process: Subprocess): Promise<void> {
  process.kill("SIGTERM");
  await process.exited;
}
