/**
 * Live subscribers by filter and format. In one tick each event is looked up by its device or channel, encoded once a form, and
 * collected for every group that wants it; then each subscriber of a group gets the same bytes. Pure; owned by an http thread.
 */
import type { Batch, EventRef, Form } from "./batch.ts";
import { type Filter, matches } from "./filter.ts";
import type { Subscriber } from "./subscriber.ts";

export class Group {
  readonly filter: Filter;
  readonly form: Form;
  readonly members = new Set<Subscriber>();
  parts: Uint8Array[] = [];
  bytes = 0;
  /** Highest seq collected. */
  last = 0;
  /** More events matched than one subscriber may have queued: collecting stopped after `last`. */
  cut = false;

  constructor(filter: Filter, form: Form) {
    this.filter = filter;
    this.form = form;
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
  readonly #anyChannel = new Set<Group>();
  readonly #byChannel = new Map<string, Set<Group>>();
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
    const { filter, format: { form } } = member;
    let group = this.#byKey.get(keyOf(member));
    if (group === undefined) {
      group = new Group(filter, form);
      this.#byKey.set(keyOf(member), group);
      if (filter.devices === null) this.#anyDevice.add(group);
      else for (const device of filter.devices) addTo(this.#byDevice, device, group);
      if (filter.channels === null) this.#anyChannel.add(group);
      else for (const channel of filter.channels) addTo(this.#byChannel, channel, group);
    }
    group.members.add(member);
  }

  remove(member: Subscriber): void {
    const group = this.#byKey.get(keyOf(member));
    if (group === undefined || !group.members.delete(member) || group.members.size > 0) return;
    this.#byKey.delete(keyOf(member));
    this.#anyDevice.delete(group);
    for (const device of group.filter.devices ?? []) removeFrom(this.#byDevice, device, group);
    this.#anyChannel.delete(group);
    for (const channel of group.filter.channels ?? []) removeFrom(this.#byChannel, channel, group);
  }

  /** Collects the events of a batch for the groups that want them. */
  collect(batch: Batch): void {
    if (this.empty) return;
    batch.each(batch.first, (event) => {
      const isMessage = event.channel !== "";
      for (const group of isMessage ? this.#anyChannel : this.#anyDevice) this.#offer(group, event);
      const groups = isMessage ? this.#byChannel.get(event.channel) : this.#byDevice.get(event.device);
      if (groups !== undefined) { for (const group of groups) this.#offer(group, event); }
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

  #offer(group: Group, event: EventRef): void {
    if (group.cut || !matches(group.filter, event.device, event.kind, event.channel)) return;
    const bytes = event.encoded(group.form);
    if (group.parts.length > 0 && (group.parts.length >= this.#maxEvents || group.bytes + bytes.length > this.#maxBytes)) {
      group.cut = true;
      return;
    }
    group.parts.push(bytes);
    group.bytes += bytes.length;
    group.last = event.seq;
    this.#touched.add(group);
  }
}

/** Same bytes for the same key. */
const keyOf = ({ filter, format }: Subscriber): string => `${format.form} ${filter.key}`;

function addTo(table: Map<string, Set<Group>>, name: string, group: Group): void {
  const groups = table.get(name);
  if (groups === undefined) table.set(name, new Set([group]));
  else groups.add(group);
}

function removeFrom(table: Map<string, Set<Group>>, name: string, group: Group): void {
  const groups = table.get(name);
  groups?.delete(group);
  if (groups?.size === 0) table.delete(name);
}
