/** Configurations of devices as all threads name them. Pure; indexes are the wire's numbers: append only. */

/** What became of a version: nothing yet, or what its device said of it. */
export const CONFIG_STATES = ["pending", "applied", "failed"] as const;
export type ConfigState = (typeof CONFIG_STATES)[number];
