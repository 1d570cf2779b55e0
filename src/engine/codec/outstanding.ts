/** A command as its connection has it, to be written or not answered yet, and what is its answer. Owned by the thread of the connection. */
import { type CommandMessage, decodeMessages } from "../../codec/teltonika/command.ts";
import { CODEC_14 } from "../../codec/teltonika/codec_id.ts";
import { MessageType } from "../../wire/command.ts";

export interface Outstanding {
  /** The registry's number for it. */
  readonly no: number;
  readonly codec: number;
  /** The whole TCP frame. */
  readonly frame: Uint8Array;
  /** Monotonic ms: when it came here, and when its time to live is over. */
  readonly since: number;
  readonly deadline: number;
  isWritten: boolean;
}

export interface AnswerFound {
  readonly message: CommandMessage;
  /** It came alone: nothing else in the frame is to be kept. */
  readonly isAlone: boolean;
}

/** The answer in the data field bytes[start .. start + length), or null: the protocol has no correlation id, so the next response is it. */
export function answerIn(command: Outstanding | null, bytes: Uint8Array, start: number, length: number): AnswerFound | null {
  if (command === null || !command.isWritten || bytes[start] !== command.codec) return null;
  const messages = decodeMessages(bytes, start, length);
  if ("fault" in messages) return null;
  const [message] = messages;
  if (message === undefined) return null;
  const isNack = message.type === MessageType.nack && command.codec === CODEC_14;
  return message.type === MessageType.response || isNack ? { message, isAlone: messages.length === 1 } : null;
}
