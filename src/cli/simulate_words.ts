/** What a simulation says to people beside its summary: where it drives, why nobody lets it in, what is left. Pure. */
import type { Tally } from "./simulate_tally.ts";

/** What of a simulation's options its words need. */
export interface Aim {
  readonly host: string;
  readonly port: number;
  readonly devices: number;
  readonly udp: boolean;
  readonly seconds: number | null;
  readonly frames: number | null;
}

const target = ({ host, port }: Aim): string => `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** Why nobody is in, by what was met last. */
function why({ udp }: Aim, { refused, trouble }: Tally): string {
  if (udp) return "no datagram is answered; does its gateway have --udp?";
  if (trouble === "connection refused") return `${trouble}; is "berth serve" running?`;
  return trouble === "" ? refused > 0 ? "it refuses their logins" : "logins are not answered" : trouble;
}

/** Said once, when the first tracker is in. */
export function drivingWords(aim: Aim): string {
  const bounds = [aim.seconds === null ? "" : `${aim.seconds} s`, aim.frames === null ? "" : many(aim.frames, "frame")];
  const until = bounds.filter((bound) => bound !== "").join(" or ");
  return `berth: ${many(aim.devices, "tracker")} to ${target(aim)} ${until === "" ? "until Ctrl-C" : `for ${until}`}\n`;
}

/** Said once, when nobody was let in soon after the start. */
export const waitingWords = (aim: Aim, tally: Tally, patienceMs: number): string =>
  `berth: ${target(aim)} lets no tracker in (${why(aim, tally)}), trying for ${patienceMs / 1000} s\n`;

/** Said at the end, why the exit status is 1; "": all is well. */
export function endWords(aim: Aim, tally: Tally, elapsedMs: number): string {
  const { logins, acked, sent, reconnects, refused } = tally;
  if (logins === 0) {
    const tries = aim.udp ? `${many(sent, "datagram")} of trackers` : `${many(reconnects, "attempt")}, ${refused} refused`;
    return `berth: Cannot simulate: ${target(aim)} let no tracker in for ${Math.round(elapsedMs / 1000)} s (${tries}): ${
      why(aim, tally)
    }\n`;
  }
  if (acked === 0) return "berth: no frame was acknowledged\n";
  if (sent > acked) return `berth: ${many(sent - acked, "frame")} of ${sent} ${sent - acked === 1 ? "was" : "were"} not acknowledged\n`;
  return aim.frames !== null && acked < aim.frames ? `berth: the time was over at ${acked} of ${many(aim.frames, "frame")}\n` : "";
}
