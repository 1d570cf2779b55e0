/**
 * What the registry tells the journal, turned into journal events, floors and rows of history. Owned by the journal
 * thread. Keeps which device and fence each connection of each worker has: what a frame is stored under.
 */
import { assertNever } from "../../base/assert.ts";
import { asDeviceId, asFence, type DeviceNo } from "../../base/brand.ts";
import type { Journal } from "../../store/journal.ts";
import {
  CONFLICT_ACTIONS,
  END_REASONS,
  type Message,
  type MessageOf,
  POLICIES,
  REFUSALS,
  TAKEOVER_CAUSES,
  TRANSPORTS,
  VERDICTS,
} from "../../wire/control.ts";
import type { Recovered } from "../boot.ts";
import { JournalCommands } from "./commands.ts";
import { JournalConfigs } from "./configs.ts";
import { type Connected, Connections } from "./connections.ts";
import { conflictPayload } from "./conflict.ts";
import { JournalMarks } from "./marks.ts";
import { originJson } from "./origin.ts";

/** Fences are `counter * 1024 + instance slot`. */
const SLOTS = 1024;

export class JournalEvents {
  /** Highest fence counter seen: how much of the reserved block is used. */
  usedFences = 0;
  readonly #commands: JournalCommands;
  readonly #configs: JournalConfigs;
  readonly #journal: Journal;
  readonly #marks: JournalMarks;
  readonly #connections: Connections;

  constructor(journal: Journal, rings: number, marks = new JournalMarks(journal.ledger)) {
    this.#journal = journal;
    this.#marks = marks;
    this.#commands = new JournalCommands(journal);
    this.#configs = new JournalConfigs(journal);
    this.#connections = new Connections(rings, journal.ledger);
  }

  /** The connection a frame names, or undefined when another one has its slot by now. Until the next call. */
  connection(ring: number, conn: number): Connected | undefined {
    return this.#connections.find(ring, conn);
  }

  /** Takes a message. A disconnect's frames must have been taken before. */
  take(message: Message): void {
    switch (message.type) {
      case "connected":
        return this.#connected(message);
      case "replaced":
        return this.#replaced(message);
      case "beside":
        return this.#beside(message);
      case "disconnected":
        return this.#disconnected(message);
      case "refusedMany":
        return this.#refused(message);
      case "raiseFloor":
        return this.#raiseFloor(message);
      case "conflict":
        return this.#conflict(message);
      case "evidence":
        return this.#evidence(message);
      case "conflictOver":
        return this.#marks.fight(message.device, false);
      case "listed":
        return this.#marks.list(message.device, message.on);
      case "acknowledged":
        return this.#acknowledged(message);
      case "commandRow":
        return this.#commands.row(message);
      case "lateAnswer":
        return this.#commands.late(message);
      case "configRow":
        return this.#configs.row(message);
      case "adopt":
      case "claim":
      case "close":
      case "decided":
      case "alongside":
      case "evict":
      case "probe":
      case "probed":
      case "sent":
      case "afterlife":
      case "ask":
      case "answer":
      case "order":
      case "done":
      case "submit":
      case "command":
      case "commandDone":
      case "commandAnswer":
      case "commandReport":
      case "configure":
      case "claimStream":
      case "configured":
      case "configReport":
      case "quarantineOrder":
      case "quarantineOrdered":
        return assertNever(message as never, "message for the journal");
      default:
        return assertNever(message, "message");
    }
  }

  /** Ends every connection that was open when the process before this one died. Returns how many commands that leaves unknown. */
  restart(at: number): number {
    for (const device of this.#journal.fold) {
      if (!device.connected) continue;
      const own = { no: device.no };
      const { lastByteAt, fence } = device;
      for (const older of device.older) {
        this.#journal.event("disconnected", own, asFence(older), at, { at, reason: "restart", lastByteAt, left: fence });
      }
      this.#journal.event("disconnected", own, fence, at, { at, reason: "restart", lastByteAt });
    }
    return this.#commands.restart(at);
  }

  /** What the other threads start from. */
  recovered(fenceBase: number): Recovered {
    const [commands, configs] = [this.#commands.recovered(), this.#configs.kept()];
    return { epoch: this.#journal.epoch, fenceBase, devices: [...this.#journal.ledger.ids.names()], commands, configs };
  }

  #connected(m: MessageOf<"connected">): void {
    const { ledger } = this.#journal;
    const known = ledger.numberOf(asDeviceId(m.device));
    const isNew = known === 0;
    const no = isNew ? ledger.addNext(asDeviceId(m.device)) : known;
    this.#open(m.ring, m.conn, no, m.fence, m.at);
    const payload = { at: m.at, id: m.device, transport: TRANSPORTS[m.transport], origin: originJson(m.address, m.port, m.clientInstance) };
    this.#journal.event("connected", { no }, asFence(m.fence), m.at, payload, { makes: isNew });
  }

  #replaced(m: MessageOf<"replaced">): void {
    const { device, isNew } = this.#journal.device(asDeviceId(m.device));
    const old = this.connection(m.oldRing, m.oldConn);
    const lastByteAt = Math.max(old?.lastByteAt ?? m.oldSince, m.oldLastByteAt);
    const records = old?.records ?? 0;
    this.#open(m.ring, m.conn, device.no, m.fence, m.at);
    const origin = originJson(m.address, m.port, m.clientInstance);
    const oldOrigin = originJson(m.oldAddress, m.oldPort, m.oldClientInstance);
    const policy = POLICIES[m.policy];
    const cause = TAKEOVER_CAUSES[m.cause];
    const durationMs = Math.max(0, m.at - m.oldSince);
    const oldKernel = m.oldLastAckAt === 0 ? null : { lastAckAt: m.oldLastAckAt, rttMs: m.oldRttUs / 1000, retransmits: m.oldRetransmits };
    const payload = {
      at: m.at,
      id: m.device,
      policy,
      cause,
      transport: TRANSPORTS[m.transport],
      origin,
      old: {
        fence: m.oldFence,
        transport: TRANSPORTS[m.oldTransport],
        origin: oldOrigin,
        since: m.oldSince,
        closing: m.oldClosing,
        lastByteAt,
        records,
      },
      evidence: { oldLastByteAt: lastByteAt, oldInFlight: m.oldInFlight, oldKernel },
      durationMs,
    };
    const row = {
      at: m.at,
      policy,
      reason: cause,
      old: { fence: m.oldFence, origin: oldOrigin, since: m.oldSince, lastByteAt, records },
      new: { fence: m.fence, origin },
      evidence: {
        oldClosing: m.oldClosing,
        oldLastByteAt: lastByteAt,
        oldInFlight: m.oldInFlight,
        silentMs: Math.max(0, m.at - lastByteAt),
        oldKernel,
      },
    };
    this.#journal.event("replaced", device, asFence(m.fence), m.at, payload, {
      makes: isNew,
      floor: m.floor,
      change: { kind: "takeover", oldFence: m.oldFence, row },
    });
  }

  #beside(m: MessageOf<"beside">): void {
    const device = this.#journal.ledger.byId(asDeviceId(m.device));
    if (device !== undefined) this.#open(m.ring, m.conn, device.no, m.fence, m.at, true);
  }

  #disconnected(m: MessageOf<"disconnected">): void {
    const no = this.#journal.ledger.numberOf(asDeviceId(m.device));
    if (no === 0) return;
    const left = m.left === 0 ? {} : { left: m.left };
    const payload = {
      at: m.at,
      id: m.device,
      reason: END_REASONS[m.reason],
      lastByteAt: m.lastByteAt,
      records: this.connection(m.ring, m.conn)?.records ?? 0,
      ...left,
    };
    this.#journal.event("disconnected", { no }, asFence(m.fence), m.at, payload);
    this.#connections.close(m.ring, m.conn);
  }

  /** A device the store does not know gets no number for being refused: a flood of made-up identities would fill it. */
  #refused(m: MessageOf<"refusedMany">): void {
    const device = this.#journal.ledger.byId(asDeviceId(m.device)) ?? null;
    const payload = {
      at: m.at,
      id: m.device,
      count: m.count,
      reason: REFUSALS[m.refusal],
      policy: POLICIES[m.policy],
      origin: originJson(m.address, m.port, ""),
    };
    this.#journal.event("refused", device, asFence(m.fence), m.at, payload);
  }

  #conflict(m: MessageOf<"conflict">): void {
    const device = this.#journal.ledger.byId(asDeviceId(m.device));
    if (device === undefined) return;
    if (CONFLICT_ACTIONS[m.action] === "quarantine") this.#marks.fight(m.device, true);
    const payload = conflictPayload(m);
    const row = { device: m.device, fence: m.fence, ...payload };
    this.#journal.event("conflict", device, asFence(m.fence), m.at, payload, { change: { kind: "conflict", row } });
  }

  /** About a takeover that was told before; a row that is gone by now is not missed. */
  #evidence(m: MessageOf<"evidence">): void {
    const device = this.#journal.ledger.byId(asDeviceId(m.device));
    if (device === undefined) return;
    const verdict = VERDICTS[m.verdict] ?? "none";
    const evidence = { answered: m.answered, bytesAfter: m.bytesAfter, verdict: verdict === "none" ? null : verdict };
    this.#journal.changeHistory(device, { kind: "evidence", oldFence: m.fence, evidence }, 0);
  }

  #acknowledged(m: MessageOf<"acknowledged">): void {
    const device = this.#journal.ledger.byId(asDeviceId(m.device));
    if (device !== undefined) this.#journal.changeHistory(device, { kind: "acknowledged", conflict: m.conflict }, m.at);
  }

  #raiseFloor(m: MessageOf<"raiseFloor">): void {
    const device = this.#journal.ledger.byId(asDeviceId(m.device));
    if (device !== undefined) this.#journal.raiseFloor(device, m.fence);
  }

  #open(ring: number, conn: number, no: DeviceNo, fence: number, at: number, isBeside = false): void {
    this.#marks.mark(no);
    this.#connections.open(ring, conn, no, fence, at, isBeside);
    this.usedFences = Math.max(this.usedFences, Math.floor(fence / SLOTS));
  }
}
