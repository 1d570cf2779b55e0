/** A WebSocket consumer as a page would write it: the runtime's own WebSocket, JSON in and out. */
import { cursorParts } from "./sse.ts";
import { Changes } from "./until.ts";

export interface WsMessage {
  readonly type: string;
  readonly id?: string | number;
  readonly channel?: string;
  readonly data?: unknown;
  readonly timestamp: string;
}

export interface WsEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export class WsClient {
  readonly messages: WsMessage[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  opened = false;
  readonly socket: WebSocket;
  readonly #changes = new Changes();

  /** `url`: of the gateway's HTTP. */
  constructor(url: string, path = "/v1/ws") {
    this.socket = new WebSocket(`${url.replace(/^http/, "ws")}${path}`);
    this.socket.onopen = () => {
      this.opened = true;
      this.#changes.changed();
    };
    this.socket.onmessage = ({ data }) => {
      this.messages.push(JSON.parse(String(data)) as WsMessage);
      this.#changes.changed();
    };
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
      this.#changes.changed();
    };
    this.socket.onerror = () => undefined;
  }

  static async open(url: string, path?: string): Promise<WsClient> {
    const client = new WsClient(url, path);
    await client.until("hello", () => client.of("hello").length > 0);
    return client;
  }

  of(type: string, channel?: string): WsMessage[] {
    return this.messages.filter((message) => message.type === type && (channel === undefined || message.channel === channel));
  }
  events(channel?: string): WsEvent[] {
    return this.of("event", channel).map(({ data }) => data as WsEvent);
  }
  seqs(channel?: string): number[] {
    return this.of("event", channel).map(({ id }) => cursorParts(String(id)).seq);
  }
  /** Newest position a channel was told, by events, markers and heartbeats. */
  position(channel: string): number {
    const told = this.messages.filter((message) => message.channel === channel && /\.\d+$/.test(String(message.id ?? "")));
    return told.length === 0 ? -1 : cursorParts(String(told.at(-1)!.id)).seq;
  }
  reaches(channel: string, seq: number): Promise<true> {
    return this.until(`${channel} at ${seq}`, () => this.position(channel) >= seq);
  }
  until(what: string, check: () => boolean, timeoutMs?: number): Promise<true> {
    return this.#changes.until(what, () => (check() ? true : undefined), timeoutMs);
  }
  /** The answer to a message with this id. */
  async answer(id: string | number): Promise<WsMessage> {
    await this.until(`an answer to ${id}`, () => this.messages.some((message) => message.id === id));
    return this.messages.find((message) => message.id === id)!;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
  subscribe(channel: string, cursor?: string): void {
    this.say({ type: "subscribe", channel, ...(cursor === undefined ? {} : { cursor }) });
  }
  close(): void {
    this.socket.close();
  }
}
