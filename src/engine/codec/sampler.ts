/**
 * Samples what the kernel knows of each connection into the presence table: when the peer's kernel last acknowledged, rtt,
 * retransmissions. A few connections at a time, in turn, so that all of them cost next to nothing. Owned by the codec worker.
 */
import { emptyTcpInfo } from "../../platform/port.ts";
import type { CodecContext } from "./context.ts";

/** Connections asked about in one step, at least; slots looked at for them. */
const SAMPLES = 16;
const SLOTS = 1024;
/** Between two steps of a busy worker. */
const SOON_MS = 20;
/** One that rests takes a longer step for every so long it slept, so that nobody's sample grows old; at most so many times. */
const STEP_MS = 125;
const LONGEST = 16;

export class CodecSampler {
  readonly #at: CodecContext;
  readonly #info = emptyTcpInfo();
  #next = 0;
  #steppedAt = 0;

  constructor(context: CodecContext) {
    this.#at = context;
  }

  /** Called every turn. `wall`: now, wall ms. */
  step(wall: number): void {
    const { kernel, table, presence } = this.#at;
    const passed = Math.abs(wall - this.#steppedAt);
    if (kernel === null || table.count === 0 || passed < SOON_MS) return;
    this.#steppedAt = wall;
    const steps = Math.min(LONGEST, Math.max(1, passed / STEP_MS));
    const info = this.#info;
    const looks = Math.min(steps * SLOTS, table.capacity);
    const most = Math.min(steps * SAMPLES, table.count);
    for (let looked = 0, samples = 0; looked < looks && samples < most; looked++) {
      const slot = this.#next;
      this.#next = slot + 1 < table.capacity ? slot + 1 : 0;
      const connection = table.peek(slot);
      if (connection === null) continue;
      samples++;
      if (kernel.info(connection.socket.fd, info)) presence.sample(slot, wall - info.lastAckReceivedMs, info.rttUs, info.retransmits);
    }
  }
}
