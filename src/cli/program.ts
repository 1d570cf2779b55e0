/** `berth`: its verbs, their help, and what their ends mean to a shell. Owns the main thread until a verb takes it. */
import { Command, CommanderError, Help } from "commander";
import { VERSION } from "../base/version.ts";
import type { Platform } from "../platform/port.ts";
import { addAllow } from "./allow.ts";
import { addCheck } from "./check.ts";
import { addConflicts } from "./conflicts.ts";
import { addDecode } from "./decode_verb.ts";
import { addDevices } from "./devices.ts";
import { addDrain } from "./drain_verb.ts";
import { addExport } from "./export.ts";
import { ownFirst, wrapped } from "./help_text.ts";
import { addKick } from "./kick.ts";
import { addQuarantine } from "./quarantine.ts";
import { addReplay } from "./replay.ts";
import { addSelftest } from "./selftest.ts";
import { addSend } from "./send.ts";
import { addServe } from "./serve_verb.ts";
import { addSimulate } from "./simulate_verb.ts";
import { addStress } from "./stress.ts";
import { addTail } from "./tail.ts";
import { addToken } from "./token.ts";
import { EXIT, type Verb } from "./verb.ts";

const VERBS: readonly Verb[] = [
  addServe,
  addCheck,
  addDecode,
  addSimulate,
  addTail,
  addDevices,
  addExport,
  addConflicts,
  addQuarantine,
  addReplay,
  addSend,
  addKick,
  addDrain,
  addSelftest,
  addStress,
  addToken,
  addAllow,
];

const EPILOGUE = `
Examples:
  berth serve                        trackers on 0.0.0.0:5027, HTTP on 127.0.0.1:8080, data in ./berth-data
  berth simulate --devices 10        ten believable trackers against it
  berth tail --kind record           what they send, live
  berth devices                      who is connected, from where, since when
  berth help serve                   everything about one verb

Exit status: 0 done, 1 failed (the reason is on standard error), 2 the command line is wrong.
`;

function createProgram(platform: Platform, end: (code: number) => void): Command {
  const program = new Command("berth");
  program
    .description("An edge gateway for IoT trackers: one live connection per device, and no record lost.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .helpCommand(false)
    .addHelpText("after", EPILOGUE)
    .showHelpAfterError("(berth --help says what there is)")
    .exitOverride()
    .configureHelp({ visibleOptions: (command) => ownFirst(new Help().visibleOptions(command)) })
    .configureOutput({
      writeOut: (text) => platform.writeOut(wrapped(text, program.configureOutput().getOutHelpWidth?.())),
      writeErr: (text) => platform.writeErr(text),
      outputError: (text, write) => write(text.replace(/^error: /, "berth: ")),
    });
  for (const add of VERBS) add(program, platform, end);
  addHelp(program);
  return program;
}

/** `berth help token create`. The library's own says nothing of a verb that is not there. */
function addHelp(program: Command): void {
  program.command("help").argument("[verb...]").description("print the help of a verb").action((words: readonly string[]) => {
    let at = program;
    for (const word of words) {
      const verb = at.commands.find((each) => each.name() === word);
      if (verb === undefined) return at.error(`error: unknown command '${word}'`, { exitCode: EXIT.usage });
      at = verb;
    }
    at.help();
  });
}

/** Runs what the arguments ask for; resolves with the exit status. */
export async function runProgram(platform: Platform): Promise<number> {
  let code: number = EXIT.done;
  try {
    await createProgram(platform, (verbCode) => (code = verbCode)).parseAsync([...platform.args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}
