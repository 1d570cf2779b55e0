/**
 * A rehearsal: a thread does its work for a moment before the first device comes, on memory of its own and with neighbours that only
 * say yes. What it runs is compiled by then; else the first seconds after a start are slow when everybody comes back at once.
 * Nothing of it is seen outside: its boot has rings, a board and counters that nobody else has.
 */
import { limitsWith } from "../../base/limits.ts";
import { IMEI_DIGITS } from "../../codec/framer.ts";
import type { Platform } from "../../platform/port.ts";
import { Board, DrainPhase } from "../../wire/board.ts";
import type { Boot, Recovered } from "../boot.ts";
import { makeMemory, makeRoster } from "../memory.ts";

/** Devices of a rehearsal, connected at once. */
export const DEVICES = 32;
/** Of the rings: a few hundred frames. */
const RING_BYTES = 1 << 17;
/** Of a commit: what comes at once is now and then more, and the next commit then does not wait for the sync of this one. */
const COMMIT_BYTES = 1 << 13;
/** Entries of a tail before it is written: often enough to be seen. */
const FLUSH_FRAMES = 4096;
/** Of a store that is in memory; what is too much goes, as in any store. */
const STORE_BYTES = 32 * 1024 * 1024;
const COLLECT_TURNS = 50;
const FENCES = 2 ** 40;
const NOTHING: Recovered = { epoch: "", fenceBase: 1, devices: [], commands: [], configs: [] };

export const imeiOf = (index: number): string => String(index).padStart(IMEI_DIGITS, "0");

type Rehearsing = "codec" | "registry" | "journal";

/** The boot of a gateway of one worker, as the thread of `role` would get it. */
function rehearsalBoot(real: Boot, role: Rehearsing): Boot {
  // Not those of the gateway: what is rehearsed must not fail for one that is set very low.
  const limits = limitsWith({
    connections: 2 * DEVICES,
    loginSockets: 2 * DEVICES,
    frameRingBytes: RING_BYTES,
    controlRingBytes: RING_BYTES,
    messageRingBytes: RING_BYTES,
    readerRingBytes: RING_BYTES,
    broadcastRingBytes: RING_BYTES,
    commitBytes: COMMIT_BYTES,
    overlapBytes: COMMIT_BYTES / 2,
    flushFrames: FLUSH_FRAMES,
    retentionBytes: STORE_BYTES,
    // Nobody is there who could wake it.
    idleWaitMs: 1,
  });
  const settings = {
    ...real.settings,
    data: "",
    policy: "takeover",
    policies: { classes: [], devices: [] },
    unknownDevices: "accept",
    access: { ...real.settings.access, allowFile: "" },
    peers: [],
    udp: null,
    limits,
  } as const;
  const roster = makeRoster(1);
  const memory = makeMemory(settings, roster);
  new Board(memory.board).setFenceReserved(FENCES);
  const thread = role === "codec" ? roster.codec[0]! : roster[role];
  return {
    role,
    thread,
    index: 0,
    instance: real.instance,
    settings,
    faults: "",
    ...memory,
    roster,
    recovered: NOTHING,
  };
}

/** What is left of a rehearsal: how many turns there were, and what was counted in them. */
export interface Rehearsed {
  readonly turns: number;
  readonly counters: SharedArrayBuffer;
}

/** Takes turns until the time is over, or the gateway is told to stop. */
export type TakeTurns = (turn: (turn: number) => void) => void;

/** Has the thread of `role` do its work in `play`, on a boot of its own. Null: there is to be none. */
export function rehearse(
  real: Boot,
  platform: Platform,
  role: Rehearsing,
  play: (boot: Boot, takeTurns: TakeTurns) => void,
): Rehearsed | null {
  const { rehearsalMs } = real.settings.limits;
  if (rehearsalMs === 0) return null;
  const boot = rehearsalBoot(real, role);
  const board = new Board(real.board);
  let turns = 0;
  play(boot, (turn) => {
    const end = platform.clock.mono() + rehearsalMs;
    for (; platform.clock.mono() < end && board.phase() === DrainPhase.running; turns++) {
      board.beat(real.thread);
      turn(turns);
      // By itself a runtime collects too late; see engine/leftovers.ts.
      if (turns % COLLECT_TURNS === COLLECT_TURNS - 1) platform.collectYoung();
    }
  });
  platform.collect();
  return { turns, counters: boot.counters };
}
