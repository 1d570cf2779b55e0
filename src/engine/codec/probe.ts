/**
 * Probes: does the peer of a holder answer? Its kernel is asked every second, and the first segment that comes back after
 * the probe's start says yes, at once; nothing by the deadline says no. Where a socket has no descriptor nobody can be asked:
 * what was heard within the idle timeout then counts as an answer. Owned by the codec worker.
 *
 * A peer with our bytes unacknowledged, or with a full window, is not asked by keepalive but by our retransmissions and window
 * probes, which grow rarer: after a long silence none may fall before the deadline, and the holder counts as silent.
 */
import { emptyTcpInfo } from "../../platform/port.ts";
import { type MessageOf, send } from "../../wire/control.ts";
import type { CodecContext } from "./context.ts";
import { type Connection, Stage } from "./connection.ts";
import type { CodecEnding } from "./ending.ts";

/** The kernel's clock for "last received" is this coarse. */
const KERNEL_TICK_MS = 10;

interface Probe {
  readonly connection: Connection;
  readonly startedAt: number;
  readonly deadline: number;
  /** Segments received when it began; -1: nobody can be asked. */
  readonly segments: number;
  /** Known, and not told yet. */
  answers: boolean | null;
}

export class CodecProbes {
  readonly #at: CodecContext;
  readonly #ending: CodecEnding;
  readonly #info = emptyTcpInfo();
  /** At most one per connection; the registry bounds how many. */
  #running: Probe[] = [];

  constructor(context: CodecContext, ending: CodecEnding) {
    this.#at = context;
    this.#ending = ending;
  }

  /** A connection that has ended meanwhile needs no answer: the registry has been told of its close. */
  begin({ conn, fence, deadlineMs }: MessageOf<"probe">): void {
    const { table, kernel, clock } = this.#at;
    const connection = table.get(conn);
    if (connection === null || connection.stage !== Stage.open || connection.fence !== fence) return;
    const startedAt = clock.mono();
    const { fd } = connection.socket;
    const canAsk = kernel !== null && kernel.info(fd, this.#info);
    if (canAsk) kernel.askPeer(fd);
    const answers = canAsk ? null : true;
    this.#running = this.#running.filter((probe) => probe.connection !== connection);
    this.#running.push({
      connection,
      startedAt,
      deadline: startedAt + deadlineMs,
      segments: canAsk ? this.#info.segmentsReceived : -1,
      answers,
    });
    this.look(startedAt);
  }

  get running(): boolean {
    return this.#running.length > 0;
  }

  /** Tells what is known by now. Called every tick. */
  look(now: number): void {
    if (this.#running.length > 0) this.#running = this.#running.filter((probe) => !this.#isDone(probe, now));
  }

  #isDone(probe: Probe, now: number): boolean {
    const { connection } = probe;
    if (connection.stage !== Stage.open) {
      this.#at.tally.probed("ended");
      return true;
    }
    if (probe.answers === null) {
      probe.answers = this.#hears(probe, now) ? true : now >= probe.deadline ? false : null;
      if (probe.answers === null) return false;
      this.#at.kernel?.restore(connection.socket.fd, this.#at.socketOptions);
    }
    const { device, fence } = connection;
    // Without room it is told in a later tick; the registry has the deadline too.
    if (!send(this.#at.claims, { type: "probed", device, fence, answers: probe.answers }, this.#ending.reserve)) return false;
    this.#at.tally.probed(probe.segments < 0 ? "assumed" : probe.answers ? "answered" : "silent");
    return true;
  }

  #hears({ connection, segments, startedAt }: Probe, now: number): boolean {
    const info = this.#info;
    if (this.#at.kernel?.info(connection.socket.fd, info) !== true) return false;
    return info.segmentsReceived !== segments && info.lastAckReceivedMs <= now - startedAt + KERNEL_TICK_MS;
  }
}
