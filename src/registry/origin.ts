/** Where a connection comes from, as far as two of them can be told apart. Pure. */
import type { Claim } from "./event.ts";

type Origin = Pick<Claim, "address" | "clientInstance">;

/**
 * One origin or two? A client that names its instance is known by it wherever it connects from; else the address speaks.
 * Ports say nothing: every connection has another one.
 */
export const isSameOrigin = (a: Origin, b: Origin): boolean =>
  a.clientInstance !== "" && b.clientInstance !== "" ? a.clientInstance === b.clientInstance : a.address === b.address;
