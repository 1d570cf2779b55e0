/**
 * Builds and reads the LD_PRELOAD shim of preload.c: every write, sync and truncation of a store's files and every send of
 * its sockets, in one order. A crash is then a choice: which of the writes no sync had covered were on the disk.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type CallKind = "write" | "truncate" | "sync_begins" | "sync_ended" | "send" | "unlink";
const KINDS: readonly CallKind[] = ["write", "truncate", "sync_begins", "sync_ended", "send", "unlink"];

export interface Call {
  readonly kind: CallKind;
  /** Kernel id of the calling thread. */
  readonly thread: number;
  /** Offset of a write, new size of a truncation. */
  readonly at: number;
  /** Of a send: the gateway's port and the peer's. */
  readonly localPort: number;
  readonly peerPort: number;
  /** File name without its folder; "" for sends. */
  readonly name: string;
  readonly data: Uint8Array;
}

const HEAD = 24;

/** Reads a trace. A record that was being written when the process ended is left out. */
export function readTrace(path: string): Call[] {
  const bytes = readFileSync(path);
  const calls: Call[] = [];
  for (let at = 0; at + HEAD <= bytes.length;) {
    const nameLength = bytes.readUInt32LE(at + 16);
    const length = bytes.readUInt32LE(at + 20);
    const end = at + HEAD + nameLength + length;
    if (end > bytes.length) break;
    const low = bytes.readUInt32LE(at + 8);
    calls.push({
      kind: KINDS[bytes.readUInt32LE(at) - 1]!,
      thread: bytes.readUInt32LE(at + 4),
      at: bytes.readUInt32LE(at + 12) * 2 ** 32 + low,
      localPort: low >>> 16,
      peerPort: low & 0xffff,
      name: bytes.toString("utf8", at + HEAD, at + HEAD + nameLength),
      data: bytes.subarray(at + HEAD + nameLength, end),
    });
    at = end;
  }
  return calls;
}

/** The first C compiler on the path, or null. */
export function compiler(): string | null {
  for (const name of ["cc", "gcc", "clang"]) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  return null;
}

/** Compiles a C source of this repository. @throws Error with the compiler's text. */
export function compile(source: string, output: string, flags: readonly string[]): void {
  const cc = compiler();
  if (cc === null) throw new Error("Cannot compile: no cc, gcc or clang on the PATH");
  const run = Bun.spawnSync([cc, "-O2", ...flags, "-o", output, source], { stderr: "pipe" });
  if (!run.success) throw new Error(`Cannot compile ${source}: ${run.stderr.toString()}`);
}

/** Compiles the shim into `folder` and returns its path. */
export function buildShim(folder: string): string {
  const output = join(folder, "preload.so");
  if (!existsSync(output)) compile(join(import.meta.dirname, "preload.c"), output, ["-shared", "-fPIC"]);
  return output;
}

export interface ShimOptions {
  /** Data directory to watch. */
  readonly data: string;
  readonly trace?: string;
  /** Makes every sync this much longer, so that what does not wait for one is seen. */
  readonly syncUs?: number;
  /** File holding the size of the disk in bytes. */
  readonly quota?: string;
  readonly readOnly?: boolean;
  /** While this file is there, the log cannot be synced. */
  readonly badSync?: string;
}

/** Environment of a process that runs under the shim. */
export function shimEnvironment(shim: string, options: ShimOptions): Record<string, string> {
  return {
    LD_PRELOAD: shim,
    SHIM_DIR: options.data,
    ...(options.trace === undefined ? {} : { SHIM_TRACE: options.trace }),
    ...(options.syncUs === undefined ? {} : { SHIM_SYNC_US: String(options.syncUs) }),
    ...(options.quota === undefined ? {} : { SHIM_QUOTA: options.quota }),
    ...(options.badSync === undefined ? {} : { SHIM_BAD_SYNC: options.badSync }),
    ...(options.readOnly === true ? { SHIM_READ_ONLY: "1" } : {}),
  };
}
