/**
 * Which devices' records are marked as quarantined when they come: those that fight for an identity, and where unknown devices are
 * quarantined those nobody has listed. Owned by the journal thread.
 */
import { asDeviceId, type DeviceNo } from "../../base/brand.ts";
import type { Settings } from "../../config/settings.ts";
import type { Platform } from "../../platform/port.ts";
import type { Ledger } from "../../store/ledger.ts";
import { readAllowList } from "../allow_list.ts";
import { announced } from "../registry/policies.ts";

export class JournalMarks {
  readonly #ledger: Ledger;
  /** Null: unknown devices are not quarantined. */
  readonly #listed: Set<string> | null;
  readonly #fought = new Set<string>();

  constructor(ledger: Ledger, listed: Set<string> | null = null) {
    this.#ledger = ledger;
    this.#listed = listed;
  }

  /** Of most gateways nobody is, and a name is made when it is asked for. */
  get #isAny(): boolean {
    return this.#fought.size > 0 || this.#listed !== null;
  }

  /** It has a connection now, or something about it has changed. */
  mark(no: DeviceNo): void {
    const id = this.#isAny ? this.#ledger.ids.name(no) : "";
    const isMarked = this.#isAny && (this.#fought.has(id) || (this.#listed !== null && !this.#listed.has(id)));
    if (isMarked || !this.#ledger.isPlain(no)) this.#ledger.byNo(no)!.quarantined = isMarked;
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
    const no = this.#ledger.numberOf(asDeviceId(id));
    if (no !== 0) this.mark(no);
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
