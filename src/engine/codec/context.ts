/** What the parts of a codec worker share: its rings, bounds, tables and counters. Owned by the codec worker. */
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { Platform, SocketOptions, TcpKernel } from "../../platform/port.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import type { Log } from "../../telemetry/log.ts";
import { Addresses } from "../../wire/addresses.ts";
import { Board } from "../../wire/board.ts";
import { connectionSlots, PresenceWriter } from "../../wire/presence.ts";
import type { Boot } from "../boot.ts";
import { ConnectionTable } from "./connection.ts";
import { FrameFifo } from "./fifo.ts";
import { CodecTally } from "./tally.ts";
import { CodecWarnings } from "./warnings.ts";
import { TimerWheel } from "./wheel.ts";
import { socketOptions } from "../source/socket.ts";

/** How exactly deadlines are met, and how often a worker ticks that is hurried. */
export const TICK_MS = 20;

export interface CodecContext {
  /** Index among the codec workers. */
  readonly worker: number;
  /** How many codec workers there are. */
  readonly workers: number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly board: Board;
  readonly addresses: Addresses;
  readonly presence: PresenceWriter;
  /** Null where there is no descriptor to ask about. */
  readonly kernel: TcpKernel | null;
  readonly socketOptions: SocketOptions;
  readonly frames: RingProducer;
  readonly claims: RingProducer;
  readonly decisions: RingConsumer;
  readonly exceptions: RingConsumer;
  readonly table: ConnectionTable;
  readonly fifo: FrameFifo;
  readonly wheel: TimerWheel;
  readonly tally: CodecTally;
  readonly warnings: CodecWarnings;
}

export function codecContext(boot: Boot, platform: Platform, log: Pick<Log, "warn">): CodecContext {
  const { limits } = boot.settings;
  const { rings, roster, index } = boot;
  const slots = connectionSlots(limits);
  const bell = (thread: number): Bell => new Bell(boot.bells, thread);
  return {
    worker: index,
    workers: roster.codec.length,
    limits,
    clock: platform.clock,
    board: new Board(boot.board),
    addresses: new Addresses(boot.addresses),
    presence: new PresenceWriter(boot.presence, index, slots),
    kernel: platform.tcpKernel,
    socketOptions: socketOptions(boot.settings),
    frames: new RingProducer(rings.frames[index]!, bell(roster.journal)),
    claims: new RingProducer(rings.claims[index]!, bell(roster.registry)),
    decisions: new RingConsumer(rings.decisions[index]!),
    exceptions: new RingConsumer(rings.exceptions[index]!),
    table: new ConnectionTable(slots),
    fifo: new FrameFifo(limits.unackedFramesPerWorker),
    wheel: new TimerWheel(slots, TICK_MS, platform.clock.mono()),
    tally: new CodecTally(boot.counters, boot.thread),
    warnings: new CodecWarnings(log, () => platform.clock.mono()),
  };
}
