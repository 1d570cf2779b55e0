/**
 * The rows beside the journal's events: takeovers with old and new side by side, and identity conflicts. Written by the
 * journal inside the transaction of the event they belong to, so they outlive whatever the event outlives; read by readers.
 */
import type { Limits } from "../base/limits.ts";
import type { Database, Statement } from "../platform/port.ts";
import { type CommandRow, CommandTable } from "./commands.ts";
import { type ConfigRow, ConfigTable } from "./configs.ts";
import type { StoredConflict } from "./port.ts";

export type HistoryChange =
  /** Of the event it goes with. `oldFence` names the connection that lost the device. */
  | { readonly kind: "takeover"; readonly oldFence: number; readonly row: object }
  /** What is known later of the connection that lost it: joins the row's own evidence. */
  | { readonly kind: "evidence"; readonly oldFence: number; readonly evidence: object }
  /** Of the event it goes with. */
  | { readonly kind: "conflict"; readonly row: object }
  /** Someone knows of the conflict whose event has this seq. The first one counts. */
  | { readonly kind: "acknowledged"; readonly conflict: number }
  /** Of the event it goes with. */
  | { readonly kind: "command"; readonly row: CommandRow }
  /** Of the event it goes with. */
  | { readonly kind: "config"; readonly row: ConfigRow };

export type HistoryLimits = Pick<Limits, "takeoversPerDevice" | "conflictsKept" | "commandsKept" | "configVersions">;

export class HistoryTable {
  readonly #limits: HistoryLimits;
  readonly #takeover: Statement;
  readonly #trimTakeovers: Statement;
  readonly #evidence: Statement;
  readonly #conflict: Statement;
  readonly #trimConflicts: Statement;
  readonly #acknowledged: Statement;
  readonly #commands: CommandTable;
  readonly #configs: ConfigTable;

  constructor(db: Database, limits: HistoryLimits) {
    this.#limits = limits;
    this.#commands = new CommandTable(db, limits);
    this.#configs = new ConfigTable(db, limits);
    this.#takeover = db.prepare("INSERT INTO takeover (seq, device, at, old_fence, json) VALUES (?, ?, ?, ?, ?)");
    this.#trimTakeovers = db.prepare(
      `DELETE FROM takeover WHERE device = ? AND old_fence <=
        (SELECT old_fence FROM takeover WHERE device = ? ORDER BY old_fence DESC LIMIT 1 OFFSET ?)`,
    );
    this.#evidence = db.prepare("UPDATE takeover SET evidence = ? WHERE device = ? AND old_fence = ?");
    this.#conflict = db.prepare("INSERT INTO conflict (seq, device, at, json) VALUES (?, ?, ?, ?)");
    this.#trimConflicts = db.prepare("DELETE FROM conflict WHERE seq <= (SELECT seq FROM conflict ORDER BY seq DESC LIMIT 1 OFFSET ?)");
    this.#acknowledged = db.prepare("UPDATE conflict SET acknowledged_at = ? WHERE seq = ? AND device = ? AND acknowledged_at IS NULL");
  }

  /** `seq`: of the event it goes with, 0 when it goes with none. */
  write(change: HistoryChange, seq: number, device: number, at: number): void {
    switch (change.kind) {
      case "takeover":
        this.#takeover.run(seq, device, at, change.oldFence, JSON.stringify(change.row));
        this.#trimTakeovers.run(device, device, this.#limits.takeoversPerDevice);
        return;
      case "evidence":
        this.#evidence.run(JSON.stringify(change.evidence), device, change.oldFence);
        return;
      case "conflict":
        this.#conflict.run(seq, device, at, JSON.stringify(change.row));
        this.#trimConflicts.run(this.#limits.conflictsKept);
        return;
      case "acknowledged":
        this.#acknowledged.run(at, change.conflict, device);
        return;
      case "command":
        this.#commands.write(change.row, seq, device);
        return;
      case "config":
        this.#configs.write(change.row, seq, device, at);
    }
  }
}

export class HistoryReader {
  readonly #takeovers: Statement;
  readonly #conflicts: Statement;

  constructor(db: Database) {
    this.#takeovers = db.prepare(
      `SELECT CASE WHEN evidence IS NULL THEN json ELSE json_patch(json, json_object('evidence', json(evidence))) END AS json
        FROM takeover WHERE device = ? AND seq <= ? ORDER BY old_fence DESC LIMIT ?`,
    );
    this.#conflicts = db.prepare(
      "SELECT seq, json, acknowledged_at FROM conflict WHERE seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?",
    );
  }

  /** JSON of the device's newest takeovers as of the seq `upTo`, newest first. */
  takeovers(device: number, upTo: number, limit: number): string[] {
    return this.#takeovers.all(device, upTo, limit).map((row) => String(row["json"]));
  }

  /** Newest first. */
  conflicts(from: number, to: number, limit: number): StoredConflict[] {
    return this.#conflicts.all(from, to, limit).map((row) => ({
      seq: Number(row["seq"]),
      json: String(row["json"]),
      acknowledgedAt: row["acknowledged_at"] === null ? null : Number(row["acknowledged_at"]),
    }));
  }
}
