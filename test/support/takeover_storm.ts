/** Takeovers from holders that cannot be told anything: their window is full, or they are gone by a reset. On real sockets. */
import { TestDevice } from "./fleet.ts";
import { encodeLogin } from "./frames.ts";
import type { Gateway } from "./gateway.ts";
import { timed } from "./processor_wait.ts";
import { RawPeer } from "./raw_peer.ts";
import { metric } from "./rest.ts";
import { withBlockedWrites, withFullWindows } from "./stuck_holders.ts";
import { Tracker } from "./tracker.ts";
import { until } from "./until.ts";

async function answered(peer: RawPeer, imei: string): Promise<number> {
  const answer = await until(`the answer to ${imei}`, () => peer.receive());
  if (!(answer instanceof Uint8Array)) throw new Error(`Cannot log ${imei} in: ${answer}`);
  return answer[0]!;
}

export interface StuckResult {
  readonly rounds: number;
  /** Connect to login byte, of each successor, ms; and to the acknowledgement of its first frame. */
  readonly loginMs: readonly number[];
  readonly ackMs: readonly number[];
  /** How much of `loginMs` the gateway and this process waited for a processor. */
  readonly starvedMs: readonly number[];
  /** From the last takeover until every old connection was closed, but for such time. */
  readonly allClosedMs: number;
}

/** What of a holder is full: its receive window, or all on the way to it, so that the gateway's write is stuck. */
export type Stuck = "window" | "write";

/** Each stuck holder gets a successor, one after the other. `first` numbers the devices. */
export async function takeFromStuck(gateway: Gateway, rounds: number, stuck: Stuck, first = 10_000): Promise<StuckResult> {
  const devices = Array.from({ length: rounds }, (_, i) => new TestDevice(first + i, "8", 1000));
  const holders = await (stuck === "window" ? withFullWindows : withBlockedWrites)(gateway, devices);
  const closedBefore = await metric(gateway.url, SUPERSEDED);
  const [loginMs, ackMs, starved]: [number[], number[], number[]] = [[], [], []];
  const successors: Tracker[] = [];
  for (const one of devices) {
    const began = performance.now();
    let next!: Tracker;
    const { tookMs, starvedMs } = await timed(gateway.pid, async () => next = await Tracker.loggedIn(gateway.tcpPort, one.imei));
    loginMs.push(tookMs);
    starved.push(starvedMs);
    if (await next.send(one.frame(one.records(2)).bytes) !== 2) throw new Error("Cannot deliver for a successor");
    ackMs.push(performance.now() - began);
    successors.push(next);
  }
  const closed = await timed(
    gateway.pid,
    () => until("every old connection closed", async () => await metric(gateway.url, SUPERSEDED) === closedBefore + rounds),
  );
  const allClosedMs = closed.tookMs - closed.starvedMs;
  for (const one of successors) one.close();
  for (const peer of holders) peer.close();
  return { rounds, loginMs, ackMs, starvedMs: starved, allClosedMs };
}

const SUPERSEDED = 'berth_closed_total{reason="superseded"}';

export interface ResetResult {
  readonly rounds: number;
  /** Logins answered 01 at the first attempt. */
  readonly first: number;
  readonly loginMs: readonly number[];
}

/** One device whose connection dies by a reset while its acknowledgement is being written, and comes back at once. */
export async function returnAfterReset(gateway: Gateway, rounds: number): Promise<ResetResult> {
  const one = new TestDevice(9_999, "8", 1000);
  const loginMs: number[] = [];
  let first = 0;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const peer = RawPeer.connect(gateway.tcpPort);
    peer.send(encodeLogin(one.imei));
    if (await answered(peer, one.imei) === 1) first++;
    loginMs.push(performance.now() - began);
    peer.send(one.frame(one.records(1)).bytes);
    peer.reset();
  }
  return { rounds, first, loginMs };
}
