/** Gives the device streams of an http thread their rings and what they ask. Called once, at its start. */
import type { Platform } from "../../platform/port.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import { Board } from "../../wire/board.ts";
import { connectionSlots, PresenceWriter } from "../../wire/presence.ts";
import { type Boot, ringThreads } from "../boot.ts";
import type { RegistryClient } from "./asks.ts";
import { HttpConfigs } from "./configs.ts";
import { DeviceStreams } from "./device_streams.ts";
import type { ReaderClient } from "./queries.ts";
import type { StreamParts } from "./stream_parts.ts";
import { StreamSockets } from "./stream_sockets.ts";

/** `localPort`: of the listener, once it is open. */
export function startDeviceStreams(
  boot: Boot,
  platform: Platform,
  readers: ReaderClient,
  registry: RegistryClient,
  localPort: () => number,
  { random, fail }: Pick<StreamParts, "random" | "fail">,
): DeviceStreams {
  const { rings, roster, settings } = boot;
  const { limits } = settings;
  const board = new Board(boot.board);
  const all = ringThreads(roster);
  const ring = all.indexOf(boot.thread);
  const configs = new HttpConfigs({ settings, board, readers, registry, schemas: null });
  return new DeviceStreams({
    ring,
    rings: roster.http.map((thread) => all.indexOf(thread)),
    claims: new RingProducer(rings.claims[ring]!, new Bell(boot.bells, roster.registry)),
    decisions: new RingConsumer(rings.decisions[ring]!),
    board,
    clock: platform.clock,
    limits,
    presence: new PresenceWriter(boot.presence, ring, connectionSlots(limits)),
    sockets: new StreamSockets(platform, limits, localPort),
    find: (device) => configs.find(device),
    random,
    fail,
  });
}
