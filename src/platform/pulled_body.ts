/**
 * An answer's body that lasts, as a stream of the web's: for a runtime that offers nothing nearer to the connection. Each chunk waits
 * until it is pulled. Owned by the thread that serves.
 */
import type { BodySource } from "./body.ts";

export function pulledBody(source: BodySource): ReadableStream<Uint8Array> {
  let pulled: () => void = () => {};
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const sink = {
    write(bytes: Uint8Array): boolean {
      controller.enqueue(bytes);
      pulled();
      return false;
    },
    end(): void {
      controller.close();
      pulled();
    },
  };
  return new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    pull() {
      const { promise, resolve } = Promise.withResolvers<void>();
      pulled = resolve;
      source.ready(sink);
      return promise;
    },
    cancel() {
      pulled();
      source.gone();
    },
  }, { highWaterMark: 0 });
}
