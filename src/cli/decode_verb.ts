/** `berth decode` on the command line. */
import { Option } from "commander";
import { IO_FAMILIES, type IoFamily } from "../codec/teltonika/io_names.ts";
import { LIMITS } from "../base/limits.ts";
import { decode } from "./decode.ts";
import type { Verb } from "./verb.ts";

const HELP = `
Takes HEX as an argument, or one input a line on standard input, and prints one JSON line per login, frame or datagram. An
input may hold several frames, as read from a connection. What is not valid is printed as {"error","fault","offset"} and
the exit status is 1. Needs no running gateway.

  berth decode 000F333536333037303432343431303133
  berth decode --names fmb 000000000000003608010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E0000000000000000010000C7CF
  grep -o 'rx: .*' device.log | cut -c5- | berth decode
`;

export const addDecode: Verb = (program, platform, end) => {
  program
    .command("decode")
    .description("say what the bytes of a tracker mean")
    .argument("[HEX]", "the bytes, as hex digits; blanks are ignored")
    .option("--udp", "each input is a datagram of the UDP channel")
    .addOption(new Option("--names <FAMILY>", "name and scale known IO values, as that family means them").choices(IO_FAMILIES))
    .addHelpText("after", HELP)
    .action(async (hex: string | undefined, options: { udp?: boolean; names?: IoFamily }) => {
      end(
        await decode(
          { udp: options.udp === true, names: options.names ?? null, hex: hex ?? null, frameBytes: LIMITS.frameBytes.value },
          platform,
        ),
      );
    });
};
