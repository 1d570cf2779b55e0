/**
 * A WebSocket by the standard interface. It cannot be told to read less, and hides why it was not let in: that is asked again over HTTP.
 * Runs on any thread with an event loop.
 */
import { err, ok, type Result } from "../base/result.ts";
import { retryAfterOf } from "./backoff.ts";
import { causeOfStatus, type LossCause } from "./loss.ts";
import { bearer, problemText, reasonOf } from "./rest.ts";
import type { Listener, OpenTransport, Transport } from "./transport.ts";
import { type Answer, readMessage, refusalOf } from "./ws_message.ts";

/** `unreachable`: not sent. `busy`: not kept, try again. `refused`: and why. `unknown`: sent, and the connection went: it may be on the disk. */
export type PublishFault = "unreachable" | "busy" | "refused" | "unknown";
export type Published = Result<null, PublishFault>;

/** Messages on their way. */
const PUBLISHING_MAX = 4096;
const BUFFERED_MAX = 4 * 1024 * 1024;
/** What `GET` answers to who is let in and asks for no WebSocket. */
const UPGRADE_REQUIRED = 426;
const NORMAL = 1000;
/** Close codes after which asking again is of no use, or only later. */
const REFUSED: readonly number[] = [1008, 4401];
const BUSY: readonly number[] = [1013, 4004];

/** What is used of a WebSocket: the standard one, or that of a package. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code?: number): void;
}

export type SocketMaker = new (url: string) => SocketLike;

/** `url`: `http…/v1/ws`. */
export const openSocket =
  (url: string, token: () => string | undefined, maker: SocketMaker, mode?: string): OpenTransport => (cursors, listener) => {
    try {
      return new SocketTransport({ url, token: token(), maker, mode }, cursors, listener);
    } catch (error) {
      // A page that came over HTTPS may open none to HTTP.
      queueMicrotask(() => listener.said({ type: "failed", cause: "refused", reason: reasonOf(error) }));
      return { drop: () => {}, ask: () => {}, subscribe: () => {}, unsubscribe: () => {} };
    }
  };

interface Opening {
  readonly url: string;
  readonly token: string | undefined;
  readonly maker: SocketMaker;
  /** Of its subscriptions. */
  readonly mode: string | undefined;
}

class SocketTransport implements Transport {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #mode: string | undefined;
  readonly #listener: Listener;
  readonly #socket: SocketLike;
  readonly #publishing = new Map<string, (published: Published) => void>();
  /** Channels that were asked for again, by the id of the asking: until its answer what comes is of the subscription before. */
  readonly #asking = new Map<string, string>();
  #lastId = 0;
  #isOpen = false;
  #isDropped = false;

  constructor({ url, token, maker, mode }: Opening, cursors: ReadonlyMap<string, string | null>, listener: Listener) {
    this.#url = url;
    this.#token = token;
    this.#mode = mode;
    this.#listener = listener;
    const socket = this.#socket = new maker(addressOf(url, token));
    socket.onopen = () => {
      if (this.#isDropped) return;
      this.#isOpen = true;
      for (const [channel, cursor] of cursors) this.#subscribe(channel, cursor);
      listener.said({ type: "opened" });
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (!this.#isDropped && typeof data === "string") this.#message(data);
    };
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => this.#closed(code, reason);
    // The close that follows says as much.
    socket.onerror = () => {};
  }

  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#socket.close(NORMAL);
    this.#settleAll();
  }

  ask(): void {
    this.#send({ type: "ping" });
  }

  subscribe(channel: string, cursor: string | null): void {
    const id = String(++this.#lastId);
    this.#asking.set(channel, id);
    this.#subscribe(channel, cursor, id);
  }

  unsubscribe(channel: string): void {
    this.#send({ type: "unsubscribe", channel });
  }

  publish(channel: string, data: unknown): Promise<Published> {
    if (!this.#isOpen || this.#isDropped) return Promise.resolve(notConnected());
    if (this.#publishing.size >= PUBLISHING_MAX || this.#socket.bufferedAmount > BUFFERED_MAX) {
      return Promise.resolve(err("busy", `Cannot publish: ${this.#publishing.size} messages are on their way`));
    }
    const id = String(++this.#lastId);
    return new Promise((resolve) => {
      this.#publishing.set(id, resolve);
      this.#send({ type: "publish", id, channel, data });
    });
  }

  #subscribe(channel: string, cursor: string | null, id?: string): void {
    this.#send({ type: "subscribe", id, channel, cursor: cursor ?? undefined, mode: this.#mode });
  }

  #send(message: object): void {
    if (this.#isOpen && !this.#isDropped) this.#socket.send(JSON.stringify(message));
  }

  #message(text: string): void {
    this.#listener.said({ type: "heard" });
    let heard;
    try {
      heard = readMessage(text);
    } catch (error) {
      return this.#failed("broken", reasonOf(error));
    }
    if (heard.isPing) this.#send({ type: "pong" });
    if (heard.answer !== null) this.#answered(heard.answer);
    if (heard.channel !== null && this.#asking.has(heard.channel)) return;
    for (const said of heard.said) this.#listener.said(said, text.length);
  }

  #answered({ id, failure }: Answer): void {
    const resolve = this.#publishing.get(id);
    this.#publishing.delete(id);
    resolve?.(failure === null ? ok(null) : err(failure.isPassing ? "busy" : "refused", failure.detail));
    for (const [channel, asked] of this.#asking) {
      if (asked !== id) continue;
      this.#asking.delete(channel);
      if (failure !== null) this.#listener.said(refusalOf(channel, failure));
    }
  }

  #settleAll(): void {
    for (const resolve of this.#publishing.values()) resolve(err("unknown", "The connection went before the gateway had answered"));
    this.#publishing.clear();
  }

  #closed(code: number, reason: string): void {
    if (this.#isDropped) return;
    if (!this.#isOpen) return void this.#whyNot();
    const words = reason === "" ? `the gateway closed the connection (${code})` : reason;
    this.#failed(REFUSED.includes(code) ? "refused" : BUSY.includes(code) ? "busy" : "broken", words);
  }

  async #whyNot(): Promise<void> {
    try {
      const response = await fetch(this.#url, { headers: bearer(this.#token), cache: "no-store" });
      const { status } = response;
      const reason = await problemText(response);
      if (response.ok || status === UPGRADE_REQUIRED) return this.#failed("unreachable", "the WebSocket could not be opened");
      this.#failed(causeOfStatus(status), reason, status, retryAfterOf(response.headers.get("retry-after"), Date.now()));
    } catch (error) {
      this.#failed("unreachable", reasonOf(error));
    }
  }

  #failed(cause: LossCause, reason: string, status: number | null = null, retryAfterMs: number | null = null): void {
    if (this.#isDropped) return;
    this.#listener.said({ type: "failed", cause, reason, status, retryAfterMs });
    this.drop();
  }
}

export const notConnected = (): Published => err("unreachable", "Cannot publish: not connected");

/** A browser sends no header with a WebSocket. */
function addressOf(url: string, token: string | undefined): string {
  const address = url.replace(/^http/i, "ws");
  return token === undefined ? address : `${address}?${new URLSearchParams({ access_token: token }).toString()}`;
}
