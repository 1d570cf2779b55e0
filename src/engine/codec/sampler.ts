/**
 * Samples what the kernel knows of each connection into the presence table: when the peer's kernel last acknowledged, rtt,
 * retransmissions. A few connections a tick, in turn, so that all of them cost next to nothing. Owned by the codec worker.
 */
import { emptyTcpInfo } from "../../platform/port.ts";
import type { CodecContext } from "./context.ts";

/** Connections asked about in one tick; slots looked at for them. */
const SAMPLES = 16;
const SLOTS = 1024;

export class CodecSampler {
  readonly #at: CodecContext;
  readonly #info = emptyTcpInfo();
  #next = 0;

  constructor(context: CodecContext) {
    this.#at = context;
  }

  /** Called every tick. `wall`: now, wall ms. */
  step(wall: number): void {
    const { kernel, table, presence } = this.#at;
    if (kernel === null || table.count === 0) return;
    const info = this.#info;
    const looks = Math.min(SLOTS, table.capacity);
    for (let looked = 0, samples = 0; looked < looks && samples < SAMPLES; looked++) {
      const slot = this.#next;
      this.#next = slot + 1 < table.capacity ? slot + 1 : 0;
      const connection = table.peek(slot);
      if (connection === null) continue;
      samples++;
      if (kernel.info(connection.socket.fd, info)) presence.sample(slot, wall - info.lastAckReceivedMs, info.rttUs, info.retransmits);
    }
  }
}
