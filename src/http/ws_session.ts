/**
 * One WebSocket: its subscriptions, each a subscriber of the broker with a place of its own, and what its client says. The subscriptions
 * share the bounds of one client. Owned by an http thread; what needs the clock is in `look`, called once in a while.
 */
import { visibleDevices } from "../access/scope.ts";
import { assertNever } from "../base/assert.ts";
import { socketMessage } from "../broker/ws_text.ts";
import type { BodySink, BodySource } from "../platform/body.ts";
import type { WebSocketEnd, WebSocketHandler } from "../platform/port.ts";
import type { EventStream, Gateway, OpenSocket, Published } from "./gateway.ts";
import type { Grant } from "./request_env.ts";
import { Mistakes, Pace, SocketAccount } from "./ws_bounds.ts";
import { type MessageId, parseSaid, type Said, type SaidFault } from "./ws_message.ts";
import { wishOf } from "./ws_wish.ts";

/** Why the gateway ends a socket, and the close code that says so. */
const CLOSE_CODES = { shutdown: 1012, age: 1001, auth: 4401, errors: 1008, rate: 1008, binary: 1003 } as const;
export type SocketEnding = keyof typeof CLOSE_CODES;

type ErrorCode = SaidFault | "forbidden" | "too_many" | "too_long" | "busy" | "failed" | "rate";
const RETRY_MS = 1000;

export interface SessionParts {
  readonly gateway: Gateway;
  readonly grant: Grant;
  /** Monotonic and wall clock, ms. */
  readonly mono: () => number;
  readonly wall: () => number;
  readonly maxAgeMs: number;
  readonly gone: (session: WsSession) => void;
}

interface Subscription {
  readonly stream: EventStream;
  readonly source: BodySource;
}

export class WsSession implements WebSocketHandler, OpenSocket {
  readonly #parts: SessionParts;
  readonly #visible: ReadonlySet<string> | null;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #account: SocketAccount;
  readonly #mistakes = new Mistakes();
  readonly #pace: Pace;
  /** Subscriptions that wait until the socket has passed on what it holds. */
  readonly #waiting = new Set<BodySource>();
  #socket: WebSocketEnd | null = null;
  #forget: () => void = () => {};
  #ending: SocketEnding | null = null;
  #closed = false;
  #heardAt: number;
  #sentAt: number;
  #pingedAt: number;
  readonly #endsAt: number;
  /** When it must be over, once it is ending. */
  #cutAt = Infinity;
  #held = 0;

  constructor(parts: SessionParts) {
    const now = parts.mono();
    this.#parts = parts;
    this.#visible = visibleDevices(parts.grant.scopes);
    this.#pace = new Pace(parts.gateway.settings.limits);
    this.#account = new SocketAccount(() => this.#socket?.buffered ?? 0);
    this.#heardAt = this.#sentAt = this.#pingedAt = now;
    this.#endsAt = now + parts.maxAgeMs;
  }

  opened(socket: WebSocketEnd): void {
    const { gateway, grant } = this.#parts;
    const { limits } = gateway.settings;
    this.#socket = socket;
    gateway.sockets.add(this);
    // Revoked meanwhile, it is ended at once.
    this.#forget = gateway.access.whileValid(grant.token, () => this.end("auth"));
    if (!gateway.accepting) return this.end("shutdown");
    const data = { instance: gateway.instance, heartbeatMs: limits.heartbeatMs, deadMs: limits.socketDeadMs };
    if (this.#ending === null) this.#tell("hello", { id: gateway.head, data });
  }

  text(text: string): void {
    this.#heardAt = this.#parts.mono();
    if (this.#ending !== null) return;
    const said = parseSaid(text);
    if (!said.ok) return this.#mistake(said.fault, said.message, said.id, said.name);
    // What is published has a bound of its own.
    if (said.value.type === "publish" || this.#mayAsk(said.value.id)) this.#answer(said.value);
  }

  binary(): void {
    this.end("binary");
  }

  pong(): void {
    this.#heardAt = this.#parts.mono();
    this.#mayAsk(undefined);
  }

  pinged(): void {
    this.pong();
  }

  drained(): void {
    const socket = this.#socket;
    for (const source of this.#waiting) {
      if (socket === null || socket.buffered > 0) return;
      this.#waiting.delete(source);
      source.ready(this.#sinkOf(source));
    }
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    for (const { stream } of this.#subscriptions.values()) stream.close();
    this.#subscriptions.clear();
    this.#waiting.clear();
    this.#parts.gateway.sockets.remove(this);
    this.#parts.gone(this);
  }

  /** Says why, and closes: behind what was told before when the gateway stops, else at once. The client goes on by its cursors. */
  end(why: SocketEnding): void {
    if (this.#ending !== null || this.#closed) return;
    this.#ending = why;
    this.#cutAt = this.#parts.mono() + this.#parts.gateway.settings.limits.byeMs;
    // At the end of the gateway the broker ends them, with a word of its own behind their last events.
    if (why !== "shutdown") {
      for (const { stream } of this.#subscriptions.values()) stream.close();
      this.#subscriptions.clear();
    }
    this.#finish();
  }

  cut(): void {
    this.#socket?.cut();
  }

  /** A few times per heartbeat: is it alive, has it heard of us, is it too old? */
  look(): void {
    const { gateway, mono } = this.#parts;
    const { limits } = gateway.settings;
    const now = mono();
    const socket = this.#socket;
    if (socket === null || this.#closed) return;
    // Who takes what it is sent is alive, however slowly.
    if (socket.buffered < this.#held) this.#heardAt = now;
    this.#held = socket.buffered;
    if (now >= this.#cutAt || now - this.#heardAt >= limits.socketDeadMs) return socket.cut();
    if (now >= this.#endsAt) return this.end("age");
    if (now - this.#pingedAt >= limits.socketPingMs) {
      this.#pingedAt = now;
      socket.ping();
    }
    if (now - this.#sentAt >= limits.heartbeatMs && this.#subscriptions.size === 0) this.#tell("ping", {});
    this.drained();
  }

  #answer(said: Said): void {
    switch (said.type) {
      case "subscribe":
        return this.#subscribe(said);
      case "unsubscribe":
        this.#drop(said.name);
        return this.#done("unsubscribe", said.id, said.name);
      case "publish":
        return this.#publish(said);
      case "ping":
        return this.#tell("pong", { id: said.id });
      case "nothing":
        return;
      default:
        assertNever(said, "message");
    }
  }

  #subscribe(said: Extract<Said, { type: "subscribe" }>): void {
    const { gateway } = this.#parts;
    const { id, name, start } = said;
    const wish = wishOf(said, this.#visible);
    if (wish === null) return this.#mistake("forbidden", `Cannot subscribe to ${name}: the token is for other channels`, id, name);
    const known = this.#subscriptions.get(name);
    // Subscribed already: goes on, unless it is to begin elsewhere.
    if (known !== undefined && start.cursor === null) return this.#done("subscribe", id, name);
    this.#drop(name);
    const { socketSubscriptions } = gateway.settings.limits;
    if (this.#subscriptions.size >= socketSubscriptions) {
      return this.#mistake("too_many", `Cannot subscribe to ${name}: ${socketSubscriptions} subscriptions are the most`, id, name);
    }
    let source: BodySource | null = null;
    const bodyOf = (given: BodySource): ReadableStream<Uint8Array> => {
      source = given;
      return new ReadableStream();
    };
    const over = (): void => this.#over(name, source);
    const share = { account: this.#account, form: wish.form, bodyOf };
    const stream = gateway.subscribe(start, wish.filter, () => this.cut(), over, [name], share);
    if (stream === null) return this.#error("busy", `Cannot subscribe to ${name}: too many subscriptions`, id, name);
    this.#subscriptions.set(name, { stream, source: source! });
    this.#done("subscribe", id, name);
    this.#waiting.add(source!);
    this.drained();
  }

  #publish({ id, name, data }: Extract<Said, { type: "publish" }>): void {
    const { gateway, grant: { scopes } } = this.#parts;
    if (!scopes.command && !scopes.admin) {
      return this.#mistake("forbidden", `Cannot publish on ${name}: the token has not the scope command`, id, name);
    }
    gateway.publish(name, data, (how) => this.#published(how, id, name));
  }

  #published(how: Published, id: MessageId, name: string): void {
    if (this.#closed) return;
    switch (how) {
      case "kept":
        return this.#done("publish", id, name);
      case "too_long":
        return this.#mistake("too_long", `Cannot publish on ${name}: the data is too long`, id, name);
      case "busy":
        if (!this.#mayAsk(id)) return;
        return this.#error("busy", `Cannot publish on ${name}: too many messages are waiting, or commits fail`, id, name);
      case "failed":
        return this.#error("failed", `Cannot publish on ${name}: the commit failed`, id, name);
      default:
        assertNever(how, "outcome");
    }
  }

  #drop(name: string): void {
    this.#subscriptions.get(name)?.stream.close();
    this.#subscriptions.delete(name);
  }

  /** A subscription has ended, whoever ended it. */
  #over(name: string, source: BodySource | null): void {
    if (source !== null) this.#waiting.delete(source);
    if (this.#subscriptions.get(name)?.source === source) this.#subscriptions.delete(name);
  }

  #sinkOf(source: BodySource): BodySink {
    return {
      end: () => this.#finish(),
      // While the socket holds something, no more is taken.
      write: (bytes) => {
        this.#send(bytes);
        const isThrough = this.#socket!.buffered === 0;
        if (!isThrough) this.#waiting.add(source);
        return isThrough;
      },
    };
  }

  /** Says good-bye once the subscriptions have said theirs. */
  #finish(): void {
    if (this.#ending === null || this.#closed || this.#subscriptions.size > 0) return;
    const why = this.#ending;
    this.#send(socketMessage("bye", { data: { reason: why } }, this.#parts.wall()));
    this.#socket?.close(CLOSE_CODES[why], why);
  }

  /** One more that costs work. False: it is ended, as it was one too many. */
  #mayAsk(id: MessageId): boolean {
    if (this.#ending !== null || this.#pace.takes(this.#parts.mono())) return this.#ending === null;
    const { socketAsksPerSecond } = this.#parts.gateway.settings.limits;
    this.#error("rate", `Cannot go on: more than ${socketAsksPerSecond} messages a second`, id, undefined);
    this.end("rate");
    return false;
  }

  /** The answer to a message, where the client has named it. */
  #done(type: string, id: MessageId, channel: string): void {
    if (id !== undefined) this.#tell(type, { id, channel });
  }

  /** A message that cannot be used. Too many of them are no mistake. */
  #mistake(code: ErrorCode, detail: string, id: MessageId, channel: string | undefined): void {
    const { gateway, mono } = this.#parts;
    this.#error(code, detail, id, channel);
    if (this.#mistakes.inMinute(mono()) > gateway.settings.limits.socketErrors) this.end("errors");
  }

  #error(code: ErrorCode, detail: string, id: MessageId, channel: string | undefined): void {
    const later = code === "busy" ? { retryAfterMs: RETRY_MS } : {};
    this.#tell("error", { id, channel, data: { code, detail, ...later } });
  }

  #tell(type: string, fields: Readonly<Record<string, unknown>>): void {
    const { gateway, wall } = this.#parts;
    this.#send(socketMessage(type, fields, wall()));
    // Who asks and asks, and takes no answer, has nothing to expect.
    if ((this.#socket?.buffered ?? 0) > 2 * gateway.settings.limits.subscriberBytes) this.cut();
  }

  #send(bytes: Uint8Array): void {
    this.#sentAt = this.#parts.mono();
    this.#socket?.send(bytes);
  }
}
