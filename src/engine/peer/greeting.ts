/** Is this the peer we want, and one we can agree with? Pure; asked by the peer thread for every greeting. */
import type { DeviceId } from "../../base/brand.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import { type GreetingFault, PEER_VERSION, type PeerLine, type PeerPolicy } from "../../wire/peer_line.ts";

interface Own {
  readonly self: DeviceId;
  readonly policy: PeerPolicy;
  readonly peers: ReadonlyMap<DeviceId, unknown>;
}

/**
 * @param dialled whom we meant to reach; null when the peer dialled us
 * @returns the peer's identity in its one spelling
 */
export function judgeGreeting(
  { identity, policy, version }: Extract<PeerLine, { type: "greeting" }>,
  own: Own,
  dialled: DeviceId | null,
): Result<DeviceId, GreetingFault> {
  const cannot = <F extends GreetingFault>(fault: F, why: string) => err(fault, `Cannot greet peer: ${why}`);
  if (version !== PEER_VERSION) return cannot("version", `version ${version}, here it is ${PEER_VERSION}`);
  const peer = normaliseIdentity(identity);
  if (peer === null) return cannot("bad_line", "its identity is none");
  if (peer === own.self) return cannot("equal_identities", `both sides are ${peer}`);
  if (dialled !== null && peer !== dialled) return cannot("identity", `dialled ${dialled}, met ${peer}`);
  if (!own.peers.has(peer)) return cannot("unknown_peer", `${peer} is not named here`);
  if (policy !== own.policy) return cannot("policy", `policy ${policy.slice(0, 32)}, here it is ${own.policy}`);
  return ok(peer);
}
