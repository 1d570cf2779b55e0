/** Verbs that have a name and are not built yet: refused by it, never accepted and ignored. */
import { fail, type Verb } from "./verb.ts";

const LATER: Readonly<Record<string, string>> = {
  replay: "send stored records again",
};

export const addLater: Verb = (program, platform, end) => {
  for (const [name, what] of Object.entries(LATER)) {
    program
      .command(name, { hidden: true })
      .description(`not built yet: ${what}`)
      .argument("[words...]")
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(() => end(fail(platform, `${name}: not built yet: ${what}`)));
  }
};
