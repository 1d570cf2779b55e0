/** The composition root: arguments in, exit code out. */
import { runProgram } from "./cli/program.ts";
import { choosePlatform } from "./platform/choose.ts";

const platform = await choosePlatform();
platform.exit(await runProgram(platform));
