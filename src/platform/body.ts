/** An answer of HTTP that lasts: who writes it, and where to. Types only. */

/** Where the bytes of an answer go that lasts. */
export interface BodySink {
  /** False: the client is not as fast; nothing more may be written before `ready` is called again. */
  write(bytes: Uint8Array): boolean;
  end(): void;
}

/** Who writes an answer that lasts. `gone`: the client went away, there is no sink any more. */
export interface BodySource {
  /** The sink takes bytes: at first, and again after each write that said no. */
  ready(sink: BodySink): void;
  gone(): void;
}
