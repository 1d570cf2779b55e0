/** `berth decode` on the command line. */
import { LIMITS } from "../base/limits.ts";
import { decode } from "./decode.ts";
import type { Verb } from "./verb.ts";

const HELP = `
Takes HEX as an argument, or one input a line on standard input, and prints one JSON line per login, frame or datagram. An
input may hold several frames, as read from a connection. What is not valid is printed as {"error","fault","offset"} and
the exit status is 1. Needs no running gateway.

  berth decode 000F333536333037303432343431303133
  grep -o 'rx: .*' device.log | cut -c5- | berth decode
`;

export const addDecode: Verb = (program, platform, end) => {
  program
    .command("decode")
    .description("say what the bytes of a tracker mean")
    .argument("[HEX]", "the bytes, as hex digits; blanks are ignored")
    .option("--udp", "each input is a datagram of the UDP channel")
    .addHelpText("after", HELP)
    .action(async (hex: string | undefined, options: { udp?: boolean }) => {
      end(await decode({ udp: options.udp === true, hex: hex ?? null, frameBytes: LIMITS.frameBytes.value }, platform));
    });
};
