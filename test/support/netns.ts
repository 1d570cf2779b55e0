/**
 * A network of a test's own: a program run in a fresh network namespace, so that nothing of the machine's network is
 * touched. Needs `unshare` and `ip`, and to be root or to be allowed user namespaces; where it is not, says why.
 */
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const WAYS = [["unshare", "--net"], ["unshare", "--map-root-user", "--net"]] as const;
/** What the program will need: to change this network, and to make a second one. */
const NEEDED = "ip link set lo up && ip link add t0 type veth peer name t1 && unshare --net true";

async function run(command: readonly string[], timeoutMs: number): Promise<{ code: number | null; out: string; err: string }> {
  const process = Bun.spawn([...command], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const timer = setTimeout(() => process.kill("SIGKILL"), timeoutMs);
  const [out, err] = await Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text(), process.exited]);
  clearTimeout(timer);
  return { code: process.exitCode, out, err };
}

export type InNetwork<T> = { readonly allowed: true; readonly result: T } | { readonly allowed: false; readonly why: string };

/** Runs `program`, which prints one line of JSON. @throws Error with what it said when it fails. */
export async function inNetworkOfItsOwn<T>(program: string, timeoutMs = 50_000): Promise<InNetwork<T>> {
  const refusals: string[] = [];
  for (const way of WAYS) {
    const tried = await run([...way, "sh", "-c", NEEDED], 5000).catch((error: unknown) => ({ code: -1, err: String(error) }));
    if (tried.code !== 0) {
      refusals.push(`${way.join(" ")}: ${tried.err.trim()}`);
      continue;
    }
    const { code, out, err } = await run([...way, process.execPath, join(ROOT, program)], timeoutMs);
    if (code !== 0) throw new Error(`Cannot run ${program} in a network of its own: exit ${code}\n${out}\n${err}`);
    return { allowed: true, result: JSON.parse(out.trim().split("\n").at(-1)!) as T };
  }
  return { allowed: false, why: refusals.join("; ") };
}
