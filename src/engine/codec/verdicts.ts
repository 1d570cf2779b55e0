/**
 * Verdicts: every frame up to the settled word is kept, but for the ranges on the exception ring. Answers leave in the
 * order of the frames, all of one connection in one write a wake. Owned by the codec worker.
 */
import { Verdict } from "../../wire/frame_message.ts";
import { assertNever } from "../../base/assert.ts";
import type { EndReason } from "../../wire/control.ts";
import { distance } from "../../ring/layout.ts";
import type { CodecContext } from "./context.ts";
import { type Connection, Stage } from "./connection.ts";
import type { CodecEnding } from "./ending.ts";
import type { FrameOutcome } from "./tally.ts";
import { VerdictRanges } from "../verdict_ranges.ts";

const OUTCOME: Readonly<Record<Verdict, FrameOutcome>> = { 0: "kept", 1: "failed", 2: "refused", 3: "quarantined" };

export class CodecVerdicts {
  readonly #at: CodecContext;
  readonly #ending: CodecEnding;
  /** The settled word as last seen. */
  #settled: number;
  readonly #ranges: VerdictRanges;
  /** Connections with something to write, and when the frames they answer were read. */
  readonly #touched: Connection[] = [];
  readonly #readAt: number[] = [];

  constructor(context: CodecContext, ending: CodecEnding) {
    this.#at = context;
    this.#ending = ending;
    this.#ranges = new VerdictRanges(context.exceptions);
    this.#settled = context.board.settled(context.worker);
  }

  hasWork(): boolean {
    return this.#at.board.settled(this.#at.worker) !== this.#settled;
  }

  /** Applies all verdicts there are. `roomy` is called for each connection that waited for one of its own. */
  take(roomy: (connection: Connection) => void): void {
    const { fifo, tally, table } = this.#at;
    // First the word, then the exceptions: the journal writes them in the other order.
    this.#settled = this.#at.board.settled(this.#at.worker);
    while (fifo.length > 0 && distance(this.#settled, fifo.end) >= 0) {
      const verdict = this.#ranges.of(fifo.end);
      const { count, codec } = fifo;
      tally.frame(codec, verdict === Verdict.kept && count === 0 ? "unanswered" : OUTCOME[verdict]);
      const connection = table.get(fifo.conn);
      if (connection !== null) this.#apply(connection, verdict, count);
      fifo.shift();
    }
    this.#ranges.dropThrough(this.#settled);
    this.#flush(roomy);
  }

  /** Notes that a connection has something to write. */
  touch(connection: Connection): void {
    if (connection.touched) return;
    connection.touched = true;
    this.#touched.push(connection);
  }

  /** Writes for one connection, and ends it when the peer does not read what it is told. */
  write(connection: Connection): void {
    if (connection.out.flush(connection.socket)) return;
    if (connection.out.length <= this.#at.limits.outboundBytesPerConnection) return;
    this.#at.warnings.about("slow", connection, `Cannot answer device: ${connection.out.length} bytes of answers are not read`);
    this.#ending.begin(connection, "slow");
  }

  #apply(connection: Connection, verdict: Verdict, count: number): void {
    connection.unacked--;
    if (connection.stage !== Stage.open) return;
    switch (verdict) {
      case Verdict.kept:
        connection.quietUntil = 0;
        if (count > 0) {
          connection.out.u32(count);
          this.#readAt.push(this.#at.fifo.readAt);
        }
        return this.touch(connection);
      case Verdict.failed:
        return this.#refuse(connection, "commit_failed");
      case Verdict.refused:
        return this.#refuse(connection, "superseded");
      case Verdict.quarantined:
        return this.#refuse(connection, "quarantined");
      default:
        assertNever(verdict, "verdict");
    }
  }

  /** What was kept before is still answered; then the connection is closed. */
  #refuse(connection: Connection, reason: EndReason): void {
    connection.out.flush(connection.socket);
    if (reason === "commit_failed") this.#at.warnings.about(reason, connection, "Cannot keep frames: the commit failed; closed unanswered");
    this.#ending.begin(connection, reason);
  }

  #flush(roomy: (connection: Connection) => void): void {
    const touched = this.#touched;
    for (let i = 0; i < touched.length; i++) {
      const connection = touched[i]!;
      connection.touched = false;
      this.#at.presence.inFlight(connection.slot, connection.unacked);
      if (connection.stage !== Stage.open) continue;
      this.write(connection);
      roomy(connection);
    }
    touched.length = 0;
    if (this.#readAt.length === 0) return;
    const now = this.#at.clock.mono();
    for (let i = 0; i < this.#readAt.length; i++) this.#at.tally.ackSeconds.observe((now - this.#readAt[i]!) / 1000);
    this.#readAt.length = 0;
  }
}
