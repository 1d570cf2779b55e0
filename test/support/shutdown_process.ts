/**
 * `berth` as src/main.ts runs it, but for the last line: it does not exit. Tells on standard output what the process still
 * has when the verb has returned, and then must end by itself: nothing may keep it.
 */
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { runProgram } from "../../src/cli/program.ts";
import { choosePlatform } from "../../src/platform/choose.ts";

/** What a descriptor refers to, by its number. The directory's own is gone by the time it is read. */
function descriptors(): Map<string, string> {
  const open = new Map<string, string>();
  for (const fd of readdirSync("/proc/self/fd")) {
    if (existsSync(`/proc/self/fd/${fd}`)) open.set(fd, readlinkSync(`/proc/self/fd/${fd}`));
  }
  return open;
}

const platform = await choosePlatform();
const before = descriptors();
const code = await runProgram(platform);
const left = [...descriptors()].filter(([fd, target]) => before.get(fd) !== target);
platform.writeOut(`${JSON.stringify({ event: "returned", code, descriptors: left, threads: readdirSync("/proc/self/task") })}\n`);
process.exitCode = code;
