/** Runs a gateway into a fault of one of its loops, under traffic. */
import { Gateway } from "./gateway.ts";
import { Traffic } from "./traffic.ts";

export const ROLES = ["accept", "codec", "registry", "journal", "sync", "reader", "http"] as const;
export type FaultyRole = (typeof ROLES)[number];

/** Loops pass their point at every turn: often under traffic, at least every 10 ms without. */
const SETTINGS = {
  "process.idle_wait_ms": 10,
  "journal.reserve_bytes": 1 << 20,
  workers: 2,
  "tcp.accept": "fd",
};
/**
 * When a loop hangs: soon, but not as soon as one of them stands still for want of a processor or for a slow disk, or it is that one
 * which is named. Whoever throws is found out without it.
 */
const STALE = { "process.heartbeat_stale_ms": 2000, "process.store_stale_ms": 2500 };
const FIRST_PASSING = 150;
/** Some 10 s of an idle loop. */
const LAST_PASSING = 1200;
const FIRST_DEVICE = 900;

/** Ends with the gateway. When the fault came before anything was acknowledged: once more, at a later passing. */
export async function runIntoFault(role: FaultyRole, action: "throw" | "spin"): Promise<{ gateway: Gateway; traffic: Traffic }> {
  for (let passing = FIRST_PASSING; passing <= LAST_PASSING; passing *= 2) {
    const gateway = Gateway.spawn({
      settings: action === "spin" ? { ...SETTINGS, ...STALE } : SETTINGS,
      faults: `${role}.loop:${action}@${passing}`,
    });
    const isReady = await gateway.ready().then(() => true, () => false);
    const traffic = isReady ? new Traffic(gateway, FIRST_DEVICE) : null;
    await gateway.ended(40_000).catch((error: unknown) => {
      throw new Error(`Cannot run into ${role}.loop at passing ${passing}`, { cause: error });
    });
    await traffic?.ended();
    if (traffic !== null && traffic.acknowledged > 0) return { gateway, traffic };
  }
  throw new Error(`Cannot run into ${role}.loop after an acknowledgement`);
}
