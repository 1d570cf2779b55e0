/**
 * Commands that were given to devices on their own streams, and what the devices say of them. A request names the command it answers, so
 * that it is never taken for another's; it is answered when that is on disk. Owned by the registry thread.
 */
import type { DeviceId } from "../../base/brand.ts";
import { toHex } from "../../base/bytes.ts";
import type { CommandBook } from "../../command/book.ts";
import type { Change, Command, Moment, Waiter } from "../../command/command.ts";
import { isEnd, MessageType } from "../../wire/command.ts";
import type { MessageOf, Outcome } from "../../wire/control.ts";

type Said = MessageOf<"commandReport">;
type Refused = readonly [Outcome, string];

export class StreamAnswers {
  readonly #book: CommandBook;
  readonly #mostBytes: number;
  readonly #tellLate: (late: MessageOf<"lateAnswer">) => void;
  /** The last one of each device that is on its stream. */
  readonly #given = new Map<DeviceId, Command>();
  /** Who waits to hear that an end is on disk, by the number of the command. */
  readonly #waiting = new Map<number, Waiter>();

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

  /** Null: who asks is answered when it is on disk. */
  report(device: DeviceId, { id, fence, isAnswered, response, request }: Said, ring: number, now: Moment): Refused | null {
    const command = this.#given.get(device);
    if (command?.submission.id !== id) return ["refused", "not_given"];
    if (fence !== 0 && fence !== command.fence) return ["refused", "fence"];
    const bytes = new TextEncoder().encode(response);
    if (bytes.length > this.#mostBytes) return ["refused", "too_long"];
    // Its stream has not said yet that it is written.
    if (command.phase === "handed") return ["busy", ""];
    this.#given.delete(device);
    this.#waiting.set(command.no, { ring, request });
    const answer = this.#book.answered(device, command.no, !isAnswered, response, now);
    if (answer.kind === "ended") return null;
    this.#waiting.delete(command.no);
    const messageType = isAnswered ? MessageType.response : MessageType.nack;
    const { codec } = command.submission;
    this.#tellLate({ type: "lateAnswer", device, fence: command.fence, at: now.wall, command: id, codec, messageType, hex: toHex(bytes) });
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
