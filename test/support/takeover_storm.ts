/** Takeovers from holders that cannot be told anything: their window is full, or they are gone by a reset. On real sockets. */
import { fullWindows } from "./descriptors.ts";
import { TestDevice } from "./fleet.ts";
import { encodeLogin } from "./frames.ts";
import type { Gateway } from "./gateway.ts";
import { RawPeer } from "./raw_peer.ts";
import { metric } from "./rest.ts";
import { Tracker } from "./tracker.ts";
import { until } from "./until.ts";

/** Frames a stuck holder sends at a time: as many as a connection may have unanswered. */
const PIPELINED = 64;
/** The kernel's least. */
const TINY_BUFFER = 1;

async function answered(peer: RawPeer, imei: string): Promise<number> {
  const answer = await until(`the answer to ${imei}`, () => peer.receive());
  if (!(answer instanceof Uint8Array)) throw new Error(`Cannot log ${imei} in: ${answer}`);
  return answer[0]!;
}

/** Logged-in devices that never read and whose receive windows are full of acknowledgements. */
async function stuckHolders(gateway: Gateway, devices: readonly TestDevice[]): Promise<Map<TestDevice, RawPeer>> {
  const holders = new Map<TestDevice, RawPeer>();
  for (const one of devices) {
    const peer = RawPeer.connect(gateway.tcpPort, { receiveBuffer: TINY_BUFFER });
    peer.send(encodeLogin(one.imei));
    if (await answered(peer, one.imei) !== 1) throw new Error(`Cannot log ${one.imei} in`);
    holders.set(one, peer);
  }
  const unsent = new Map<RawPeer, Uint8Array>();
  await until("every window full", () => {
    const full = fullWindows(gateway);
    for (const [one, peer] of holders) if (!full.has(peer.port)) sendOn(one, peer, unsent);
    return full.size >= holders.size;
  }, 60_000);
  return holders;
}

/** Sends frames, and what the kernel did not take of them before anything else. */
function sendOn(one: TestDevice, peer: RawPeer, unsent: Map<RawPeer, Uint8Array>): void {
  const frames = unsent.get(peer) ?? joined(Array.from({ length: PIPELINED }, () => one.frame(one.records(1)).bytes));
  unsent.set(peer, frames.subarray(peer.send(frames)));
  if (unsent.get(peer)!.length === 0) unsent.delete(peer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export interface StuckResult {
  readonly rounds: number;
  /** Connect to login byte, of each successor, ms; and to the acknowledgement of its first frame. */
  readonly loginMs: readonly number[];
  readonly ackMs: readonly number[];
  /** From the last takeover until every old connection was closed. */
  readonly allClosedMs: number;
}

/** Each stuck holder gets a successor, one after the other. */
export async function takeFromStuck(gateway: Gateway, rounds: number): Promise<StuckResult> {
  const devices = Array.from({ length: rounds }, (_, i) => new TestDevice(10_000 + i, "8", 1000));
  const holders = await stuckHolders(gateway, devices);
  const closedBefore = await metric(gateway.url, SUPERSEDED);
  const [loginMs, ackMs]: [number[], number[]] = [[], []];
  const successors: Tracker[] = [];
  for (const one of devices) {
    const began = performance.now();
    const next = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    loginMs.push(performance.now() - began);
    if (await next.send(one.frame(one.records(2)).bytes) !== 2) throw new Error("Cannot deliver for a successor");
    ackMs.push(performance.now() - began);
    successors.push(next);
  }
  const began = performance.now();
  await until("every old connection closed", async () => await metric(gateway.url, SUPERSEDED) === closedBefore + rounds);
  const allClosedMs = performance.now() - began;
  for (const one of successors) one.close();
  for (const peer of holders.values()) peer.close();
  return { rounds, loginMs, ackMs, allClosedMs };
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
