/**
 * Commands that were given to devices on their own streams, and what the devices say of them. A request names the command it answers, so
 * that it is never taken for another's; it is answered when that is on disk. Owned by the registry thread.
 */
import { asDeviceId, type DeviceId } from "../../base/brand.ts";
import { toHex } from "../../base/bytes.ts";
import { Deque } from "../../base/deque.ts";
import type { CommandBook } from "../../command/book.ts";
import type { Change, Command, Moment, Waiter } from "../../command/command.ts";
import { isEnd, MessageType } from "../../wire/command.ts";
import type { MessageOf, Outcome } from "../../wire/control.ts";

type Said = MessageOf<"commandReport">;
type Refused = readonly [Outcome, string];
interface Report {
  readonly said: Said;
  readonly ring: number;
}

const NOT_GIVEN: Refused = ["refused", "not_given"];

export class StreamAnswers {
  readonly #book: CommandBook;
  readonly #mostBytes: number;
  readonly #tellLate: (late: MessageOf<"lateAnswer">) => void;
  /** The last one of each device that is on its stream. */
  readonly #given = new Map<DeviceId, Command>();
  /** Who waits to hear that an end is on disk, by the number of the command. */
  readonly #waiting = new Map<number, Waiter>();
  /**
   * Said before the stream's word that it is written, which comes by another ring; one of each command that is handed over, for
   * which that word always comes.
   */
  readonly #early = new Map<number, Report>();
  /** Who is told why not, in order. */
  readonly refusals = new Deque<{ readonly waiter: Waiter; readonly refused: Refused }>();

  constructor(book: CommandBook, mostBytes: number, tellLate: (late: MessageOf<"lateAnswer">) => void) {
    this.#book = book;
    this.#mostBytes = mostBytes;
    this.#tellLate = tellLate;
  }

  given(command: Command): void {
    this.#given.set(command.submission.device, command);
  }

  /** The connection `fence` is no more: what was given to it cannot be answered. */
  left(device: DeviceId, fence: number): void {
    if (this.#given.get(device)?.fence === fence) this.#given.delete(device);
  }

  /** Null: who asks is answered later, by the end on disk or by `refusals`. */
  report(device: DeviceId, said: Said, ring: number, now: Moment): Refused | null {
    const command = this.#given.get(device);
    if (command?.submission.id !== said.id) return NOT_GIVEN;
    if (said.fence !== 0 && said.fence !== command.fence) return ["refused", "fence"];
    if (new TextEncoder().encode(said.response).length > this.#mostBytes) return ["refused", "too_long"];
    if (command.phase !== "handed") return this.#end(command, said, ring, now);
    if (this.#early.has(command.no)) return ["busy", ""];
    this.#early.set(command.no, { said, ring });
    return null;
  }

  /** Its stream has said whether it was written, and the book has heard it. */
  done(no: number, now: Moment): void {
    const early = this.#early.get(no);
    if (early === undefined) return;
    this.#early.delete(no);
    const { said, ring } = early;
    const command = this.#given.get(asDeviceId(said.device));
    const refused = command?.no === no && command.phase === "written" ? this.#end(command, said, ring, now) : NOT_GIVEN;
    if (refused !== null) this.refusals.push({ waiter: { ring, request: said.request }, refused });
  }

  #end(command: Command, { isAnswered, response, request }: Said, ring: number, now: Moment): Refused | null {
    const { id, device, codec } = command.submission;
    this.#given.delete(device);
    this.#waiting.set(command.no, { ring, request });
    const answer = this.#book.answered(device, command.no, !isAnswered, response, now);
    if (answer.kind === "ended") return null;
    this.#waiting.delete(command.no);
    const messageType = isAnswered ? MessageType.response : MessageType.nack;
    const hex = toHex(new TextEncoder().encode(response));
    this.#tellLate({ type: "lateAnswer", device, fence: command.fence, at: now.wall, command: id, codec, messageType, hex });
    return ["refused", "late"];
  }

  /** A change is on disk. */
  kept({ command, state }: Change): void {
    const waiter = isEnd(state) ? this.#waiting.get(command.no) : undefined;
    if (waiter === undefined) return;
    this.#waiting.delete(command.no);
    this.#book.accepted.push({ waiter, id: command.submission.id });
  }
}
