/** Why a device's socket was closed before a tracker's first byte: the label of a metric. */
export const ACCEPT_REFUSALS = [
  "store_failing",
  "address_sockets",
  "address_logins",
  "connections",
  /** Not from a balancer of [tcp] proxy_from. */
  "proxy_untrusted",
  /** No PROXY header, or not a valid one. */
  "proxy_header",
  /** The header did not come in time, or the socket ended before. */
  "proxy_unfinished",
  /** Too many sockets wait for theirs. */
  "lobby",
] as const;
export type AcceptRefusal = (typeof ACCEPT_REFUSALS)[number];
