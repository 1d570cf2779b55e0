/**
 * Devices that log in, send, and never read: until their receive window is full, or until the gateway itself has
 * acknowledgements that its kernel does not take. On real sockets; what is where is read off /proc.
 */
import { fullWindows, queuesOf } from "./descriptors.ts";
import type { TestDevice } from "./fleet.ts";
import { encodeLogin } from "./frames.ts";
import type { Gateway } from "./gateway.ts";
import { RawPeer } from "./raw_peer.ts";
import { device } from "./rest.ts";
import { pause, until } from "./until.ts";

/** Frames sent at a time. */
const PIPELINED = 256;
const ACK_BYTES = 4;
/** The kernel's least of both. */
const TINY = { receiveBuffer: 1, maxSegment: 88 };
/** Holders filled at a time. */
const GROUP = 100;

/** A device whose socket nobody reads. */
class StuckHolder {
  readonly peer: RawPeer;
  readonly port: number;
  readonly imei: string;
  /** One frame, again and again: each is acknowledged, one is stored. */
  readonly #batch: Uint8Array;
  readonly #frameBytes: number;
  #unsent: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(peer: RawPeer, one: TestDevice) {
    this.peer = peer;
    this.port = peer.port;
    this.imei = one.imei;
    const frame = one.frame(one.records(1)).bytes;
    this.#frameBytes = frame.length;
    this.#batch = new Uint8Array(PIPELINED * frame.length);
    for (let i = 0; i < PIPELINED; i++) this.#batch.set(frame, i * frame.length);
  }

  /** Another batch; first what the kernel did not take of the one before. */
  sendOn(): void {
    if (this.#unsent.length === 0) this.#unsent = this.#batch;
    const taken = this.peer.send(this.#unsent);
    this.#taken += taken;
    this.#unsent = this.#unsent.subarray(taken);
  }

  /** Bytes of acknowledgements for all frames that were sent whole. */
  get owed(): number {
    return Math.floor(this.#taken / this.#frameBytes) * ACK_BYTES;
  }
}

async function stuck(gateway: Gateway, one: TestDevice): Promise<StuckHolder> {
  const peer = RawPeer.connect(gateway.tcpPort, TINY);
  peer.send(encodeLogin(one.imei));
  const answer = await until(`the answer to ${one.imei}`, () => peer.receive());
  if (!(answer instanceof Uint8Array) || answer[0] !== 1) throw new Error(`Cannot log ${one.imei} in: ${String(answer)}`);
  return new StuckHolder(peer, one);
}

/** Each one's receive window is full: the gateway's kernel has bytes for it, and asks when it may send them. */
export async function withFullWindows(gateway: Gateway, devices: readonly TestDevice[]): Promise<RawPeer[]> {
  const holders: StuckHolder[] = [];
  for (const one of devices) holders.push(await stuck(gateway, one));
  await until("every window full", () => {
    const full = fullWindows(gateway);
    for (const holder of holders) if (!full.has(holder.port)) holder.sendOn();
    return holders.every(({ port }) => full.has(port));
  }, 60_000);
  return holders.map(({ peer }) => peer);
}

/** The gateway's write to each one is stuck: every frame has its verdict, and more is owed than both kernels hold. */
export async function withBlockedWrites(gateway: Gateway, devices: readonly TestDevice[]): Promise<RawPeer[]> {
  const all: RawPeer[] = [];
  for (let at = 0; at < devices.length; at += GROUP) {
    const holders: StuckHolder[] = [];
    for (const one of devices.slice(at, at + GROUP)) holders.push(await stuck(gateway, one));
    await blockWrites(gateway, holders);
    all.push(...holders.map(({ peer }) => peer));
  }
  return all;
}

async function blockWrites(gateway: Gateway, holders: readonly StuckHolder[]): Promise<void> {
  const deadline = performance.now() + 150_000;
  const before = new Map<StuckHolder, number>();
  for (let open = holders; open.length > 0; await pause(5)) {
    if (performance.now() > deadline) throw new Error(`Cannot block the writes of ${open.length} connections`);
    const queues = queuesOf(gateway, open.map(({ port }) => port));
    const left: StuckHolder[] = [];
    for (const holder of open) {
      const { unread, unanswered } = queues.get(holder.port)!;
      // What the kernels hold has stopped growing: all that was sent may be answered.
      const still = unread === 0 && before.get(holder) === unanswered;
      before.set(holder, unanswered);
      if (still && await isBlocked(gateway, holder)) continue;
      if (unread === 0) holder.sendOn();
      left.push(holder);
    }
    open = left;
  }
}

/** No frame waits for a verdict, and the kernels hold less than what is owed for them: the rest is in the gateway. */
async function isBlocked(gateway: Gateway, holder: StuckHolder): Promise<boolean> {
  const holds = (): boolean => {
    const { unread, unanswered } = queuesOf(gateway, [holder.port]).get(holder.port)!;
    return unread === 0 && holder.owed > unanswered;
  };
  return holds() && (await device(gateway.url, holder.imei)).liveness?.inFlight === 0 && holds();
}
