/** A connection over WebSocket: channels come and go while it lasts, and it publishes. Used from the thread that made it. */
import type { Callbacks, Tuning } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { OpenTransport } from "./transport.ts";
import { notConnected, type Published } from "./ws.ts";

export class Channels extends Connection {
  constructor(open: OpenTransport, cursors: ReadonlyMap<string, string | null>, options: Tuning & Callbacks) {
    super(open, false, cursors, options);
  }

  /** One more channel, from after `cursor`, else from now on; each has a cursor of its own. Subscribing again changes nothing. */
  subscribe(channel: string, cursor: string | null = null): void {
    this.input({ type: "subscribe", channel, cursor });
  }

  /** What has come and was not taken yet is still handed over. */
  unsubscribe(channel: string): void {
    this.forget(channel);
    this.input({ type: "unsubscribe", channel });
  }

  /** On a channel `app.NAME`; answered when it is on the disk. Nothing is kept for later, and nothing sent twice. */
  publish(channel: string, data: unknown): Promise<Published> {
    return this.state === "connected" && this.transport?.publish !== undefined
      ? this.transport.publish(channel, data)
      : Promise.resolve(notConnected());
  }
}
