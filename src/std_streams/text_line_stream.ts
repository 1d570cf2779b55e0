/**
 * Lines out of chunks of text, under the name and with the behaviour of `@std/streams/text-line-stream`.
 * Berth's own code: JSR cannot be reached everywhere it is built. Deno users get the original, see deno.json.
 */
export interface TextLineStreamOptions {
  /** A CR alone ends a line too. Default false. */
  readonly allowCR?: boolean;
}

/**
 * Splits at LF and CRLF (and at CR with `allowCR`); the ends are not part of the lines. What stands after the last end is
 * a line of its own when the stream closes, unless it is empty.
 */
export class TextLineStream extends TransformStream<string, string> {
  #rest = "";
  /** How much of `#rest` is known to hold no end of line, so that a long line in many chunks is not searched again. */
  #searched = 0;

  constructor(options: TextLineStreamOptions = {}) {
    const allowCR = options.allowCR === true;
    super({
      transform: (chunk, controller) => this.#take(chunk, allowCR, (line) => controller.enqueue(line)),
      flush: (controller) => {
        const last = allowCR && this.#rest.endsWith("\r") ? this.#rest.slice(0, -1) : this.#rest;
        if (this.#rest !== "") controller.enqueue(last);
      },
    });
  }

  #take(chunk: string, allowCR: boolean, give: (line: string) => void): void {
    const text = this.#rest + chunk;
    let start = 0;
    let from = this.#searched;
    for (;;) {
      const lf = text.indexOf("\n", from);
      const cr = allowCR ? text.indexOf("\r", from) : -1;
      // A CR that is the last character waits for its possible LF.
      if (cr >= 0 && cr < text.length - 1 && (lf < 0 || cr < lf - 1)) {
        give(text.slice(start, cr));
        start = cr + 1;
      } else if (lf >= 0) {
        give(text.slice(start, lf > start && text[lf - 1] === "\r" ? lf - 1 : lf));
        start = lf + 1;
      } else break;
      from = start;
    }
    this.#rest = text.slice(start);
    this.#searched = this.#rest.endsWith("\r") ? this.#rest.length - 1 : this.#rest.length;
  }
}
