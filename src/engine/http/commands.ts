/**
 * Commands as an http thread offers them: submitted to the registry, read from the store. A submission is answered when its row
 * is on the disk. Owned by an http thread.
 */
import type { Settings } from "../../config/settings.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import { MESSAGE_HEADER } from "../../ring/layout.ts";
import type { StoredCommand } from "../../store/port.ts";
import type { Board } from "../../wire/board.ts";
import { type CommandCodec, isEnd } from "../../wire/command.ts";
import { type MessageOf, MESSAGES, OUTCOMES } from "../../wire/control.ts";
import type { RegistryClient } from "./asks.ts";
import type { Busy } from "./busy.ts";
import type { ReaderClient } from "./queries.ts";

export interface CommandWish {
  readonly device: string;
  readonly text: string;
  readonly codec: CommandCodec;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  /** "": none. */
  readonly key: string;
}

export type CommandFound = { readonly kind: "command"; readonly command: StoredCommand | null } | Busy;
export type CommandsFound = { readonly kind: "commands"; readonly commands: readonly StoredCommand[] } | Busy;
/** `key_used`: for another command. `device_full`: too many of this device have not ended. `too_long`: for the rings. */
export type Submitted =
  | { readonly kind: "command"; readonly command: StoredCommand }
  | { readonly kind: "refused"; readonly why: string }
  | Busy;

/** `done`: on disk. `unknown_command`: of that device. `refused`: why. */
export type CommandReported =
  | { readonly kind: "done" }
  | { readonly kind: "unknown_command" }
  | { readonly kind: "refused"; readonly why: string }
  | Busy;

export interface HttpCommandParts {
  readonly settings: Settings;
  readonly board: Board;
  readonly readers: ReaderClient;
  readonly registry: RegistryClient;
  readonly wall: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

const TIME_DIGITS = 12;
const RANDOM_DIGITS = 8;

export class HttpCommands {
  readonly #parts: HttpCommandParts;

  constructor(parts: HttpCommandParts) {
    this.#parts = parts;
  }

  find(id: string): Promise<CommandFound> {
    return this.#read(id, "", "");
  }

  /** Newest first, those made before the one with id `before` ("": all). */
  async ofDevice(device: string, before: string, limit: number): Promise<CommandsFound> {
    const answer = await this.#parts.readers.ask({ type: "commands", device, before, limit });
    if (answer.kind === "busy") return answer;
    if (answer.kind !== "commands") throw new Error(`Cannot use an answer of kind ${answer.kind} to a commands query`);
    return { kind: "commands", commands: answer.rows.map((json) => JSON.parse(json) as StoredCommand) };
  }

  /** `busy`: it may be submitted all the same; the same idempotency key finds it then. */
  async submit(wish: CommandWish): Promise<Submitted> {
    if (this.#parts.board.storeFailure() !== "none") return { kind: "busy", reason: "commits fail: no command can be kept" };
    const { device, text, codec, ttlMs, timeoutMs, key } = wish;
    if (key !== "") {
      const earlier = await this.#read("", device, key);
      if (earlier.kind === "busy") return earlier;
      const { command } = earlier;
      if (command !== null) {
        return command.text === text && command.codec === codec ? { kind: "command", command } : { kind: "refused", why: "key_used" };
      }
    }
    const createdAt = this.#parts.wall();
    const submission = { id: this.#newId(createdAt), device, key, codec, text, createdAt, expiresAt: createdAt + ttlMs, timeoutMs };
    const most = this.#parts.settings.limits.controlRingBytes / 4 - MESSAGE_HEADER;
    if (MESSAGES.submit.size({ request: 0, ...submission }) > most) return { kind: "refused", why: "too_long" };
    const done = await this.#parts.registry.submit(submission);
    if (done === null) return { kind: "busy", reason: "the command was not kept in time" };
    const outcome = OUTCOMES[done.outcome]!;
    if (outcome === "busy") return { kind: "busy", reason: "too many commands are waiting, or the gateway is stopping" };
    if (outcome !== "done") return { kind: "refused", why: done.text };
    const found = await this.#read(done.text, "", "");
    if (found.kind === "busy") return found;
    return found.command === null
      ? { kind: "busy", reason: "the command has ended and is not kept any more" }
      : { kind: "command", command: found.command };
  }

  /** What a device says of a command it was given on its stream. Said again, it is done. */
  async report(report: Omit<MessageOf<"commandReport">, "type" | "request">): Promise<CommandReported> {
    const { registry, board } = this.#parts;
    if (board.storeFailure() !== "none") return { kind: "busy", reason: "commits fail: no answer can be kept" };
    const done = await registry.reportCommand(report);
    if (done === null) return { kind: "busy", reason: "the answer was not kept in time" };
    const outcome = OUTCOMES[done.outcome]!;
    if (outcome === "done") return { kind: "done" };
    if (outcome === "busy") return { kind: "busy", reason: "the command is on its way" };
    if (done.text !== "not_given") return { kind: "refused", why: done.text };
    const found = await this.#read(report.id, "", "");
    if (found.kind === "busy") return found;
    const { command } = found;
    if (command === null || command.device !== normaliseIdentity(report.device)) return { kind: "unknown_command" };
    const isSame = command.state === (report.isAnswered ? "answered" : "nacked") && command.response === report.response;
    return isSame ? { kind: "done" } : { kind: "refused", why: isEnd(command.state) ? "ended" : "not_given" };
  }

  /** By time, so that rows are found near each other. */
  #newId(at: number): string {
    const hex = (value: number, digits: number): string => Math.floor(value).toString(16).padStart(digits, "0");
    const { random } = this.#parts;
    return hex(at, TIME_DIGITS) + hex(random() * 2 ** 32, RANDOM_DIGITS) + hex(random() * 2 ** 32, RANDOM_DIGITS);
  }

  async #read(id: string, device: string, key: string): Promise<CommandFound> {
    const answer = await this.#parts.readers.ask({ type: "command", id, device, key });
    if (answer.kind === "busy") return answer;
    if (answer.kind !== "command") throw new Error(`Cannot use an answer of kind ${answer.kind} to a command query`);
    return { kind: "command", command: answer.json === null ? null : JSON.parse(answer.json) as StoredCommand };
  }
}
