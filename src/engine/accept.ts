/**
 * The accept loop: takes connections from the kernel, turns away what must not come in, and passes each descriptor to the
 * codec worker with the fewest sockets. Owns the accept thread, which it blocks in poll for the listener and its bell at once.
 */
import { assert } from "../base/assert.ts";
import { faultPoints } from "../base/fault_point.ts";
import type { Discard } from "../platform/memory.ts";
import type { Acceptor, Peer, Platform } from "../platform/port.ts";
import { RingProducer } from "../ring/spsc.ts";
import { Bell } from "../ring/wait.ts";
import { Counters } from "../telemetry/counters.ts";
import { slot } from "../telemetry/slots.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import { send } from "../wire/control.ts";
import type { Boot, Report } from "./boot.ts";
import { Door } from "./source/door.ts";
import { passFault } from "./fault.ts";
import { Leftovers } from "./leftovers.ts";
import { socketOptions } from "./source/socket.ts";

/** Descriptors taken before the workers are told and the heartbeat moves. */
const BURST = 64;
/** Bytes an `adopt` message takes in a ring, about: to count the sockets still on their way. */
const ADOPT_BYTES = 40;
/** Pause while every worker's ring is full, or all sockets that may be are open. */
const FULL_PAUSE_MS = 2;

export function runAccept(boot: Boot, platform: Platform, report: (r: Report) => void): void {
  assert(platform.acceptor !== null, "this runtime cannot pass descriptors");
  const { tcp, limits } = boot.settings;
  const board = new Board(boot.board);
  const faults = faultPoints(boot.faults);
  board.setThreadId(boot.thread, platform.threadId());
  const acceptor = platform.acceptor(tcp.host, tcp.port, socketOptions(boot.settings));
  const bell = new Bell(boot.bells, boot.thread);
  bell.hangDoorbell(acceptor.doorbell);
  const isOver = (): boolean => board.phase() !== DrainPhase.running;
  const pause = (ms: number): void => void bell.waitBy(ms, isOver, (timeoutMs) => acceptor.pause(timeoutMs));
  const desk = new AcceptDesk(boot, platform, acceptor, pause, (text) => report({ type: "warning", text }));
  const leftovers = new Leftovers(platform, limits, (discard) => desk.giveBack(discard));
  const sleep = (timeoutMs: number): boolean => acceptor.poll(timeoutMs);
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready", port: acceptor.port });

  while (!isOver()) {
    board.beat(boot.thread);
    passFault(platform, faults, "accept.loop");
    if (desk.full()) pause(FULL_PAUSE_MS);
    else if (bell.waitBy(limits.idleWaitMs, isOver, sleep)) {
      desk.take();
      leftovers.worked();
    } else leftovers.idle();
  }
  acceptor.stop();
  waitForEnd(boot, board, bell, acceptor);
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}

/** The listener is closed; the rest of the shutdown is other threads' work. */
function waitForEnd(boot: Boot, board: Board, bell: Bell, acceptor: Acceptor): void {
  const { idleWaitMs } = boot.settings.limits;
  for (let phase = board.phase(); phase !== DrainPhase.end; phase = board.phase()) {
    board.beat(boot.thread);
    board.setPhaseDone(boot.thread, phase);
    bell.waitBy(idleWaitMs, () => board.phase() !== phase, (timeoutMs) => acceptor.pause(timeoutMs));
  }
}

class AcceptDesk {
  readonly #acceptor: Acceptor;
  /** Sleeps, whoever waits. */
  readonly #pause: (ms: number) => void;
  readonly #board: Board;
  readonly #door: Door;
  readonly #counters: Counters;
  readonly #rings: readonly RingProducer[];
  readonly #socketsMax: number;
  readonly #pauseMs: number;
  readonly #pauses = slot("berth_accept_pauses_total");
  readonly #ringFull = slot("berth_ring_full_total", "adopt");
  /** Where the search for the least busy worker starts: equals take turns. */
  #turn = 0;

  constructor(boot: Boot, platform: Platform, acceptor: Acceptor, pause: (ms: number) => void, warn: (text: string) => void) {
    this.#acceptor = acceptor;
    this.#pause = pause;
    this.#board = new Board(boot.board);
    this.#door = new Door(boot, platform.clock, boot.settings.tcp.proxy?.from ?? null, warn);
    this.#counters = new Counters(boot.counters, boot.thread);
    this.#rings = boot.rings.adopt.map((memory, worker) =>
      new RingProducer(memory, new Bell(boot.bells, boot.roster.codec[worker]!, platform.poke))
    );
    this.#socketsMax = boot.settings.limits.connections + boot.settings.limits.loginSockets;
    this.#pauseMs = boot.settings.limits.acceptPauseMs;
  }

  /** What the rings hold nothing in. */
  giveBack(discard: Discard): void {
    for (const ring of this.#rings) ring.giveBack(discard);
  }

  /** As many sockets as may be are open or on their way, or no ring has room: the kernel queues meanwhile. */
  full(): boolean {
    let sockets = 0;
    let room = false;
    for (let worker = 0; worker < this.#rings.length; worker++) {
      sockets += this.#load(worker);
      room ||= this.#hasRoom(worker);
    }
    if (!room) this.#counters.add(this.#ringFull);
    return sockets >= this.#socketsMax || !room;
  }

  /** Takes a burst of what waits and hands it on. */
  take(): void {
    for (let taken = 0; taken < BURST && !this.full(); taken++) {
      const next = this.#acceptor.accept();
      if (next === "empty") break;
      if (next === "descriptors_exhausted") {
        this.#counters.add(this.#pauses);
        this.#publish();
        this.#pause(this.#pauseMs);
        return;
      }
      if (!this.#door.admits(next.peer.address)) this.#acceptor.closeDescriptor(next.fd);
      else this.#pass(next.fd, next.peer);
      // One that comes alone need not wait until the kernel has said that there is no other.
      if (taken === 0) this.#publish();
    }
    this.#publish();
  }

  #pass(fd: number, { address, port }: Peer): void {
    const sent = send(this.#rings[this.#leastBusy()]!, { type: "adopt", fd, address, port });
    assert(sent, "an accept ring with room took no descriptor");
  }

  #publish(): void {
    for (const ring of this.#rings) ring.publish();
  }

  /** Sockets a worker holds, and those in its ring. */
  #load(worker: number): number {
    const ring = this.#rings[worker]!;
    return this.#board.sockets(worker) + (ring.capacity - ring.free()) / ADOPT_BYTES;
  }

  #hasRoom(worker: number): boolean {
    const ring = this.#rings[worker]!;
    return ring.free() >= ring.capacity / 4;
  }

  #leastBusy(): number {
    let best = -1;
    let bestLoad = Infinity;
    for (let i = 0; i < this.#rings.length; i++) {
      const worker = (this.#turn + i) % this.#rings.length;
      const load = this.#load(worker);
      if (load < bestLoad && this.#hasRoom(worker)) [best, bestLoad] = [worker, load];
    }
    this.#turn = (this.#turn + 1) % this.#rings.length;
    assert(best >= 0, "a descriptor was accepted while every ring was full");
    return best;
  }
}
