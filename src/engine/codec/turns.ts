/** What both ways of running a codec worker turn: see by_events.ts and by_blocking.ts. Owned by the codec worker. */
import type { Platform } from "../../platform/port.ts";
import type { Boot } from "../boot.ts";
import type { SocketSource } from "../source/socket.ts";
import type { CodecDrain } from "./drain.ts";
import type { CodecWorker } from "./worker.ts";

export interface CodecTurns {
  readonly boot: Boot;
  readonly platform: Pick<Platform, "clock" | "collect" | "collectYoung" | "residentBytes" | "discard">;
  readonly source: SocketSource;
  readonly worker: CodecWorker;
  readonly drain: CodecDrain;
  /** The beginning of every turn: heartbeat, fault point, new sockets, the shutdown. */
  readonly pass: () => void;
}
