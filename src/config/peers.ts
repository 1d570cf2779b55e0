/** `[[peers]]` of the file: the other gateways this one is to be connected with. Pure. A list has no name in the environment. */
import { formatHostPort, parseHostPort } from "./host_port.ts";
import type { Given } from "./given.ts";
import { type Check, shaped, wrongWith } from "./policies.ts";
import type { PeerSetting, Settings } from "./settings.ts";

const ADDRESS = /^(?:(tcp|ws):\/\/)?(.+)$/;

/** `tcp://HOST:PORT`, `ws://HOST:PORT`, or HOST:PORT for the first; null for anything else. */
export function parsePeerAddress(text: string): PeerSetting["dial"] {
  const match = ADDRESS.exec(text);
  const parsed = parseHostPort(match?.[2] ?? "");
  if (!parsed.ok || parsed.value.port === 0) return null;
  return { kind: match![1] === "ws" ? "ws" : "tcp", ...parsed.value };
}

const PEER: Readonly<Record<string, Check>> = {
  identity: shaped(/^[A-Za-z0-9._:-]{1,64}$/, "up to 64 letters, digits, or any of . _ : -"),
  address: (value) => (typeof value === "string" && parsePeerAddress(value) !== null ? null : "tcp://HOST:PORT or ws://HOST:PORT"),
};
/** Without an address a peer is not dialled, only let in. */
const OPTIONAL = new Set(["address"]);

export const isPeersGiven = ({ kind, key }: Given): boolean => kind === "file" && key === "peers";

/** @returns the peers, and a line for every mistake */
export function readPeers(
  given: readonly Given[],
  most: number,
): { readonly peers: readonly PeerSetting[]; readonly problems: readonly string[] } {
  const peers: PeerSetting[] = [];
  const problems: string[] = [];
  for (const { value, source } of given) {
    if (!Array.isArray(value)) problems.push(`${source}: peers is not a list of [[peers]]`);
    const entries: readonly unknown[] = Array.isArray(value) ? value : [];
    if (entries.length > most) problems.push(`${source}: ${entries.length} peers exceed ${most}`);
    for (const [i, entry] of entries.entries()) {
      const place = `${source}: [[peers]] ${i + 1}`;
      const wrong = wrongWith(place, entry, PEER, most, OPTIONAL);
      problems.push(...wrong);
      if (wrong.length > 0) continue;
      const { identity, address } = entry as { identity: string; address?: string };
      if (peers.some((one) => sameIdentity(one.identity, identity))) problems.push(`${place} identity ${identity} is there already`);
      peers.push({ identity, dial: address === undefined ? null : parsePeerAddress(address) });
    }
  }
  return { peers, problems };
}

/** One each way, and one each way that is ending. */
const SOCKETS_PER_PEER = 4;

const sameIdentity = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

interface Complaint {
  /** The setting to change. */
  readonly key: string;
  readonly message: string;
}

/** What must hold when there are peers, or a door for them. */
export function brokenPeers({ instance, peer, peers, limits }: Settings): Complaint[] {
  if (peers.length === 0) {
    return peer.listen === null ? [] : [{ key: "peer.listen", message: "is set, but there are no [[peers]] to let in" }];
  }
  const broken: Complaint[] = [];
  const demand = (holds: boolean, key: string, message: string): void => void (holds || broken.push({ key, message }));
  demand(instance !== "", "instance", "must be set: it is the identity that the [[peers]] know this gateway by");
  demand(
    !peers.some(({ identity }) => sameIdentity(identity, instance)),
    "instance",
    `${instance} is also the identity of one of the [[peers]]; equal identities always refuse each other`,
  );
  const met = peer.listen !== null || peers.every(({ dial }) => dial !== null);
  demand(met, "peer.listen", "is off, but one of the [[peers]] has no address: nobody could meet it");
  const sockets = peers.length * SOCKETS_PER_PEER;
  demand(
    limits.peerSockets >= sockets,
    "peer.peer_sockets",
    `${limits.peerSockets} is too few for ${peers.length} [[peers]]; allowed: ${sockets} or more`,
  );
  demand(limits.peerDeadMs > limits.pingMs, "peer.peer_dead_ms", `${limits.peerDeadMs} must exceed [peer] ping_ms ${limits.pingMs}`);
  for (const [name, key] of [["parkMs", "park_ms"], ["probeMs", "probe_ms"]] as const) {
    const message = `${limits.dialStageMs} must exceed [admission] ${key} ${limits[name]}`;
    demand(limits.dialStageMs > limits[name], "peer.dial_stage_ms", message);
  }
  return broken;
}

/** The peers as TOML lines. */
export function explainPeers(peers: readonly PeerSetting[]): string[] {
  return peers.flatMap(({ identity, dial }) => [
    "",
    "[[peers]]",
    `identity = ${JSON.stringify(identity)}`,
    ...(dial === null ? [] : [`address = ${JSON.stringify(`${dial.kind}://${formatHostPort(dial)}`)}`]),
  ]);
}
