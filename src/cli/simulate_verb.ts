/** `berth simulate` on the command line. */
import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { parseHostPort } from "../config/host_port.ts";
import type { HostPort } from "../config/settings.ts";
import { simulate, startBefore } from "./simulate.ts";
import { SIMULATED_CODECS, type SimulatedCodec } from "./simulate_source.ts";
import type { TlsTrust } from "../platform/tls_port.ts";
import { fail, misused, type Verb, wholeNumber } from "./verb.ts";

const HELP = `
Each tracker logs in with its own IMEI, drives a believable track and sends the next frame when the one before is
acknowledged. It answers commands; over UDP, beyond the first 512 trackers, those of Codec 14 only. Ends after --seconds or
--frames, or when it is interrupted, and prints what was acknowledged. The exit status is 1 when a frame was left
unacknowledged, or when nobody was let in for 15 s. The same --seed and --start send the same bytes again.

  berth simulate --devices 100 --rate 500 --seconds 60
  berth simulate gateway.example:5027 --codec 8E --records 20 --frames 1000
  berth simulate --udp --devices 100 --rate 500 --seconds 60
  berth simulate gateway.example:5028 --tls --ca authority.pem
  berth simulate --start 2026-01-01T00:00:00Z --newest-first --rate 0 --frames 5000
`;

interface Flags {
  readonly devices: number;
  readonly rate: number;
  readonly records: number;
  readonly codec: SimulatedCodec;
  readonly seconds?: number;
  readonly frames?: number;
  readonly seed: number;
  readonly imei: string;
  readonly start?: number;
  readonly newestFirst?: boolean;
  readonly udp?: boolean;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly insecure?: boolean;
}

function readTarget(text: string): HostPort {
  const parsed = parseHostPort(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.message);
  return parsed.value;
}

function readImei(text: string): string {
  if (!/^\d{15}$/.test(text)) throw new InvalidArgumentError("Expected 15 digits.");
  return text;
}

function readTime(text: string): number {
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(ms) || ms < 0) throw new InvalidArgumentError("Expected a time as 2026-01-01T00:00:00Z, or ms since 1970.");
  return ms;
}

const addOptions = (command: Command): Command =>
  command
    .option("--devices <N>", "trackers", wholeNumber(1, 65_536), 10)
    .option("--rate <N>", "frames a second of all together; 0: as fast as they are acknowledged", wholeNumber(0, 10_000_000), 10)
    .option("--records <N>", "records in a frame", wholeNumber(1, 255), 4)
    .addOption(new Option("--codec <NAME>", "mix gives each tracker one of the three in turn").choices(SIMULATED_CODECS).default("mix"))
    .option("--seconds <N>", "stop after this time", wholeNumber(1, 10_000_000))
    .option("--frames <N>", "stop after this many frames of all together", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--seed <N>", "which tracks", wholeNumber(0, 0xffff_ffff), 1)
    .option("--imei <IMEI>", "of the first tracker; the others count on", readImei, "350000000000000")
    .option("--start <TIME>", "time of the first records (default: now)", readTime)
    .option("--tls", "connect with TLS, as to [tcp.tls] listen")
    .addOption(new Option("--ca <FILE>", "with TLS: trust the authorities in this PEM file instead of the system's").implies({ tls: true }))
    .addOption(new Option("--insecure", "with TLS: trust any certificate").implies({ tls: true }).conflicts("ca"))
    .option("--udp", "send datagrams of the UDP channel instead of connecting")
    .option("--newest-first", "send as a tracker that empties its memory from the newest record on");

export const addSimulate: Verb = (program, platform, end) => {
  const command = program
    .command("simulate")
    .description("be a fleet of trackers against a gateway")
    .addArgument(
      new Argument("[HOST:PORT]", "where to connect").argParser(readTarget).default({ host: "127.0.0.1", port: 5027 }, "127.0.0.1:5027"),
    )
    .addHelpText("after", HELP);
  addOptions(command).action(async ({ host, port }: HostPort, flags: Flags) => {
    const { seconds = null, frames = null, newestFirst = false, udp = false, start = startBefore(platform.clock.wall(), flags) } = flags;
    if (udp && flags.tls === true) return end(misused(platform, "simulate: --udp and --tls do not go together"));
    let tls: TlsTrust | null = null;
    try {
      if (flags.tls === true) {
        tls = flags.insecure === true ? "anybody" : flags.ca === undefined ? "system" : { ca: platform.readText(flags.ca) };
      }
    } catch (error) {
      return end(fail(platform, `simulate: cannot read ${flags.ca}: ${(error as Error).message}`));
    }
    end(await simulate({ ...flags, host, port, seconds, frames, newestFirst, udp, tls, start }, platform));
  });
};
