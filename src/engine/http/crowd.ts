/**
 * Too many connections to the HTTP interface: the runtime takes every one that comes, so those that are least missed are ended. First
 * who has been sent nothing yet (a stranger that only connects, or sends its request by the letter), then who has been sent nothing
 * for longest; streams hear a heartbeat. Owned by the first http thread, for all of them.
 */
import type { HttpSocket } from "../../platform/http_sockets.ts";
import type { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import type { Board } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";
import type { Platform } from "../../platform/port.ts";

/** Between two looks; while there are many, the shorter one. */
const LOOK_MS = 1000;
const LOOK_SOON_MS = 100;
/** Descriptors looked at in one go. */
const TURN = 4096;
/** How many stay when there were too many: room for those who come next. */
const STAY = 0.9;
/** What a TLS handshake sends besides the certificate, about. */
const HANDSHAKE_BYTES = 1200;

interface Wish {
  readonly max: number;
  /** Bytes of the certificate chain as PEM text; 0: plain HTTP. */
  readonly chainBytes: number;
  readonly localPort: () => number;
  /** Sockets of devices, which are many and none of HTTP. */
  readonly deviceSockets: () => number;
  readonly ended: (count: number) => void;
}

export function makeCrowd(boot: Boot, platform: Platform, board: Board, counters: Counters, localPort: () => number): HttpCrowd {
  const { limits, tls } = boot.settings;
  const crowded = slot("berth_http_crowded_total");
  return new HttpCrowd(platform, {
    max: limits.httpConnections,
    chainBytes: tls === null ? 0 : platform.fileSize(tls.cert),
    localPort,
    deviceSockets: () => boot.roster.codec.reduce((sum, _, worker) => sum + board.sockets(worker), 0),
    ended: (count) => counters.add(crowded, count),
  });
}

export class HttpCrowd {
  readonly #platform: Pick<Platform, "httpSockets" | "clock">;
  readonly #wish: Wish;
  /** To a connection that has taken no more than this nothing was answered. */
  readonly #unansweredBytes: number;
  #found: HttpSocket[] = [];
  #next = 0;
  #lookAt = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(platform: Pick<Platform, "httpSockets" | "clock">, wish: Wish) {
    this.#platform = platform;
    this.#wish = wish;
    this.#unansweredBytes = wish.chainBytes === 0 ? 1 : wish.chainBytes * 3 / 4 + HANDSHAKE_BYTES;
  }

  /** In the loop of the thread. */
  tick(): void {
    const { httpSockets, clock } = this.#platform;
    if (httpSockets === null || this.#timer !== null || clock.mono() < this.#lookAt) return;
    this.#lookAt = clock.mono() + LOOK_MS;
    const most = httpSockets.openDescriptors() - this.#wish.deviceSockets();
    if (most > this.#wish.max / 2) this.#again(most > this.#wish.max ? 0 : LOOK_SOON_MS, most > this.#wish.max);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #again(ms: number, scan: boolean): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#lookAt = 0;
      if (scan) this.#scan();
      else this.tick();
    }, ms);
  }

  #scan(): void {
    const sockets = this.#platform.httpSockets!;
    const { end, isLast } = sockets.look(this.#wish.localPort(), this.#next, TURN, (one) => this.#found.push(one));
    this.#next = isLast ? 0 : end;
    if (!isLast) return this.#again(0, true);
    const found = this.#found;
    this.#found = [];
    if (found.length > this.#wish.max) {
      const least = this.#leastMissed(found).slice(0, found.length - Math.floor(this.#wish.max * STAY));
      for (const one of least) sockets.end(one);
      this.#wish.ended(least.length);
    }
    this.#again(LOOK_SOON_MS, false);
  }

  #leastMissed(found: readonly HttpSocket[]): HttpSocket[] {
    const isAnswered = (one: HttpSocket): number => Number(one.takenBytes > this.#unansweredBytes);
    return found.toSorted((a, b) => isAnswered(a) - isAnswered(b) || b.quietMs - a.quietMs);
  }
}
