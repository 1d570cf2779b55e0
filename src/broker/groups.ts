/**
 * Live subscribers by filter. In one tick each event is looked up by its device, encoded once, and collected for every
 * group that wants it; then each subscriber of a group gets the same bytes. Pure; owned by an http thread.
 */
import type { Batch } from "./batch.ts";
import { type Filter, matches } from "./filter.ts";
import type { Subscriber } from "./subscriber.ts";

export class Group {
  readonly filter: Filter;
  readonly members = new Set<Subscriber>();
  parts: Uint8Array[] = [];
  bytes = 0;
  /** Highest seq collected. */
  last = 0;
  /** More events matched than one subscriber may have queued: collecting stopped after `last`. */
  cut = false;

  constructor(filter: Filter) {
    this.filter = filter;
  }

  clear(): void {
    this.parts = [];
    this.bytes = 0;
    this.cut = false;
  }
}

export class Groups {
  readonly #byKey = new Map<string, Group>();
  readonly #anyDevice = new Set<Group>();
  readonly #byDevice = new Map<string, Set<Group>>();
  readonly #touched = new Set<Group>();
  readonly #maxEvents: number;
  readonly #maxBytes: number;

  /** The bounds are those of one subscriber: no group collects more than one member could take. */
  constructor(maxEvents: number, maxBytes: number) {
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
  }

  get empty(): boolean {
    return this.#byKey.size === 0;
  }

  add(member: Subscriber): void {
    let group = this.#byKey.get(member.filter.key);
    if (group === undefined) {
      group = new Group(member.filter);
      this.#byKey.set(member.filter.key, group);
      if (member.filter.devices === null) this.#anyDevice.add(group);
      else for (const device of member.filter.devices) this.#of(device).add(group);
    }
    group.members.add(member);
  }

  remove(member: Subscriber): void {
    const group = this.#byKey.get(member.filter.key);
    if (group === undefined || !group.members.delete(member) || group.members.size > 0) return;
    this.#byKey.delete(member.filter.key);
    this.#anyDevice.delete(group);
    for (const device of member.filter.devices ?? []) {
      const groups = this.#byDevice.get(device);
      groups?.delete(group);
      if (groups?.size === 0) this.#byDevice.delete(device);
    }
  }

  /** Collects the events of a batch for the groups that want them. */
  collect(batch: Batch): void {
    if (this.empty) return;
    batch.each(batch.first, (event) => {
      for (const group of this.#anyDevice) this.#offer(group, event.device, event.kind, event.seq, event);
      const groups = this.#byDevice.get(event.device);
      if (groups !== undefined) { for (const group of groups) this.#offer(group, event.device, event.kind, event.seq, event); }
      return true;
    });
  }

  /** Ends the tick: calls back once for each group that collected something. */
  flush(deliver: (group: Group) => void): void {
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const group of touched) {
      deliver(group);
      group.clear();
    }
  }

  #offer(group: Group, device: string, kind: string, seq: number, event: { encoded(): Uint8Array }): void {
    if (group.cut || !matches(group.filter, device, kind)) return;
    const bytes = event.encoded();
    if (group.parts.length > 0 && (group.parts.length >= this.#maxEvents || group.bytes + bytes.length > this.#maxBytes)) {
      group.cut = true;
      return;
    }
    group.parts.push(bytes);
    group.bytes += bytes.length;
    group.last = seq;
    this.#touched.add(group);
  }

  #of(device: string): Set<Group> {
    let groups = this.#byDevice.get(device);
    if (groups === undefined) {
      groups = new Set();
      this.#byDevice.set(device, groups);
    }
    return groups;
  }
}
