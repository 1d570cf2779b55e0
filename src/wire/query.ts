/**
 * Questions of an http thread to a reader thread, and the answers. One ring each way per pair of threads.
 *
 *   request  ring kind = REQUESTS entry + 1, payload: the struct below
 *   answer   one or more chunks in order: ring kind 1 (more follow) or 2 (the last)
 *            | request u32 | bytes … |      the bytes of all chunks together are the answer's blob (query_answer.ts)
 *
 * A ring takes messages of at most a quarter of itself, so an answer of a page travels in as many chunks as it needs.
 */
import { assert } from "../base/assert.ts";
import type { RingConsumer, RingProducer } from "../ring/spsc.ts";
import { type Struct, struct, type StructOf } from "./struct.ts";

export const ORDERS = ["seq", "time"] as const;

export const REQUESTS = {
  /** Entries with seq ≥ from, a page of them. */
  entries: struct({ request: "u32", from: "f64" }),
  /** The same of one device, through tail and runs. */
  deviceEntries: struct({ request: "u32", device: "str", from: "f64" }),
  /** A page of records. `from`, `to`: NaN is open. `after` "" is the start. `order`: index of ORDERS. */
  records: struct({ request: "u32", device: "str", from: "f64", to: "f64", limit: "u32", after: "str", order: "u8" }),
  /** A page of the device fold, in device number order. */
  devices: struct({ request: "u32", after: "u32", limit: "u32" }),
  /** The newest takeovers of a device. */
  history: struct({ request: "u32", device: "str", limit: "u32" }),
  /** The newest conflicts whose events have a seq in [from, to]. */
  conflicts: struct({ request: "u32", from: "f64", to: "f64", limit: "u32" }),
  /** The command with this id; or, where `id` is "", the device's command with this idempotency key. */
  command: struct({ request: "u32", id: "str", device: "str", key: "str" }),
  /** Commands of a device, newest first, those made before the one with id `before` ("": all). */
  commands: struct({ request: "u32", device: "str", before: "str", limit: "u32" }),
  /** The newest configuration of a device. */
  config: struct({ request: "u32", device: "str" }),
  /** Frames of a device whose first new record has a seq of `upTo` at most, newest first. */
  frames: struct({ request: "u32", device: "str", upTo: "f64", limit: "u32" }),
  /** Frames kept raw with ids up to `upTo`, newest first, of one device or ("") of all; `id` not 0: that one. `held`: only those in their device's way. `bad`: with those of wrong CRC. */
  quarantine: struct({ request: "u32", id: "f64", device: "str", upTo: "f64", limit: "u32", held: "bool", bad: "bool" }),
} as const;

export type RequestType = keyof typeof REQUESTS;
type ValueOfStruct<S> = S extends Struct<infer F> ? StructOf<F> : never;
export type RequestOf<T extends RequestType> = { readonly type: T } & Readonly<ValueOfStruct<(typeof REQUESTS)[T]>>;
export type Request = { [T in RequestType]: RequestOf<T> }[RequestType];

const TYPES = Object.keys(REQUESTS) as RequestType[];
const loose = REQUESTS as unknown as Record<RequestType, Struct<Record<string, never>>>;

/** Writes a request, unpublished. False when the ring has no room now. */
export function sendRequest(ring: RingProducer, request: Request): boolean {
  const layout = loose[request.type];
  const at = ring.reserve(layout.size(request as never), TYPES.indexOf(request.type) + 1);
  if (at < 0) return false;
  layout.write(ring.view, at, request as never);
  ring.commit();
  return true;
}

/** Reads the request a consumer stands on. */
export function receiveRequest(ring: RingConsumer): Request {
  const type = TYPES[ring.kind - 1];
  assert(type !== undefined, `unknown request kind ${ring.kind}`);
  return { type, ...(loose[type].read(ring.view, ring.offset) as object) } as Request;
}

const MORE = 1;
const LAST = 2;
const CHUNK_HEADER = 4;
/** Chunks need not be larger than this: a quarter of a big ring in one message would only make others wait. */
const CHUNK_BYTES = 64 * 1024;

/** The sending side of one answer: writes what fits, goes on when called again. */
export class AnswerSender {
  readonly #request: number;
  readonly #blob: Uint8Array;
  #sent = 0;

  constructor(request: number, blob: Uint8Array) {
    this.#request = request;
    this.#blob = blob;
  }

  /** Puts chunks into the ring, unpublished, until it is full or the answer is all there. True when it is. */
  push(ring: RingProducer): boolean {
    const most = Math.min(ring.maxPayload - CHUNK_HEADER, CHUNK_BYTES);
    for (;;) {
      const bytes = Math.min(most, this.#blob.length - this.#sent);
      const last = this.#sent + bytes === this.#blob.length;
      const at = ring.reserve(CHUNK_HEADER + bytes, last ? LAST : MORE);
      if (at < 0) return false;
      ring.view.setUint32(at, this.#request, true);
      ring.bytes.set(this.#blob.subarray(this.#sent, this.#sent + bytes), at + CHUNK_HEADER);
      ring.commit();
      this.#sent += bytes;
      if (last) return true;
    }
  }
}

/** The receiving side: collects the chunks of the answer under way. */
export class AnswerReceiver {
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  /** Of the answer that `take` completed last. */
  request = 0;

  /** An answer is under way: some of its chunks came, the last did not. */
  get open(): boolean {
    return this.#chunks.length > 0;
  }

  /** Takes the chunk a consumer stands on. The whole blob when it was the last one, else null. */
  take(ring: RingConsumer): Uint8Array<ArrayBuffer> | null {
    const request = ring.view.getUint32(ring.offset, true);
    assert(!this.open || request === this.request, `answer to request ${request} in the middle of ${this.request}`);
    this.request = request;
    const chunk = new Uint8Array(ring.length - CHUNK_HEADER);
    chunk.set(ring.bytes.subarray(ring.offset + CHUNK_HEADER, ring.offset + ring.length));
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (ring.kind === MORE) return null;
    const blob = this.#chunks.length === 1 ? chunk : this.#join();
    this.#chunks = [];
    this.#bytes = 0;
    return blob;
  }

  #join(): Uint8Array<ArrayBuffer> {
    const blob = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      blob.set(chunk, at);
      at += chunk.length;
    }
    return blob;
  }
}
