/** The client library: all that `berth/client` is to a program. Runs wherever there are fetch, streams and timers. */
export type { Err, Ok, Result } from "../base/result.ts";
export type { Channels } from "./channels.ts";
export { connect, connectDevice, type DeviceOptions, type Mode, type SseOptions, type Token, type WsOptions } from "./connect.ts";
export type { Callbacks, Connection, ConnectionState, Tuning } from "./connection.ts";
export type * from "./events.ts";
export {
  type CommandWish,
  type DevicesQuery,
  type Gateway,
  gateway,
  type GatewayOptions,
  type Hydrated,
  type RecordsQuery,
} from "./gateway.ts";
export type { Loss, LossCause } from "./loss.ts";
export type * from "./model.ts";
export type { RestFault } from "./rest.ts";
export type { Published, PublishFault, SocketLike, SocketMaker } from "./ws.ts";
