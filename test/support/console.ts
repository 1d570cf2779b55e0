/** A console to run verbs against: what they print, on the real runtime for everything else. */
import { here } from "./here.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { Platform } from "../../src/platform/port.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `berth` with these arguments in this process, with only `environment` around it. */
export async function runHere(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const said = { out: "", err: "" };
  const platform: Platform = {
    ...here,
    args,
    env: (name) => environment[name],
    environment: () => environment,
    writeOut: (text) => void (said.out += text),
    writeErr: (text) => void (said.err += text),
  };
  const code = await runProgram(platform);
  return { code, ...said };
}
