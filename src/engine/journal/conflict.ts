/** An identity conflict as its event and its row tell it: the two sides, and by what they were found to be two. Pure. */
import { fingerprintText } from "../../codec/fingerprint.ts";
import { CONFLICT_ACTIONS, CONFLICT_DIFFERENCES, CONFLICT_RULES, type MessageOf, VERDICTS } from "../../wire/control.ts";
import { originJson } from "./origin.ts";

const DEGREE = 1e7;
const HOUR_S = 3600;

export function conflictPayload(m: MessageOf<"conflict">) {
  const { at, alternations, takeovers, windowMs } = m;
  return {
    at,
    verdict: VERDICTS[m.verdict],
    action: CONFLICT_ACTIONS[m.action],
    alternations,
    takeovers,
    windowMs,
    evidence: {
      rule: CONFLICT_RULES[m.rule],
      differ: CONFLICT_DIFFERENCES.filter((_, i) => (m.differ & (1 << i)) !== 0),
      movement: movementOf(m),
    },
    origins: [
      {
        ...originJson(m.firstAddress, m.firstPort, m.firstClientInstance),
        fence: m.firstFence,
        since: m.firstSince,
        tls: m.firstTls === "" ? null : m.firstTls,
        codec: fingerprintText(m.firstCodec, m.firstShape),
      },
      {
        ...originJson(m.secondAddress, m.secondPort, m.secondClientInstance),
        fence: m.secondFence,
        since: m.secondSince,
        tls: m.secondTls === "" ? null : m.secondTls,
        codec: fingerprintText(m.secondCodec, m.secondShape),
      },
    ],
  };
}

function movementOf({ km, seconds, fromTime, fromLat, fromLon, toTime, toLat, toLon }: MessageOf<"conflict">) {
  if (km === 0) return null;
  return {
    km: Math.round(km),
    seconds: Math.round(seconds),
    // Of two places at one time no speed can be told.
    kmh: seconds === 0 ? null : Math.round((km / seconds) * HOUR_S),
    from: { time: fromTime, lat: fromLat / DEGREE, lon: fromLon / DEGREE },
    to: { time: toTime, lat: toLat / DEGREE, lon: toLon / DEGREE },
  };
}
