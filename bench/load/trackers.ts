/** Builds and runs the native tracker generator, trackers.c, for the load programs beside it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../test/support/preload.ts";

export interface Load {
  readonly port: number;
  readonly trackers: number;
  readonly records?: number;
  readonly window?: number;
  readonly threads?: number;
  readonly seconds?: number;
  readonly warmup?: number;
  readonly rate?: number;
  /** Frames per tracker; the run ends when all are acknowledged. */
  readonly frames?: number;
  readonly first?: number;
  readonly start?: number;
  readonly gap?: number;
  readonly order?: "rising" | "newest-first" | "same";
}

/** The JSON line of the generator. */
export interface LoadResult {
  readonly seconds: number;
  readonly frames_per_second: number;
  readonly records_per_second: number;
  readonly ack_ms: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly acked_frames: number;
  readonly acked_records: number;
  readonly unanswered_frames: number;
  readonly errors: number;
  /** Cores the generator itself took. */
  readonly generator_cores: number;
}

/** What the first line of a storm tells. */
export interface StormResult {
  readonly logged_in: number;
  readonly of: number;
  readonly storm_seconds: number;
  readonly login_ms: { readonly p50: number; readonly p99: number };
}

/** Trackers that are connected and say nothing. */
export interface Silence {
  readonly storm: StormResult;
  /** Closes all of them. */
  end(): Promise<void>;
}

export class Generator {
  readonly #folder = mkdtempSync(join(tmpdir(), "berth-load-"));
  readonly #binary = join(this.#folder, "trackers");

  /** @throws Error where there is no C compiler. */
  constructor() {
    compile(join(import.meta.dirname, "trackers.c"), this.#binary, ["-pthread"]);
  }

  /** One run. @throws Error with what the generator said when an acknowledgement was wrong or missing. */
  async run(load: Load): Promise<LoadResult> {
    const args = Object.entries(load).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const process = Bun.spawn([this.#binary, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text(), process.exited]);
    if (process.exitCode !== 0) throw new Error(`Cannot finish the load: exit ${process.exitCode}: ${err}${out}`);
    return JSON.parse(out) as LoadResult;
  }

  /** Connects `trackers` at once and keeps them silent, at most for `seconds`. */
  async storm(port: number, trackers: number, seconds: number): Promise<Silence> {
    const args = ["--port", port, "--trackers", trackers, "--storm", 1, "--seconds", seconds].map(String);
    const process = Bun.spawn([this.#binary, ...args], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const end = async (): Promise<void> => {
      process.kill("SIGTERM");
      await process.exited;
    };
    for await (const piece of process.stdout) {
      const [line] = new TextDecoder().decode(piece).split("\n");
      return { storm: JSON.parse(line!) as StormResult, end };
    }
    throw new Error(`Cannot finish the storm: exit ${await process.exited}`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
