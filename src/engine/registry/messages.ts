/**
 * The messages that say who a connection is: to the journal of a takeover, to an http thread of one device. What was heard
 * of the connection is read off the presence table at that moment. And what the journal keeps of a command. Owned by the registry thread.
 */
import type { Change } from "../../command/command.ts";
import type { EffectOf } from "../../registry/effect.ts";
import type { Owner } from "../../registry/owner.ts";
import { COMMAND_STATES } from "../../wire/command.ts";
import { type MessageOf, POLICIES, TAKEOVER_CAUSES } from "../../wire/control.ts";
import type { Presence } from "../../wire/presence.ts";

/** No worker has it: nothing is known of a connection there. */
const NO_RING = Number.POSITIVE_INFINITY;

export function originOf({ device, fence, claim }: Owner) {
  const { ring, conn, transport, address, port, clientInstance, at } = claim;
  return { device, fence, ring, conn, transport, address, port, clientInstance, at };
}

export function replacedMessage(effect: EffectOf<"replaced">, presence: Presence): MessageOf<"replaced"> {
  const { owner, old, cause, policy, oldClosing, floor } = effect;
  const { claim } = old;
  presence.find(claim.ring, claim.conn);
  return {
    type: "replaced",
    ...originOf(owner),
    policy: POLICIES.indexOf(policy),
    cause: TAKEOVER_CAUSES.indexOf(cause),
    oldFence: old.fence,
    oldTransport: claim.transport,
    oldAddress: claim.address,
    oldPort: claim.port,
    oldClientInstance: claim.clientInstance,
    oldSince: claim.at,
    oldConn: claim.conn,
    oldRing: claim.ring,
    oldClosing,
    oldLastByteAt: presence.lastByteAt,
    oldInFlight: presence.inFlight,
    oldLastAckAt: presence.lastAckAt,
    oldRttUs: presence.rttUs,
    oldRetransmits: presence.retransmits,
    floor,
  };
}

/** `told`: up to where the journal must have come before it knows what is not live any more. */
export function answerMessage(
  { request, known, owner }: EffectOf<"answer">,
  presence: Presence,
  told: number,
): MessageOf<"answer"> {
  const claim = owner?.claim;
  presence.find(claim?.ring ?? NO_RING, claim?.conn ?? 0);
  const { lastByteAt, inFlight, lastAckAt, rttUs, retransmits } = presence;
  return {
    type: "answer",
    request,
    told,
    known,
    connected: owner !== null,
    fence: owner?.fence ?? 0,
    transport: claim?.transport ?? 0,
    address: claim?.address ?? "",
    port: claim?.port ?? 0,
    clientInstance: claim?.clientInstance ?? "",
    since: claim?.at ?? 0,
    lastByteAt,
    inFlight,
    lastAckAt,
    rttUs,
    retransmits,
  };
}

/** A command's row and event as the journal is told. */
export function commandRow(
  { command: { submission }, isNew, state, fence, at, writtenAt, endedAt, response, reason }: Change,
): MessageOf<"commandRow"> {
  return {
    type: "commandRow",
    ...submission,
    isNew,
    state: COMMAND_STATES.indexOf(state),
    fence,
    at,
    writtenAt,
    endedAt,
    hasResponse: response !== null,
    response: response ?? "",
    reason: reason ?? "",
  };
}
