/**
 * Which devices' records are marked as quarantined when they come: those that fight for an identity, and where unknown devices are
 * quarantined those nobody has listed. Owned by the journal thread.
 */
import { asDeviceId } from "../../base/brand.ts";
import type { Settings } from "../../config/settings.ts";
import type { Platform } from "../../platform/port.ts";
import type { Ledger, LedgerDevice } from "../../store/ledger.ts";
import { readAllowList } from "../allow_list.ts";
import { announced } from "../registry/policies.ts";

export class JournalMarks {
  readonly #ledger: Pick<Ledger, "byId" | "idOf">;
  /** Null: unknown devices are not quarantined. */
  readonly #listed: Set<string> | null;
  readonly #fought = new Set<string>();

  constructor(ledger: Pick<Ledger, "byId" | "idOf">, listed: Set<string> | null = null) {
    this.#ledger = ledger;
    this.#listed = listed;
  }

  /** It has a connection now, or something about it has changed. */
  mark(device: LedgerDevice): void {
    device.quarantined = false;
    // Of most gateways neither is so, and a name is made when it is asked for.
    if (this.#fought.size === 0 && this.#listed === null) return;
    const id = this.#ledger.idOf(device);
    device.quarantined = this.#fought.has(id) || (this.#listed !== null && !this.#listed.has(id));
  }

  /** It fights for its identity, by an action that quarantines, or does so no more. */
  fight(id: string, on: boolean): void {
    this.#change(this.#fought, id, on);
  }

  /** It was put on the allow list, or taken off. */
  list(id: string, on: boolean): void {
    if (this.#listed !== null) this.#change(this.#listed, id, on);
  }

  #change(set: Set<string>, id: string, on: boolean): void {
    if (on) set.add(id);
    else set.delete(id);
    const device = this.#ledger.byId(asDeviceId(id));
    if (device !== undefined) this.mark(device);
  }
}

/** The devices somebody has listed, by name or on the allow list; null: unknown devices are not quarantined. */
export function listedDevices(platform: Platform, settings: Settings): Set<string> | null {
  if (settings.unknownDevices !== "quarantine") return null;
  const list = readAllowList(platform, settings);
  // It could be read when the process began.
  if (!list.ok) throw new Error(list.message);
  const off = new Set(list.value.disallowed);
  return new Set([...list.value.allowed, ...announced(settings).filter((id) => !off.has(id))]);
}
