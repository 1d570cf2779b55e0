/** The rehearsal of a codec worker: trackers log in, send, come and go; a registry that admits all, a journal that keeps all. */
import { encodeLogin } from "../../codec/encode.ts";
import type { Peer, Platform, Socket } from "../../platform/port.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import { Board, Gate } from "../../wire/board.ts";
import { DECISIONS, receive, send } from "../../wire/control.ts";
import type { Boot } from "../boot.ts";
import type { Connection } from "../codec/connection.ts";
import { codecContext } from "../codec/context.ts";
import { CodecWorker } from "../codec/worker.ts";
import { sampleFrames } from "./frames.ts";
import { DEVICES, imeiOf, rehearse, type Rehearsed, type TakeTurns } from "./world.ts";

const ADMIT = DECISIONS.indexOf("admit");
/** Frames of a connection; the next device then has its place. */
const LIFE_TURNS = 50;

/** A peer that takes everything it is sent. */
class OpenEar implements Socket {
  readonly peer: Peer = { address: "127.0.0.1", port: 1 };
  readonly fd = -1;
  write(bytes: Uint8Array): number {
    return bytes.length;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  reset(): void {}
}

export const rehearseCodec = (real: Boot, platform: Platform): Rehearsed | null =>
  rehearse(real, platform, "codec", (boot, takeTurns) => play(boot, platform, takeTurns));

function play(boot: Boot, platform: Platform, takeTurns: TakeTurns): void {
  const board = new Board(boot.board);
  board.setGate(Gate.open);
  const worker = new CodecWorker(codecContext(boot, { ...platform, tcpKernel: null }, { warn: () => {} }), false);
  const claims = new RingConsumer(boot.rings.claims[0]!);
  const frames = new RingConsumer(boot.rings.frames[0]!);
  const decisions = new RingProducer(boot.rings.decisions[0]!, new Bell(boot.bells, boot.thread));
  const samples = sampleFrames(platform.clock.wall());
  let fence = 0;
  const neighbours = (): void => {
    worker.publish();
    while (claims.next()) {
      const message = receive(claims);
      if (message.type !== "claim") continue;
      send(decisions, { type: "decided", conn: message.conn, decision: ADMIT, refusal: 0, fence: ++fence, retryAfterMs: 0 });
    }
    claims.release();
    decisions.publish();
    while (frames.next());
    frames.release();
    board.raiseSettled(0, frames.end);
    worker.turn();
  };
  const login = (index: number): Connection => {
    const connection = worker.open(new OpenEar())!;
    worker.data(connection, encodeLogin(imeiOf(index)));
    return connection;
  };
  const connections = Array.from({ length: DEVICES }, (_, i) => login(i));
  neighbours();
  takeTurns((turn) => {
    for (let i = 0; i < DEVICES; i++) worker.data(connections[i]!, samples[(turn + i) % samples.length]!);
    neighbours();
    if (turn % LIFE_TURNS !== 0) return;
    const one = (turn / LIFE_TURNS) % DEVICES;
    worker.close(connections[one]!, "closed");
    connections[one] = login(one);
    worker.tick();
    neighbours();
  });
}
