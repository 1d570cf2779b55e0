/** What settings must be to each other. Each alone is in its range already. Pure. */
import type { Limits } from "../base/limits.ts";
import { MESSAGE_HEADER } from "../ring/layout.ts";
import { frameMessageBytes } from "../wire/frame_message.ts";
import { parsePolicy } from "../wire/policy.ts";
import { brokenPeers } from "./peers.ts";
import type { Settings } from "./settings.ts";

/** What a published message has besides its data: channel, time, names. */
const MESSAGE_ROOM = 320;

export interface Broken {
  /** The setting to change. */
  readonly key: string;
  readonly message: string;
}

/** Bytes a ring needs for the largest frame: a message is at most a quarter of its ring. */
const frameRingNeeds = ({ frameBytes }: Limits): number => 2 ** Math.ceil(Math.log2(4 * (frameMessageBytes(frameBytes) + MESSAGE_HEADER)));

/** Everything that does not fit together, each with the setting to blame. */
export function brokenRelations(settings: Settings): Broken[] {
  const { limits } = settings;
  const broken: Broken[] = [];
  const demand = (holds: boolean, key: string, message: string): void => void (holds || broken.push({ key, message }));
  for (const name of ["cert", "key"] as const) {
    demand(settings.tls?.[name] !== "", `tls.${name}`, "a certificate and its key go together: name both files, or neither");
  }
  const secure = settings.tcp.tls;
  demand(
    secure === null || (secure.cert !== "" && secure.key !== ""),
    "tcp.tls.listen",
    "it needs a certificate: [tcp.tls] cert and key, or those of [tls]",
  );
  demand(
    secure === null || (secure.cert === settings.tls?.cert) === (secure.key === settings.tls?.key),
    "tcp.tls.cert",
    "a certificate and its key go together: name both files, or neither",
  );
  demand(
    settings.tcp.proxy?.from.length !== 0,
    "tcp.proxy_from",
    'with [tcp] proxy_protocol name the balancers, as "10.0.0.0/8"; "0.0.0.0/0, ::/0" is everybody',
  );
  demand(
    parsePolicy(settings.policy, limits.connectionsPerDevice) !== null,
    "policy",
    `${settings.policy} exceeds [admission] connections_per_device ${limits.connectionsPerDevice}`,
  );
  demand(
    limits.frameRingBytes >= frameRingNeeds(limits),
    "rings.frame_ring_bytes",
    `${limits.frameRingBytes} is too small for [tcp] frame_bytes ${limits.frameBytes}; allowed: ${frameRingNeeds(limits)} or more`,
  );
  for (const [key, name] of [["process.heartbeat_stale_ms", "heartbeatStaleMs"], ["process.store_stale_ms", "storeStaleMs"]] as const) {
    demand(limits[name] > limits.idleWaitMs, key, `${limits[name]} must exceed [process] idle_wait_ms ${limits.idleWaitMs}`);
  }
  demand(
    limits.socketDeadMs > limits.socketPingMs,
    "http.socket_dead_ms",
    `${limits.socketDeadMs} must exceed [http] socket_ping_ms ${limits.socketPingMs}`,
  );
  demand(
    limits.socketAskBurst >= limits.socketSubscriptions,
    "http.socket_ask_burst",
    `${limits.socketAskBurst} is below [http] socket_subscriptions ${limits.socketSubscriptions}`,
  );
  const messageRing = 2 ** Math.ceil(Math.log2(4 * (frameMessageBytes(limits.messageBytes + MESSAGE_ROOM) + MESSAGE_HEADER)));
  demand(
    limits.messageRingBytes >= messageRing,
    "rings.message_ring_bytes",
    `${limits.messageRingBytes} is too small for [http] message_bytes ${limits.messageBytes}; allowed: ${messageRing} or more`,
  );
  demand(
    limits.probeCommitMinMs <= limits.probeCommitMaxMs,
    "journal.probe_commit_min_ms",
    `${limits.probeCommitMinMs} exceeds [journal] probe_commit_max_ms ${limits.probeCommitMaxMs}`,
  );
  return [...broken, ...brokenPeers(settings)];
}
