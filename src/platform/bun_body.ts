/**
 * An answer's body that lasts, on Bun: written straight to the connection. A chunk costs the write to the socket and little more; a
 * stream that is pulled costs two promises and their microtasks a chunk besides. Owned by the thread that serves.
 */
import type { BodySink, BodySource } from "./body.ts";

/** Bun's stream of type "direct". The standard's types do not know it. */
interface DirectController {
  /** Bytes it collects before it writes them. */
  start(options: { highWaterMark: number }): void;
  /** A promise when not all of it went to the kernel: the runtime keeps the rest, and says when it has none left. */
  write(bytes: Uint8Array): number | Promise<number>;
  end(): unknown;
}
interface DirectSource {
  readonly type: "direct";
  /** Once. The stream lasts until its controller ends it. */
  pull(controller: DirectController): void;
  cancel(): void;
}

export function bunBody(source: BodySource): ReadableStream<Uint8Array> {
  const direct: DirectSource = {
    type: "direct",
    pull(controller) {
      controller.start({ highWaterMark: 1 });
      source.ready(new DirectSink(controller, source));
    },
    cancel: () => source.gone(),
  };
  return new ReadableStream(direct as unknown as UnderlyingDefaultSource<Uint8Array>);
}

class DirectSink implements BodySink {
  readonly #controller: DirectController;
  readonly #source: BodySource;

  constructor(controller: DirectController, source: BodySource) {
    this.#controller = controller;
    this.#source = source;
  }

  write(bytes: Uint8Array): boolean {
    const taken = this.#controller.write(bytes);
    if (typeof taken === "number") return true;
    // It fails when the connection has gone, which `cancel` tells.
    taken.then(() => this.#source.ready(this), () => undefined);
    return false;
  }

  end(): void {
    this.#controller.end();
  }
}
