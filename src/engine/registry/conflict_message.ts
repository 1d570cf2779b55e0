/** Evidence of who a connection is as the codec workers tell it, and an alarm of the conflict watch as the journal is told. Pure. */
import type { Alarm } from "../../registry/conflict.ts";
import type { SentSoFar } from "../../registry/event.ts";
import type { KeptClaim } from "../../registry/kept_claim.ts";
import { CONFLICT_ACTIONS, CONFLICT_RULES, type MessageOf, VERDICTS } from "../../wire/control.ts";

/** Of what TLS was agreed on, and the beginning of the digest of a certificate: as much as Socket.tls has. */
export const TLS_CHARACTERS = 60;
const CLONE = VERDICTS.indexOf("clone");

export function sentEvent(message: MessageOf<"sent">, at: number): SentSoFar {
  const { device, fence, codec, shape, isSteady, fixes } = message;
  const first = fixes === 0 ? null : { time: message.firstTime, lat: message.firstLat, lon: message.firstLon };
  const newest = fixes === 0 ? null : { time: message.newestTime, lat: message.newestLat, lon: message.newestLon };
  return { type: "sent", device, fence, sent: { codec, shape, isSteady, first, newest }, at };
}

const tlsOf = ({ tls }: KeptClaim): string => tls.slice(0, TLS_CHARACTERS);

export function conflictMessage(alarm: Alarm): MessageOf<"conflict"> {
  const { device, at, action, rule, alternations, takeovers, windowMs, last, differ, oldSent, ownerSent, movement } = alarm;
  const [first, second] = [last.old.claim, last.owner.claim];
  return {
    type: "conflict",
    device,
    fence: last.owner.fence,
    at,
    verdict: CLONE,
    action: CONFLICT_ACTIONS.indexOf(action),
    alternations,
    takeovers,
    windowMs,
    firstAddress: first.address,
    firstPort: first.port,
    firstClientInstance: first.clientInstance,
    firstFence: last.old.fence,
    firstSince: first.at,
    secondAddress: second.address,
    secondPort: second.port,
    secondClientInstance: second.clientInstance,
    secondFence: last.owner.fence,
    secondSince: second.at,
    rule: CONFLICT_RULES.indexOf(rule),
    differ,
    firstTls: tlsOf(first),
    firstCodec: oldSent?.codec ?? 0,
    firstShape: oldSent?.shape ?? 0,
    secondTls: tlsOf(second),
    secondCodec: ownerSent?.codec ?? 0,
    secondShape: ownerSent?.shape ?? 0,
    km: movement?.km ?? 0,
    seconds: movement?.seconds ?? 0,
    fromTime: movement?.from.time ?? 0,
    fromLat: movement?.from.lat ?? 0,
    fromLon: movement?.from.lon ?? 0,
    toTime: movement?.to.time ?? 0,
    toLat: movement?.to.lat ?? 0,
    toLon: movement?.to.lon ?? 0,
  };
}
