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
  /** No TLS handshake, or none that counts: another protocol, no certificate of a known authority, not done in time. */
  "tls_handshake",
  /** Too many sockets wait for the end of their header or handshake. */
  "lobby",
] as const;
export type AcceptRefusal = (typeof ACCEPT_REFUSALS)[number];
