/** Why an HTTP request was turned away before its route saw it: the label of a metric. */
export const ACCESS_REFUSALS = ["no_token", "bad_token", "too_many", "rate", "scope", "origin", "host", "unreadable"] as const;
export type AccessRefusal = (typeof ACCESS_REFUSALS)[number];
