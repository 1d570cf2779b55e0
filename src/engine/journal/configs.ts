/** What the registry tells the journal of device configurations, turned into rows and events. Owned by the journal thread. */
import { asDeviceId, asFence } from "../../base/brand.ts";
import { ConfigTable } from "../../store/configs.ts";
import type { Journal } from "../../store/journal.ts";
import type { StoredConfig } from "../../store/port.ts";
import { CONFIG_STATES } from "../../wire/config_push.ts";
import type { MessageOf } from "../../wire/control.ts";

export class JournalConfigs {
  readonly #journal: Journal;
  readonly #table: ConfigTable;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#table = new ConfigTable(journal.db, journal.limits);
  }

  /** The newest of every device, for the registry. */
  kept(): StoredConfig[] {
    return this.#table.all();
  }

  row(m: MessageOf<"configRow">): void {
    // One that the command line or the configuration announces may not have come yet.
    const { device, isNew } = this.#journal.device(asDeviceId(m.device));
    const { version, fence, reason, value, at } = m;
    const state = CONFIG_STATES[m.state]!;
    // Without the value: it may hold what not everybody who follows the events is to know.
    const payload = { at, version, state, ...(reason === "" ? {} : { reason }) };
    const change = { kind: "config", row: { version, state, value, fence, reason } } as const;
    this.#journal.event("config", device, asFence(fence), at, payload, { makes: isNew, change });
  }
}
