/**
 * What the registry tells the journal of commands, turned into rows and events; and what becomes of them when the process
 * before this one died. Owned by the journal thread.
 */
import { asDeviceId, asFence } from "../../base/brand.ts";
import { CommandTable } from "../../store/commands.ts";
import type { Journal } from "../../store/journal.ts";
import type { StoredCommand } from "../../store/port.ts";
import { COMMAND_STATES, type CommandCodec } from "../../wire/command.ts";
import type { MessageOf } from "../../wire/control.ts";

export class JournalCommands {
  readonly #journal: Journal;
  readonly #table: CommandTable;
  /** Wall ms: when this process began. */
  #begunAt = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#table = new CommandTable(journal.db, journal.limits);
  }

  /** Those that wait on disk for their device, and those whose answer may still be on its way. */
  recovered(): StoredCommand[] {
    const queued = this.#table.live().filter(({ state }) => state === "queued");
    const { commandQuietMs, commands } = this.#journal.limits;
    return [...this.#table.lostSince(this.#begunAt - commandQuietMs, commands), ...queued];
  }

  /** What was given to a connection may have been written, and may have run: nobody will ever know. Returns how many. */
  restart(at: number): number {
    this.#begunAt = at;
    const lost = this.#table.live().filter(({ state }) => state !== "queued");
    for (const row of lost) this.#store({ ...row, state: "unknown", endedAt: at, reason: "restart" }, false, at);
    return lost.length;
  }

  row(m: MessageOf<"commandRow">): void {
    const timeOf = (at: number): number | null => at === 0 ? null : at;
    const row: Omit<StoredCommand, "seq"> = {
      id: m.id,
      device: m.device,
      key: m.key,
      codec: m.codec as CommandCodec,
      text: m.text,
      createdAt: m.createdAt,
      expiresAt: m.expiresAt,
      timeoutMs: m.timeoutMs,
      state: COMMAND_STATES[m.state]!,
      fence: timeOf(m.fence),
      writtenAt: timeOf(m.writtenAt),
      endedAt: timeOf(m.endedAt),
      response: m.hasResponse ? m.response : null,
      reason: m.reason === "" ? null : m.reason,
    };
    this.#store(row, m.isNew, m.at);
  }

  /** Said by the device, and no answer to anything that waits for one: an event of its own, as all that comes by itself. */
  late(m: MessageOf<"lateAnswer">): void {
    const device = this.#journal.ledger.byId(asDeviceId(m.device));
    // As with frames: nothing of a connection that has lost the device.
    if (device === undefined || m.fence < device.floor) return;
    const late = m.command === "" ? {} : { late: m.command };
    const payload = { at: m.at, unsolicited: true, codec: m.codec, type: m.messageType, payload: m.hex, ...late };
    this.#journal.event("command", device, asFence(m.fence), m.at, payload);
  }

  #store(row: Omit<StoredCommand, "seq">, isNew: boolean, at: number): void {
    // One that the configuration announces may not have come yet.
    const { device, isNew: makes } = this.#journal.device(asDeviceId(row.device));
    const { id, text, codec, state, fence, createdAt, writtenAt, endedAt, response, reason } = row;
    const payload = { at, id, text, codec, state, createdAt, writtenAt, endedAt, response, reason };
    const change = { kind: "command", row: { ...row, isNew } } as const;
    this.#journal.event("command", device, asFence(fence ?? 0), at, payload, { makes, change });
  }
}
