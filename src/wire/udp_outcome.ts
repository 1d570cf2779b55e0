/** What became of a packet of the UDP channel: the label of its metric. Pure. */
export const UDP_OUTCOMES = ["answered", "partly", "malformed", "unsupported", "refused", "failed", "busy", "rate", "unanswered"] as const;
export type UdpOutcome = (typeof UDP_OUTCOMES)[number];
