/** The process itself, through the part of node:process that Bun and Deno share. */
import { writeSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import process from "node:process";
import { isatty } from "node:tty";
import { asMonoMs, asWallMs } from "../base/brand.ts";
import type { Platform } from "./port.ts";

type Process = Pick<
  Platform,
  | "clock"
  | "args"
  | "env"
  | "environment"
  | "pid"
  | "hostName"
  | "exit"
  | "kill"
  | "terminate"
  | "onSignal"
  | "writeOut"
  | "writeErr"
  | "outIsTerminal"
  | "errIsTerminal"
  | "cores"
  | "randomBytes"
>;

const STDOUT = 1;
const STDERR = 2;
/** What a shell reports for a process that SIGPIPE ended. */
const EXIT_PIPE = 141;

export function nodeProcess(): Process {
  return {
    clock: { wall: () => asWallMs(Date.now()), mono: () => asMonoMs(performance.now()) },
    args: process.argv.slice(2),
    env: (name) => process.env[name],
    environment: () => Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    pid: process.pid,
    hostName: () => hostname(),
    exit: (code) => process.exit(code),
    kill(): never {
      process.kill(process.pid, "SIGKILL");
      for (;;) pauseMs(1000);
    },
    terminate: () => void process.kill(process.pid, "SIGTERM"),
    onSignal: (name, call) => void process.on(name, call),
    // A reader that went away (`berth tail | head`) ends the writer, as SIGPIPE would.
    writeOut: (text) => writeAll(STDOUT, text) || process.exit(EXIT_PIPE),
    // A log nobody reads must not end a gateway.
    writeErr: (text) => void writeAll(STDERR, text),
    outIsTerminal: isatty(STDOUT),
    errIsTerminal: isatty(STDERR),
    cores: () => availableParallelism(),
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
}

/** Writes everything before it returns, so that nothing is lost at exit. False when nobody reads the other end any more. */
function writeAll(fd: number, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE" || code === "EBADF" || code === "EIO") return false;
      if (code !== "EAGAIN") throw error;
      pauseMs(1);
    }
  }
  return true;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

function pauseMs(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}
