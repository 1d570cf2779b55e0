/** The configuration's policies as the registry's state takes them. Called by the registry thread at its start. */
import { assert } from "../../base/assert.ts";
import type { Settings } from "../../config/settings.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import type { RegistryStart } from "../../registry/state.ts";
import { TRANSPORTS } from "../../wire/control.ts";
import { parsePolicy, type Policy } from "../../wire/policy.ts";

type Needs = Pick<Settings, "policy" | "policies" | "peer" | "peers" | "limits">;
/** Other gateways name this class in their claims; the configuration keeps the name free. */
export const PEER_CLASS = "peer";

export function policiesFrom(settings: Needs): Required<Pick<RegistryStart, "policy" | "classes" | "devicePolicies">> {
  const { classes, devices } = settings.policies;
  const policyOf = (text: string): Policy => {
    const policy = parsePolicy(text, settings.limits.connectionsPerDevice);
    assert(policy !== null, `policy ${text} passed the configuration`);
    return policy;
  };
  const peerClass = settings.peers.length === 0
    ? []
    : [{ name: PEER_CLASS, match: null, transport: null, policy: policyOf(settings.peer.policy) }];
  return {
    policy: policyOf(settings.policy),
    classes: [
      ...peerClass,
      ...classes.map(({ name, match, transport, policy }) => ({
        name,
        match,
        transport: transport === null ? null : TRANSPORTS.indexOf(transport),
        policy: policyOf(policy),
      })),
    ],
    devicePolicies: devices.map(({ id, policy }) => [spelled(id), policyOf(policy)] as const),
  };
}

/** Devices the configuration names. */
export const announced = ({ policies, peers }: Needs): string[] => [
  ...policies.devices.map(({ id }) => spelled(id)),
  ...peers.map(({ identity }) => spelled(identity)),
];

function spelled(id: string): string {
  const device = normaliseIdentity(id);
  assert(device !== null, `device ${id} passed the configuration`);
  return device;
}
