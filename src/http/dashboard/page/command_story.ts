/**
 * The commands of one device, newest first: read when its page is opened, and then told by the stream. What has ended does not change.
 * Owned by the page.
 */
import type { Result } from "../../../base/result.ts";
import { plainFault } from "./raw_frames.ts";

export interface Command {
  readonly id: string;
  readonly text: string;
  readonly state: string;
  readonly createdAt: number;
  readonly writtenAt: number | null;
  readonly endedAt: number | null;
  readonly response: string | null;
  readonly reason: string | null;
}

export interface CommandPorts {
  getJson(path: string): Promise<Result<unknown, string>>;
  postJson(path: string, body: object): Promise<Result<unknown, string>>;
}

const PAGE = 10;

const STATES: Readonly<Record<string, string>> = {
  queued: "waits for the device",
  routed: "given to its connection",
  written: "waits for the answer",
  answered: "answered",
  nacked: "refused by the device",
  expired: "never sent: its time was over",
  failed: "never sent",
  unknown: "perhaps obeyed: no answer came",
};
export const stateWords = ({ state, reason }: Command): string => {
  const words = STATES[state] ?? state;
  return reason === null || state === "answered" ? words : `${words} (${reason.replaceAll("_", " ")})`;
};

const isEnded = (command: Command | undefined): boolean => command !== undefined && command.endedAt !== null;

export class CommandStory {
  readonly #ports: CommandPorts;
  readonly #changed: () => void;
  id: string | null = null;
  list: readonly Command[] = [];
  next: string | null = null;
  version = 0;
  #turn = 0;
  #wasRead = false;

  constructor(ports: CommandPorts, changed: () => void) {
    this.#ports = ports;
    this.#changed = changed;
  }

  open(id: string): void {
    this.close();
    this.id = id;
    void this.read();
  }

  close(): void {
    this.#turn++;
    this.id = null;
    this.list = [];
    this.next = null;
    this.#wasRead = false;
    this.#told();
  }

  /** The newest, or those made before the oldest that is shown. */
  async read(isOlder = false): Promise<void> {
    const turn = this.#turn;
    const after = isOlder ? this.next : null;
    const answer = await this.#ports.getJson(`${this.#path()}?limit=${PAGE}${after === null ? "" : `&after=${after}`}`);
    if (turn !== this.#turn || !answer.ok) return;
    const { commands, next } = answer.value as { readonly commands?: readonly Command[]; readonly next?: string | null };
    const read = commands ?? [];
    // What lies below what was read before is read already.
    if (isOlder || !this.#wasRead) this.next = next ?? null;
    this.#wasRead = true;
    this.#join(read);
  }

  event(kind: string, data: unknown): void {
    const one = data as Partial<Command> & { readonly device?: string };
    // What the device says unasked has no id.
    if (kind !== "command" || this.id === null || one.device !== this.id || one.id === undefined || one.state === undefined) return;
    this.#join([one as Command]);
  }

  /** Why it was not accepted, or null. */
  async send(text: string, codec: number): Promise<string | null> {
    const turn = this.#turn;
    const answer = await this.#ports.postJson(this.#path(), { text, codec });
    if (!answer.ok) return plainFault(answer.message);
    if (turn === this.#turn) this.#join([answer.value as Command]);
    return null;
  }

  #path(): string {
    return `/v1/devices/${encodeURIComponent(this.id ?? "")}/commands`;
  }

  /** An answer may be older than what the stream told meanwhile. */
  #join(commands: readonly Command[]): void {
    const byId = new Map(this.list.map((one) => [one.id, one]));
    for (const one of commands) if (!isEnded(byId.get(one.id))) byId.set(one.id, one);
    this.list = [...byId.values()].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
    this.#told();
  }

  #told(): void {
    this.version++;
    this.#changed();
  }
}
