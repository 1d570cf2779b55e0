/**
 * The configurations of the registry thread: the book between http threads that put and report, and the journal that keeps; and the
 * carrier, whose commands bring what is pending to trackers. What finds no room in a ring is tried again in the next round. Nothing
 * is answered, and nothing carried, before its row is on the disk.
 */
import { asDeviceId, type DeviceId } from "../../base/brand.ts";
import { Deque } from "../../base/deque.ts";
import { ConfigBook, type ConfigBookLimits, type ConfigChange } from "../../config_push/book.ts";
import { type Carried, Carrier, type CarrierLimits } from "../../config_push/carrier.ts";
import { isParameters } from "../../config_push/parameters.ts";
import type { Effect } from "../../registry/effect.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import { isAlive, newestAlive, type Owner } from "../../registry/owner.ts";
import { distance } from "../../ring/layout.ts";
import { slot } from "../../telemetry/slots.ts";
import { DrainPhase } from "../../wire/board.ts";
import { CONFIG_STATES } from "../../wire/config_push.ts";
import { type MessageOf, MESSAGES, type Outcome, OUTCOMES, send, TRANSPORTS } from "../../wire/control.ts";
import type { Recovered } from "../boot.ts";
import type { CommandParts, OwnEnd, RegistryCommands } from "./commands.ts";

const SSE = TRANSPORTS.indexOf("sse");
/** Of a row: identity and reason at their longest. */
const NAMES = 64 + 256;
/** Devices that found no room for a command, looked at again in one round. */
const TURN = 64;

export class RegistryConfigs {
  readonly #at: CommandParts;
  readonly #commands: RegistryCommands;
  readonly #book: ConfigBook;
  readonly #carrier: Carrier;
  /** Told to the journal and not on disk yet, with the ring position after each. */
  readonly #unkept = new Deque<{ readonly position: number; readonly change: ConfigChange }>();
  /** On disk, and to be answered. */
  readonly #kept = new Deque<ConfigChange>();
  /** Found no room for a command. */
  readonly #stalled = new Set<DeviceId>();
  #seenEnds = 0;
  /** Streams that are to hear of a newer version. */
  readonly #untold = new Map<Owner, number>();
  readonly #states = CONFIG_STATES.map((state) => slot("berth_configs_total", state));

  constructor(parts: CommandParts, commands: RegistryCommands, limits: ConfigBookLimits & CarrierLimits, recovered: Recovered) {
    this.#at = parts;
    this.#commands = commands;
    this.#book = new ConfigBook(limits, isParameters);
    this.#carrier = new Carrier(limits);
    for (const row of recovered.configs) this.#book.restore({ ...row, device: asDeviceId(row.device) });
  }

  hasWork(): boolean {
    const first = this.#unkept.at(0);
    return first !== undefined && distance(this.#at.board.commandsKept(), first.position) >= 0;
  }

  /** Null: `flush` answers when the row is on disk. Else why not. */
  put({ request, device: id, value }: MessageOf<"configure">, ring: number): readonly [Outcome, string] | null {
    const device = this.#known(id);
    if (device === null) return ["unknown", ""];
    if (MESSAGES.configRow.sizeWith(NAMES + value.length) > this.#at.lifecycle.maxPayload) return ["refused", "too_long"];
    if (this.#stopping) return ["busy", ""];
    return this.#book.put(device, value, { ring, request }, this.#at.clock.wall()) === null ? ["busy", ""] : null;
  }

  /** The same. */
  report(message: MessageOf<"configReport">, ring: number): readonly [Outcome, string] | null {
    const { request, version, isApplied, fence, reason } = message;
    const device = this.#known(message.device);
    if (device === null) return ["unknown", ""];
    const owner = newestAlive(this.#at.state.owners.get(device) ?? null);
    if (fence !== 0 && owner !== null && owner.fence !== fence) return ["refused", "fence"];
    if (this.#stopping) return ["busy", ""];
    const done = this.#book.report({ device, version, isApplied, fence, reason }, { ring, request }, this.#at.clock.wall());
    switch (done) {
      case "accepted":
        return null;
      case "same":
        return ["done", String(version)];
      case "full":
        return ["busy", ""];
      case "unknown_version":
      case "stale":
        return ["refused", done];
    }
  }

  /** What the registry has just decided: a tracker that comes gets what is pending. */
  follow(effect: Effect): void {
    if (effect.type === "connected" || effect.type === "replaced") this.#carry(effect.owner.device);
  }

  /** Everything that can go on goes on. False: something is waiting for room in a ring. */
  flush(): boolean {
    this.#takeKept();
    this.#takeEnds();
    const told = this.#tell();
    return this.#reply() && this.#tellStreams() && told;
  }

  get #stopping(): boolean {
    return this.#at.board.phase() !== DrainPhase.running;
  }

  #known(id: string): DeviceId | null {
    const device = normaliseIdentity(id);
    return device !== null && this.#at.state.known.has(device) ? device : null;
  }

  #carry(device: DeviceId): void {
    const owner = newestAlive(this.#at.state.owners.get(device) ?? null);
    if (owner === null || owner.claim.transport === SSE || !this.#commands.mayWrite(owner) || this.#stopping || this.#carrier.has(device)) {
      return;
    }
    const pending = this.#book.carried(device);
    if (pending !== null) this.#next(device, this.#carrier.begin(device, pending.version, pending.value));
  }

  #next(device: DeviceId, next: Carried): void {
    switch (next.kind) {
      case "send":
        if (this.#commands.submitOwn(device, next.text)) return;
        this.#carrier.drop(device);
        this.#stalled.add(device);
        return;
      case "done": {
        const { version, isApplied, reason } = next;
        const fence = newestAlive(this.#at.state.owners.get(device) ?? null)?.fence ?? 0;
        this.#book.report({ device, version, isApplied, fence, reason }, null, this.#at.clock.wall());
        return;
      }
      case "again":
        return this.#carry(device);
      case "broken":
        return;
    }
  }

  #takeEnds(): void {
    const { ownEnds, ends } = this.#commands;
    for (let end = ownEnds.shift(); end !== undefined; end = ownEnds.shift()) this.#ended(end);
    if (ends === this.#seenEnds) return;
    this.#seenEnds = ends;
    // Where a command has ended there is room for another.
    let left = TURN;
    for (const device of this.#stalled) {
      this.#stalled.delete(device);
      this.#carry(device);
      if (--left === 0) break;
    }
  }

  #ended({ device, fence, ...end }: OwnEnd): void {
    const newest = this.#book.carried(device)?.version ?? 0;
    const next = this.#carrier.ended(device, end, newest);
    if (next === null) return;
    if (next.kind !== "broken") return this.#next(device, next);
    // Another connection may have come meanwhile.
    const owner = newestAlive(this.#at.state.owners.get(device) ?? null);
    if (owner !== null && owner.fence !== fence) this.#carry(device);
  }

  #takeKept(): void {
    const kept = this.#at.board.commandsKept();
    for (let first = this.#unkept.at(0); first !== undefined; first = this.#unkept.at(0)) {
      if (distance(kept, first.position) < 0) return;
      this.#unkept.shift();
      this.#book.kept();
      const { change } = first;
      if (change.waiter !== null) this.#kept.push(change);
      if (change.state !== "pending") continue;
      this.#carry(change.device);
      for (let owner = this.#at.state.owners.get(change.device) ?? null; owner !== null; owner = owner.older) {
        if (owner.claim.transport === SSE && isAlive(owner)) this.#untold.set(owner, change.version);
      }
    }
  }

  #tell(): boolean {
    const { lifecycle, room, counters } = this.#at;
    const { changes } = this.#book;
    for (let change = changes.at(0); change !== undefined; change = changes.at(0)) {
      const { device, version, state, fence, at, reason, value } = change;
      const index = CONFIG_STATES.indexOf(state);
      if (!send(lifecycle, { type: "configRow", device, version, state: index, fence, at, reason, value }, room.lifecycleReserve)) {
        return false;
      }
      changes.shift();
      counters.add(this.#states[index]!);
      this.#unkept.push({ position: lifecycle.position, change });
    }
    return true;
  }

  #tellStreams(): boolean {
    const { decisions, room } = this.#at;
    for (const [owner, version] of this.#untold) {
      const { ring, conn } = owner.claim;
      // A slot is used again under another number: who has gone hears nothing.
      if (!send(decisions[ring]!, { type: "configured", conn, version }, room.decisionsReserve(ring))) return false;
      this.#untold.delete(owner);
    }
    return true;
  }

  #reply(): boolean {
    for (let first = this.#kept.at(0); first !== undefined; first = this.#kept.at(0)) {
      const { ring, request } = first.waiter!;
      if (!this.#at.room.mayAnswer(ring)) return false;
      const outcome = OUTCOMES.indexOf("done");
      if (!send(this.#at.answers[ring]!, { type: "done", request, outcome, text: String(first.version) })) return false;
      this.#kept.shift();
    }
    return true;
  }
}
