/** A gateway that another program of berth started does not outlive it, however that one ends. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { denoBerth } from "../support/deno_command.ts";
import { berthCommand, endEverything, temporaryData } from "../support/gateway.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

/** Processes that this one started. */
function childrenOf(parent: number): number[] {
  const isChild = (pid: string): boolean => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
    } catch {
      // It has just gone.
      return false;
    }
  };
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isChild(name)).map(Number);
}

const runsServe = (pid: number): boolean =>
  existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0serve\0");

for (const [name, command] of [["Bun", berthCommand], ["Deno", denoBerth]] as const) {
  test(`the gateway of a selftest that is killed ends, on ${name}`, async () => {
    const parent = Bun.spawn([...command(), "selftest"], {
      stdout: "pipe",
      stderr: "ignore",
      env: { ...process.env, TMPDIR: temporaryData() },
    });
    let gateway = 0;
    try {
      gateway = await until("its gateway", () => childrenOf(parent.pid).find(runsServe), 30_000);
      // The first check is passed by a gateway that is ready.
      await parent.stdout.getReader().read();
    } finally {
      parent.kill("SIGKILL");
      await parent.exited;
    }
    try {
      await until("the gateway's end", () => !runsServe(gateway), 8000);
    } finally {
      if (runsServe(gateway)) process.kill(gateway, "SIGKILL");
    }
    expect(runsServe(gateway)).toBe(false);
  });
}
