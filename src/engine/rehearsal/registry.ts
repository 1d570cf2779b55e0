/** The rehearsal of the registry thread: devices log in, are taken over, leave; workers that obey, a journal that takes all. */
import type { Platform } from "../../platform/port.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import { Board } from "../../wire/board.ts";
import { END_REASONS, receive, send, TRANSPORTS } from "../../wire/control.ts";
import type { Boot } from "../boot.ts";
import { RegistryDesk } from "../registry/desk.ts";
import { DEVICES, imeiOf, rehearse, type Rehearsed, type TakeTurns } from "./world.ts";

const TCP = TRANSPORTS.indexOf("tcp");
const CLOSED = END_REASONS.indexOf("closed");
/** Every so many turns a device comes over another connection while it has one. */
const TAKEOVER_TURNS = 4;
/** And every so many all devices are others, as nobody is known at first. */
const NEW_TURNS = 8;
const MOST_DEVICES = 4096;

export const rehearseRegistry = (real: Boot, platform: Platform): Rehearsed | null =>
  rehearse(real, platform, "registry", (boot, takeTurns) => play(boot, platform, takeTurns));

function play(boot: Boot, platform: Platform, takeTurns: TakeTurns): void {
  const board = new Board(boot.board);
  const desk = new RegistryDesk(boot, boot.recovered!, board, platform.clock);
  const claims = new RingProducer(boot.rings.claims[0]!, new Bell(boot.bells, boot.thread));
  const decisions = new RingConsumer(boot.rings.decisions[0]!);
  const lifecycle = new RingConsumer(boot.rings.lifecycle);
  /** By connection: its device, and its fence once it has one. */
  const devices = new Map<number, string>();
  const fences = new Map<number, number>();
  let conn = 0;
  const claim = (device: string): void => {
    devices.set(++conn, device);
    const origin = { address: "127.0.0.1", port: 1, clientInstance: "" };
    send(claims, {
      type: "claim",
      conn,
      device,
      deviceClass: "",
      transport: TCP,
      ...origin,
      tls: "",
      at: platform.clock.wall(),
      dialled: false,
    });
  };
  const close = (which: number): void => {
    const lastByteAt = platform.clock.wall();
    const [device, fence] = [devices.get(which)!, fences.get(which)!];
    send(claims, { type: "close", conn: which, device, fence, position: 0, reason: CLOSED, lastByteAt });
    devices.delete(which);
    fences.delete(which);
  };
  const round = (): void => {
    claims.publish();
    desk.round();
    while (lifecycle.next()) receive(lifecycle);
    lifecycle.release();
    board.setCommandsKept(lifecycle.end);
    while (decisions.next()) {
      const message = receive(decisions);
      if (message.type === "decided") fences.set(message.conn, message.fence);
      else if (message.type === "evict") close(message.conn);
    }
    decisions.release();
  };
  takeTurns((turn) => {
    const first = (Math.floor(turn / NEW_TURNS) * DEVICES) % MOST_DEVICES;
    for (let i = 0; i < DEVICES; i++) claim(imeiOf(first + i));
    round();
    if (turn % TAKEOVER_TURNS === 0) claim(imeiOf(first));
    round();
    for (const which of fences.keys()) close(which);
    round();
  });
}
