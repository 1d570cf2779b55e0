/** How a program opens a connection: what it wants to see, and where it goes on. */
import { type Callbacks, Connection, type Tuning } from "./connection.ts";
import type { EventKind } from "./events.ts";
import { gatewayUrl } from "./rest.ts";
import { Channels } from "./channels.ts";
import { openSse, WHOLE } from "./sse.ts";
import { openSocket, type SocketMaker } from "./ws.ts";

/** Asked for each attempt when it is a function. */
export type Token = string | (() => string | undefined) | undefined;

/**
 * `complete` (as when it is left out): every event comes, however far behind who takes them is. `latest`, for who shows what is now: who
 * is behind gets the newest record of each device, and a `gap` of cause `coalesced` for those it stands for; all other events come.
 */
export type Mode = "complete" | "latest";

export interface SseOptions extends Callbacks, Tuning {
  readonly transport?: "sse";
  readonly token?: Token;
  /** Only these; left out: all. */
  readonly devices?: readonly string[] | undefined;
  readonly kinds?: readonly (EventKind | (string & {}))[] | undefined;
  /** `devices`, `device.ID`. */
  readonly channels?: readonly string[] | undefined;
  /** Everything after it comes; left out: what happens from now on, after a `resync`. */
  readonly cursor?: string | null | undefined;
  readonly mode?: Mode | undefined;
}

export interface WsOptions extends Callbacks, Tuning {
  readonly transport: "ws";
  readonly token?: Token;
  /** `devices`, `device.ID`, `app.NAME`; or each with the cursor to go on after, null: from now on. */
  readonly channels?: readonly string[] | Readonly<Record<string, string | null>> | undefined;
  /** Of all channels of a list. */
  readonly cursor?: string | null | undefined;
  /** Of all channels. */
  readonly mode?: Mode | undefined;
  /** Where there is none: Node before 22 has one in the package `ws`. */
  readonly WebSocket?: SocketMaker | undefined;
}

/**
 * Follows the events of the gateway at `url` (`http://HOST:PORT`) until it is closed. @throws TypeError when that is no such address, or
 * a WebSocket is wanted where there is none.
 */
export function connect(url: string, options: WsOptions): Channels;
export function connect(url: string, options?: SseOptions): Connection;
export function connect(url: string, options: SseOptions | WsOptions = {}): Connection {
  return options.transport === "ws" ? connectSocket(url, options) : connectStream(url, options);
}

function connectSocket(url: string, options: WsOptions): Channels {
  const {
    token,
    channels = [],
    cursor = null,
    mode,
    transport: _,
    WebSocket: maker = globalThis.WebSocket as SocketMaker | undefined,
    ...rest
  } = options;
  if (maker === undefined) throw new TypeError("Cannot open a WebSocket: there is none here; give one as `WebSocket`");
  const cursors = new Map(isList(channels) ? channels.map((channel) => [channel, cursor]) : Object.entries(channels));
  return new Channels(openSocket(`${baseOf(url)}/v1/ws`, tokenOf(token), maker, mode), cursors, rest);
}

const isList = (channels: object): channels is readonly string[] => Array.isArray(channels);

function connectStream(url: string, options: SseOptions): Connection {
  const { token, devices = [], kinds = [], channels = [], cursor = null, mode = null, ...rest } = options;
  const query = [
    ...pairs("device", devices),
    ...pairs("kind", kinds),
    ...pairs("channel", channels),
    ...pairs("mode", mode === null ? [] : [mode]),
  ];
  const path = `/v1/events${query.length === 0 ? "" : `?${new URLSearchParams(query).toString()}`}`;
  return new Connection(openSse(baseOf(url) + path, tokenOf(token)), true, new Map([[WHOLE, cursor]]), rest);
}

export interface DeviceOptions extends Callbacks, Tuning {
  readonly token?: Token;
  /** Also from a connection of another transport. */
  readonly takeover?: boolean;
}

/**
 * A device's own connection: it gets `config` events, the newest version first. When another connection takes the device it is over
 * (`superseded`), for coming back would take it away again.
 */
export function connectDevice(url: string, device: string, { token, takeover = false, ...rest }: DeviceOptions = {}): Connection {
  const path = `/v1/devices/${encodeURIComponent(device)}/stream${takeover ? "?takeover=true" : ""}`;
  return new Connection(openSse(baseOf(url) + path, tokenOf(token)), true, new Map([[WHOLE, null]]), rest);
}

const pairs = (name: string, values: readonly string[]): [string, string][] => values.map((value) => [name, value]);
const tokenOf = (token: Token): () => string | undefined => (typeof token === "function" ? token : () => token);

function baseOf(url: string): string {
  const base = gatewayUrl(url);
  if (base === null) throw new TypeError(`Cannot use ${JSON.stringify(url)}: expected http://HOST:PORT`);
  return base;
}
