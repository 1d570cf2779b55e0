/**
 * What the framer finds, on its way: frames into the journal's ring and the FIFO, pings and faults into the counters.
 * Hot path: no garbage per frame. Owned by the codec worker; one for all its connections.
 */
import { type FrameSink, Next, type Violation, violationText } from "../../codec/framer.ts";
import { AvlColumns, Fault, parseAvl } from "../../codec/teltonika/avl.ts";
import { CodecKind, codecKind, codecName } from "../../codec/teltonika/codec_id.ts";
import {
  emptyFrameHeader,
  FRAME_FAULTS,
  type FrameFault,
  FrameKind,
  frameMessageBytes,
  writeFrame,
  writeRawFrame,
} from "../../wire/frame_message.ts";
import { send } from "../../wire/control.ts";
import type { CodecCommands } from "./commands.ts";
import type { CodecContext } from "./context.ts";
import type { Connection } from "./connection.ts";
import type { CodecLogin } from "./login.ts";
import { SentByConnection } from "./sent.ts";

/** `#reserve`: a message this long never fits. -1: not now. */
const TOO_LONG = -2;
const CRC_MISMATCH = FRAME_FAULTS.indexOf("crc_mismatch");

export class CodecFrames implements FrameSink<Connection> {
  readonly #at: CodecContext;
  readonly #login: CodecLogin;
  readonly #commands: CodecCommands;
  readonly #columns = new AvlColumns();
  readonly #header = emptyFrameHeader();
  /** Connections that were refused room, in the order they shall be offered it again. */
  waiting: Connection[] = [];
  /** When the bytes being read arrived: wall ms and, for durations, monotonic ms. */
  readAt = 0;
  readAtMono = 0;

  constructor(context: CodecContext, login: CodecLogin, commands: CodecCommands) {
    this.#at = context;
    this.#login = login;
    this.#commands = commands;
  }

  login(connection: Connection, imei: string): Next {
    return this.#login.claim(connection, imei, this.readAt);
  }

  frame(connection: Connection, bytes: Uint8Array, start: number, length: number): Next {
    const { fifo } = this.#at;
    if (fifo.full) return this.#wait(connection);
    const columns = this.#columns;
    const codec = bytes[start]!;
    if (codecKind(codec) === CodecKind.command) return this.#command(connection, bytes, start, length);
    const fault = parseAvl(bytes, start, length, this.readAt + this.#at.limits.futureMs, columns);
    if (fault !== Fault.none) return this.#undecodable(connection, fault, bytes, start, length);
    const message = this.#reserve(frameMessageBytes(length), FrameKind.frame);
    if (message < 0) return message === TOO_LONG ? this.#tooLong(connection, length) : this.#wait(connection);
    writeFrame(this.#at.frames, message, this.#header, connection.id, this.readAt, columns, bytes, start, length);
    if (columns.invalid > 0) this.#at.tally.invalidRecords(columns.invalid);
    this.#note(connection, bytes, start);
    return this.#committed(connection, columns.n, codec);
  }

  /** What the registry may need to know whose records these are. */
  #note(connection: Connection, bytes: Uint8Array, start: number): void {
    const isFirst = connection.sent === null;
    const sent = connection.sent ??= new SentByConnection();
    sent.frame(bytes, start, this.#columns, this.#at.limits);
    // Without room nothing is told.
    if (isFirst) send(this.#at.claims, sent.message(connection.device, connection.fence), this.#login.claimsReserve);
  }

  badCrc(connection: Connection, bytes: Uint8Array, start: number, length: number): Next {
    const codec = bytes[start]!;
    this.#at.tally.fault("crc_mismatch");
    this.#at.tally.frame(codec, "malformed");
    this.#at.warnings.about("crc_mismatch", connection, `Cannot accept frame: the CRC of its ${length} bytes does not match`);
    // Kept to look at if there is room; nobody waits for it.
    const message = this.#reserve(frameMessageBytes(length), FrameKind.badCrc);
    if (message >= 0) {
      this.#writeRaw(connection, message, CRC_MISMATCH, bytes, start, length);
      connection.position = this.#at.frames.commit();
      connection.keptBadFrame = true;
    }
    connection.wantsEnd = "bad_frame";
    return Next.stop;
  }

  ping(_connection: Connection, count: number): void {
    this.#at.tally.pings(count);
  }

  violation(connection: Connection, fault: Violation, offset: number, value: number): void {
    this.#at.tally.fault(fault);
    this.#at.warnings.about(fault, connection, violationText(fault, offset, value, this.#at.limits.frameBytes));
    if (fault === "bad_login") this.#login.failed(connection, "bad_login");
    else this.#at.tally.frame(0, "malformed");
    connection.wantsEnd = fault === "bad_login" ? "auth" : "bad_frame";
  }

  /** The answer to a command of ours, or kept as it came. */
  #command(connection: Connection, bytes: Uint8Array, start: number, length: number): Next {
    const response = this.#commands.response(connection, bytes, start, length);
    if (response === "wait") return this.#wait(connection);
    if (response === "kept") return this.#raw(connection, FrameKind.command, 0, bytes, start, length);
    this.#at.tally.frame(bytes[start]!, "unanswered");
    return Next.go;
  }

  #undecodable(connection: Connection, fault: number, bytes: Uint8Array, start: number, length: number): Next {
    const name = FRAME_FAULTS[fault] as Exclude<FrameFault, "none">;
    const next = this.#raw(connection, FrameKind.undecodable, fault, bytes, start, length);
    if (next === Next.again || next === Next.stop) return next;
    this.#at.tally.fault(name);
    const codec = codecName(bytes[start]!) === "other" ? `of codec ${bytes[start]!}` : `of codec ${codecName(bytes[start]!)}`;
    this.#at.warnings.about(name, connection, `Cannot decode frame ${codec}: ${name} in its ${length} bytes; kept raw, not acknowledged`);
    return next;
  }

  /** A frame whose data goes as it is. */
  #raw(connection: Connection, kind: FrameKind, fault: number, bytes: Uint8Array, start: number, length: number): Next {
    const message = this.#reserve(frameMessageBytes(length), kind);
    if (message < 0) return message === TOO_LONG ? this.#tooLong(connection, length) : this.#wait(connection);
    this.#writeRaw(connection, message, fault, bytes, start, length);
    // A kept command is not answered; another frame, if it is kept after all, with the count it declares.
    return this.#committed(connection, kind === FrameKind.command ? 0 : bytes[start + 1]!, bytes[start]!);
  }

  #writeRaw(connection: Connection, message: number, fault: number, bytes: Uint8Array, start: number, length: number): void {
    const from = { conn: connection.id, fault, receivedAt: this.readAt };
    writeRawFrame(this.#at.frames, message, this.#header, from, bytes, start, length);
  }

  /** Where the message goes, FULL or TOO_LONG. */
  #reserve(size: number, kind: FrameKind): number {
    const { frames } = this.#at;
    if (size > frames.maxPayload) return TOO_LONG;
    return frames.reserve(size, kind);
  }

  #committed(connection: Connection, count: number, codec: number): Next {
    const end = this.#at.frames.commit();
    connection.position = end;
    this.#at.fifo.push(end, connection.id, count, codec, this.readAtMono);
    const full = ++connection.unacked >= this.#at.limits.unackedFramesPerConnection;
    return full || this.#commands.wantsQuiet(connection, this.readAtMono) ? Next.pause : Next.go;
  }

  #wait(connection: Connection): Next {
    this.#at.tally.framesFull();
    if (!connection.waiting) {
      connection.waiting = true;
      this.waiting.push(connection);
    }
    return Next.again;
  }

  /** Valid, but more than the ring takes in one piece: only with rings made small. */
  #tooLong(connection: Connection, length: number): Next {
    this.violation(connection, "too_long", 4, length);
    return Next.stop;
  }
}
