/**
 * Datagrams in, answers out, and the order in which the parts get their turn. Owned by the udp thread.
 *
 *   datagram ─▶ packets ─▶ sender ─▶ UdpFrames ─▶ frames ring ─▶ (journal) ─▶ UdpFrames ─▶ answer
 *                            └─────▶ UdpClaims ─▶ claims ring ─▶ (registry) ─▶ UdpClaims ─▶ UdpCommands ─▶ command
 *
 * Everything that is not good is met with silence: nobody has proven who sent it.
 */
import { AvlColumns, Fault, parseAvl } from "../../codec/teltonika/avl.ts";
import { CodecKind, codecKind } from "../../codec/teltonika/codec_id.ts";
import { bareFrame, readPacket, type UdpPacket, wholeBeginning } from "../../codec/teltonika/udp.ts";
import type { Peer, UdpHandler, UdpSocket } from "../../platform/port.ts";
import { FRAME_FAULTS, type FrameFault } from "../../wire/frame_message.ts";
import { UdpClaims } from "./claims.ts";
import { UdpCommands } from "./commands.ts";
import type { UdpContext } from "./context.ts";
import { UdpFrames } from "./frames.ts";
import { UdpRate } from "./rate.ts";
import { type Arrival, type Sender, SenderStage } from "./sender.ts";

export class UdpWorker {
  readonly #at: UdpContext;
  readonly #claims: UdpClaims;
  readonly #commands: UdpCommands;
  readonly #frames: UdpFrames;
  readonly #rate: UdpRate;
  readonly #columns = new AvlColumns();
  #socket: UdpSocket | null = null;
  #taking = true;
  #publishing = false;
  /** Bytes that wait for the registry. */
  #heldBytes = 0;

  constructor(context: UdpContext) {
    this.#at = context;
    this.#rate = new UdpRate(context.limits.udpDatagramsPerSecondPerAddress);
    this.#claims = new UdpClaims(context, {
      admitted: (sender) => this.#release(sender, (arrival) => this.#frames.put(sender, arrival)),
      refused: (sender) => this.#refused(sender),
      command: (sender, command) => this.#commands.begin(sender, command),
      leaves: (sender) => this.#commands.leave(sender),
    });
    const socket = (): UdpSocket | null => this.#socket;
    this.#commands = new UdpCommands(context, this.#claims, socket);
    this.#frames = new UdpFrames(context, this.#commands, socket);
  }

  /** Where answers are sent from. */
  bound(socket: UdpSocket): void {
    this.#socket = socket;
  }

  readonly datagram: UdpHandler = (bytes, from) => {
    if (!this.#taking) return;
    const { clock, packets } = this.#at;
    const readAt = clock.mono();
    if (!this.#rate.admits(from.address, readAt)) return packets.count("rate");
    const receivedAt = clock.wall();
    const bare = this.#at.takesCommands ? bareFrame(bytes) : null;
    if (bare !== null) return this.#bare(bytes, bare, from, receivedAt, readAt);
    for (let at = 0; at < bytes.length;) {
      const packet = readPacket(bytes, at);
      // Where one packet cannot be told from the next nothing more can be read; what came before is good.
      if ("fault" in packet) return this.#malformed(from, packet.fault, packet.error);
      this.#packet(bytes, packet, from, receivedAt, readAt);
      at = packet.start + packet.length;
    }
    this.#publishSoon();
  };

  hasWork(): boolean {
    return this.#at.decisions.hasNext() || this.#frames.hasWork();
  }

  turn(): void {
    this.#claims.take();
    this.#frames.take();
    this.#commands.look(this.#at.clock.mono());
    this.#publish();
  }

  /** Looks at the deadlines, and brings the gauges up to date. */
  tick(): void {
    this.turn();
    const { wheel, clock, tally, packets, table, frames, claims } = this.#at;
    wheel.advance(clock.mono(), (slot) => this.#silent(table.at(slot)));
    packets.senders(table.count);
    tally.gauges(0, frames.capacity - frames.free(), claims.capacity - claims.free());
    this.#publish();
  }

  get sockets(): number {
    return this.#at.table.count;
  }

  /** Shutdown, in the order of its phases (codec/drain.ts): nothing new, */
  pause(): void {
    this.#taking = false;
    this.#commands.stop(this.#at.clock.mono());
    for (const sender of this.#at.table.all()) this.#release(sender, () => this.#at.packets.count("busy"));
  }
  /** every packet answered that was taken, */
  get quiet(): boolean {
    return this.#frames.waiting === 0;
  }
  /** the registry hears of every end to come. */
  farewell(): void {
    for (const sender of this.#at.table.all()) this.#claims.tellRegistry(sender, "shutdown");
    this.#publish();
  }
  endAll(): void {
    for (const sender of this.#at.table.all()) this.#claims.end(sender, "shutdown");
    this.#publish();
  }
  /** There is nothing a device could be told. */
  resetAll(): void {
    this.#socket?.close();
  }

  #packet(bytes: Uint8Array, packet: UdpPacket, from: Peer, receivedAt: number, readAt: number): void {
    const { limits, packets, tally } = this.#at;
    const { start, length, imei, packetId, type, avlPacketId } = packet;
    const codec = bytes[start]!;
    const isMessage = codecKind(codec) === CodecKind.command;
    if (isMessage && !this.#at.takesCommands) return packets.count("unsupported");
    if (length > limits.frameBytes) {
      tally.fault("too_long");
      return this.#malformed(from, "too_long", `length ${length} exceeds ${limits.frameBytes}`);
    }
    const common = { packetId, type, avlPacketId, from, receivedAt, readAt };
    if (isMessage) return this.#arrived(imei, { ...common, bytes, start, length, isPart: false });
    const fault = parseAvl(bytes, start, length, receivedAt + limits.futureMs, this.#columns);
    if (fault === Fault.none) return this.#arrived(imei, { ...common, bytes, start, length, isPart: false });
    const name = FRAME_FAULTS[fault] as Exclude<FrameFault, "none">;
    tally.fault(name);
    const part = wholeBeginning(bytes, start, fault, this.#columns);
    if (part !== null) return this.#arrived(imei, { ...common, bytes: part, start: 0, length: part.length, isPart: true });
    tally.frame(codec, "malformed");
    this.#malformed(from, name, `${name} in its ${length} bytes`);
  }

  /** A frame as TCP has it names no device: it is of who was asked something there. */
  #bare(bytes: Uint8Array, { start, length }: { start: number; length: number }, from: Peer, receivedAt: number, readAt: number): void {
    const { limits, packets } = this.#at;
    const asked = this.#commands.askedAt(from);
    if (asked === null) return packets.count("unsupported");
    if (length > limits.frameBytes) return this.#malformed(from, "too_long", `length ${length} exceeds ${limits.frameBytes}`);
    const nothing = { packetId: 0, type: 0, avlPacketId: 0, isPart: false };
    this.#arrived(asked.device, { ...nothing, from, receivedAt, readAt, bytes, start, length });
    this.#publishSoon();
  }

  #malformed({ address, port }: Peer, code: string, what: string): void {
    this.#at.packets.count("malformed");
    this.#at.warn({ code, address, port }, what.startsWith("Cannot") ? what : `Cannot parse datagram: ${what}; not answered`);
    this.#publishSoon();
  }

  #arrived(device: string, arrival: Arrival): void {
    const { address } = arrival.from;
    const { table, limits, packets, presence, wheel, refusals } = this.#at;
    const known = table.find(device, address);
    // Of who is refused again and again nobody is asked any more in this second.
    if (known === null && refusals.isFull(address, arrival.readAt)) return packets.count("rate");
    const sender = known ?? this.#newSender(device, arrival);
    if (sender === null || sender.held.length + sender.inFlight >= limits.udpHeldPackets) return packets.count("busy");
    sender.from = arrival.from;
    if (arrival.readAt - sender.heardAt > limits.udpReachMs) sender.backAt = arrival.readAt;
    sender.heardAt = arrival.readAt;
    const silentAt = arrival.readAt + limits.udpIdleMs;
    if (known === null) {
      presence.open(sender.id, arrival.receivedAt);
      wheel.arm(sender.slot, silentAt);
    } else {
      if (arrival.readAt - sender.firstAt >= limits.udpConfirmMs) table.stays(sender);
      sender.lastByteAt = arrival.receivedAt;
      presence.heard(sender.slot, arrival.receivedAt);
      wheel.putOff(sender.slot, silentAt);
    }
    if (sender.stage === SenderStage.open) return this.#frames.put(sender, arrival);
    this.#hold(sender, arrival);
  }

  /** Null when there is no place for it, nor anybody whose place it could have: anybody can send a datagram. */
  #newSender(device: string, { from, receivedAt, readAt }: Arrival): Sender | null {
    const { table, limits } = this.#at;
    const leaving = table.isFull ? table.leaving(readAt - limits.udpConfirmMs) : null;
    if (leaving !== null) this.#claims.end(leaving, "idle_timeout");
    return table.add(device, from, receivedAt, readAt);
  }

  /** Keeps a copy until the registry has decided. */
  #hold(sender: Sender, arrival: Arrival): void {
    const { limits, packets } = this.#at;
    const { bytes, start, length, from } = arrival;
    const fits = this.#heldBytes + length <= limits.udpHeldBytes;
    if (!fits || (sender.stage === SenderStage.beside && !this.#claims.claim(sender, from.port))) {
      packets.count("busy");
      return this.#dropIdle(sender);
    }
    this.#heldBytes += length;
    sender.held.push({ ...arrival, bytes: bytes.slice(start, start + length), start: 0 });
  }

  #release(sender: Sender, what: (arrival: Arrival) => void): void {
    const { held } = sender;
    sender.held = [];
    for (const arrival of held) {
      this.#heldBytes -= arrival.length;
      what(arrival);
    }
  }

  #refused(sender: Sender): void {
    this.#release(sender, () => this.#at.packets.count("refused"));
    this.#dropIdle(sender);
  }

  /** One that nothing waits for and that the registry does not know is not kept. */
  #dropIdle(sender: Sender): void {
    if (!sender.claimed && sender.inFlight === 0 && sender.held.length === 0) this.#claims.end(sender, "closed");
  }

  #silent(sender: Sender): void {
    // The journal still has to say what became of its packets: its slot is not for another one yet.
    if (sender.inFlight > 0 || sender.held.length > 0) {
      this.#at.wheel.arm(sender.slot, this.#at.clock.mono() + this.#at.limits.udpIdleMs);
    } else this.#claims.end(sender, "idle_timeout");
  }

  #publishSoon(): void {
    if (this.#publishing) return;
    this.#publishing = true;
    setImmediate(() => {
      this.#publishing = false;
      this.#publish();
    });
  }

  /** Frames first: a close names a position in their ring. */
  #publish(): void {
    this.#at.frames.publish();
    this.#at.claims.publish();
  }
}
