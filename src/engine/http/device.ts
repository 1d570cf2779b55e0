/** One device as it is answered: what the registry says of its connection over what the journal knows. Http thread. */
import { asDeviceId } from "../../base/brand.ts";
import type { Limits } from "../../base/limits.ts";
import { distance } from "../../ring/layout.ts";
import type { DeviceState } from "../../store/port.ts";
import type { Board } from "../../wire/board.ts";
import { TRANSPORTS } from "../../wire/control.ts";
import type { Standing } from "./asks.ts";
import type { Busy } from "./busy.ts";

export type DeviceView = Omit<DeviceState, "no">;

export interface Liveness {
  readonly inFlight: number;
  /** Sampled; null: not yet, or the kernel cannot be asked. */
  readonly kernel: { readonly lastAckAt: number; readonly rttMs: number; readonly retransmits: number } | null;
}

/** `liveness`: of the live connection, or null. */
export type OneDevice = DeviceView & { readonly liveness: Liveness | null };

/** Between two looks at how far the journal has come. */
const LOOK_AGAIN_MS = 2;

/** Waits until the end of a device that has just gone is on the disk. */
export async function untilKept(
  board: Pick<Board, "commandsKept">,
  { told }: Standing,
  { readWaitMs }: Pick<Limits, "readWaitMs">,
): Promise<Busy | null> {
  for (let waited = 0; distance(board.commandsKept(), told) < 0; waited += LOOK_AGAIN_MS) {
    if (waited >= readWaitMs) return { kind: "busy", reason: `the device's last event is not on the disk after ${readWaitMs} ms` };
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  return null;
}

/** The registry's word on connection, fence and origin over what the journal knows, which lags while commits fail. */
export function joined(id: string, standing: Standing, stored: DeviceState | undefined): OneDevice | null {
  if (!standing.connected) {
    if (stored === undefined) return null;
    return { ...viewOf(stored), connected: false, liveness: null };
  }
  const now = {
    connected: true,
    fence: standing.fence as DeviceState["fence"],
    transport: TRANSPORTS[standing.transport] ?? "tcp",
    address: standing.address,
    port: standing.port,
    clientInstance: standing.clientInstance,
    since: standing.since,
    liveness: livenessOf(standing),
    lastByteAt: Math.max(stored?.lastByteAt ?? standing.since, standing.lastByteAt),
  };
  if (stored !== undefined) return { ...viewOf(stored), ...now };
  return { id: asDeviceId(id), ...now, lastSeenAt: standing.since, records: 0, position: null };
}

/** A fold's device keeps changing, and its position is a getter: what is answered is a copy. */
const viewOf = (device: DeviceState): DeviceView => ({
  id: device.id,
  connected: device.connected,
  fence: device.fence,
  transport: device.transport,
  address: device.address,
  port: device.port,
  clientInstance: device.clientInstance,
  since: device.since,
  lastSeenAt: device.lastSeenAt,
  lastByteAt: device.lastByteAt,
  records: device.records,
  position: device.position,
});

function livenessOf({ inFlight, lastAckAt, rttUs, retransmits }: Standing): Liveness {
  return { inFlight, kernel: lastAckAt === 0 ? null : { lastAckAt, rttMs: rttUs / 1000, retransmits } };
}
