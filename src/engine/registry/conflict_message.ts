/** An alarm of the conflict watch as the registry tells it to the journal. Pure. */
import type { Alarm } from "../../registry/conflict.ts";
import { CONFLICT_ACTIONS, type MessageOf, VERDICTS } from "../../wire/control.ts";

const CLONE = VERDICTS.indexOf("clone");

export function conflictMessage({ device, at, action, alternations, takeovers, windowMs, last }: Alarm): MessageOf<"conflict"> {
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
  };
}
