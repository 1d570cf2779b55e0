/** Bodies of log rows by seq, the lately used ones in memory up to a number of bytes. Owned by one thread. */
import type { Database, Statement } from "../platform/port.ts";

export class RowCache {
  readonly #select: Statement;
  readonly #bodies = new Map<number, Uint8Array>();
  readonly #most: number;
  #bytes = 0;

  constructor(db: Database, mostBytes: number) {
    this.#select = db.prepare("SELECT body FROM log WHERE seq = ?");
    this.#most = mostBytes;
  }

  /** The body of the row that begins at `seq`, or null when retention has deleted it. */
  body(seq: number): Uint8Array | null {
    const known = this.#bodies.get(seq);
    if (known !== undefined) {
      this.#bodies.delete(seq);
      this.#bodies.set(seq, known);
      return known;
    }
    const body = this.#select.get(seq)?.["body"];
    if (!(body instanceof Uint8Array)) return null;
    this.#bodies.set(seq, body);
    this.#bytes += body.length;
    for (const [oldest, bytes] of this.#bodies) {
      if (this.#bytes <= this.#most || oldest === seq) break;
      this.#bodies.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return body;
  }

  /** Rows below `seq` are gone. */
  forgetBelow(seq: number): void {
    for (const [key, bytes] of this.#bodies) {
      if (key >= seq) continue;
      this.#bodies.delete(key);
      this.#bytes -= bytes.length;
    }
  }
}
