/**
 * The broker of an http thread: takes committed batches, keeps the window, and moves every subscriber along in one loop,
 * whether it is months behind or up to date. It never waits for one: a subscriber that does not take what is queued
 * stops being fed, falls out of the window and reads pages when it comes back. Pure; the shell gives it time and pages.
 */
import { asMonoMs, asSeq, type MonoMs, type Seq } from "../base/brand.ts";
import type { Batch, Format } from "./batch.ts";
import { startAt } from "./cursor.ts";
import { fill, hasRoom, join, pageBatch, takePage, tellHole } from "./catch_up.ts";
import { type Group, Groups } from "./groups.ts";
import { PageLine } from "./page_line.ts";
import type { BrokerLimits, Page, PageWanted, Subscription, Tally } from "./port.ts";
import { Account, type DropCause, Subscriber } from "./subscriber.ts";
import { Window } from "./window.ts";

export class Broker {
  readonly #epoch: string;
  readonly #limits: BrokerLimits;
  readonly #format: Format;
  readonly #tally: Tally;
  readonly #window: Window;
  readonly #groups: Groups;
  readonly #subscribers = new Set<Subscriber>();
  readonly #catching = new Set<Subscriber>();
  readonly #line: PageLine;
  readonly #woken = new Set<Subscriber>();
  readonly #counts = { sse: 0, ws: 0 };
  #peak = 0;
  #oldest: Seq = asSeq(0);

  /** `next`: seq of the first event that will be published. `readers`: how many threads serve pages. `format`: unless a subscription has its own. */
  constructor(epoch: string, limits: BrokerLimits, readers: number, format: Format, tally: Tally, next: Seq) {
    this.#epoch = epoch;
    this.#limits = limits;
    this.#format = format;
    this.#tally = tally;
    this.#window = new Window(next, limits.windowEvents, limits.windowBytes, limits.windowMs);
    this.#groups = new Groups(limits.subscriberEvents, limits.subscriberBytes);
    this.#line = new PageLine(limits.pagesInFlight * readers);
  }

  /** Seq of the newest event published here. */
  get head(): Seq {
    return asSeq(this.#window.next - 1);
  }
  get count(): number {
    return this.#subscribers.size;
  }
  /** Subscribers that do not have everything published here queued yet. */
  get behind(): number {
    return this.#catching.size;
  }

  /** A new subscriber, or null when there are too many. `committed`: the word all threads share. */
  subscribe(wish: Subscription, committed: Seq, now: MonoMs): Subscriber | null {
    if (this.#subscribers.size >= this.#limits.subscribers) return null;
    const start = startAt(wish.cursor, this.#epoch, committed);
    const beatAt = asMonoMs(now + this.#limits.heartbeatMs);
    const { filter, format = this.#format, account = new Account(), isSuperseded = null } = wish;
    const subscriber = new Subscriber({ filter, format, account, isSuperseded }, start.position, beatAt, asMonoMs(now + wish.maxAgeMs));
    // What was committed when it came, published here or not: this thread may follow the journal from afar while nobody waits.
    const newest = asSeq(Math.max(committed, this.head));
    if (newest - start.position <= this.#limits.windowEvents) subscriber.wholeUpTo = newest;
    subscriber.queue(format.opening(wish.retryMs), 0, now);
    if (start.resync !== null) {
      subscriber.queue(format.resync(start.position, start.resync), 0, now);
      this.#tally.resync(start.resync);
    }
    this.#subscribers.add(subscriber);
    account.members.add(subscriber);
    this.#catching.add(subscriber);
    this.#count(subscriber, 1);
    this.#advance(subscriber, now);
    return subscriber;
  }

  /** The client went away: nothing of it is kept. */
  unsubscribe(subscriber: Subscriber): void {
    subscriber.state = "ended";
    subscriber.page = null;
    this.#catching.delete(subscriber);
    this.#groups.remove(subscriber);
    this.#woken.delete(subscriber);
    subscriber.account.members.delete(subscriber);
    this.#look(subscriber);
    if (this.#subscribers.delete(subscriber)) this.#count(subscriber, -1);
  }

  /** One tick's batches, in order and gapless. Live subscribers get each matching event; the others move on in `settle`. */
  publish(batches: readonly Batch[], now: MonoMs): void {
    const before = this.head;
    for (const batch of batches) {
      this.#window.push(batch, now);
      this.#groups.collect(batch);
    }
    this.#groups.flush((group) => this.#deliver(group, before, now));
  }

  /** This thread lost its place (the store forgot what it had not read): goes on at `next`. Subscribers find the gap. */
  restart(next: Seq): void {
    const before = this.head;
    for (const subscriber of this.#subscribers) if (subscriber.state === "live") this.#fallBack(subscriber, before);
    this.#window.restart(next);
  }

  /** Once per tick and at least once a second. `oldest`: seq of the oldest kept event. */
  settle(oldest: Seq, now: MonoMs): void {
    this.#oldest = oldest;
    this.#window.age(now);
    for (const subscriber of this.#catching) this.#advance(subscriber, now);
  }

  /** Heartbeats, ages and lags. Call a few times per heartbeat interval; after `settle`. */
  beat(now: MonoMs): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.state === "ended") continue;
      this.#look(subscriber);
      const cause = this.#dropCause(subscriber, now);
      if (cause !== null) this.end(subscriber, cause, now);
      else if (now >= subscriber.beatAt) {
        subscriber.beatAt = asMonoMs(now + this.#limits.heartbeatMs);
        // With bytes waiting the stream is no quiet one, and nothing may be queued without bound.
        if (!subscriber.idle) continue;
        const position = subscriber.state === "live" ? this.head : subscriber.heardUpTo;
        subscriber.lastId = Math.max(subscriber.lastId, position);
        subscriber.queue(subscriber.format.heartbeat(position), 0, now);
        this.#woken.add(subscriber);
      }
    }
  }

  /** Says `bye`. What is queued can still be taken; then `take` yields null and the shell closes the stream. */
  end(subscriber: Subscriber, cause: DropCause, now: MonoMs): void {
    if (subscriber.state === "ended") return;
    this.unsubscribe(subscriber);
    this.#tally.dropped(cause);
    subscriber.queue(subscriber.format.bye(cause), 0, now);
    this.#woken.add(subscriber);
  }

  endAll(cause: DropCause, now: MonoMs): void {
    for (const subscriber of this.#subscribers) this.end(subscriber, cause, now);
  }

  /** The next bytes for a subscriber: undefined when there are none now, null when it has ended. */
  take(subscriber: Subscriber, now: MonoMs): Uint8Array | null | undefined {
    if (subscriber.account.starved) this.#feed(subscriber.account, now);
    let chunk = subscriber.take(now);
    if (chunk === undefined && subscriber.state === "catching") {
      // Its client may have room now for what there was none for.
      this.#advance(subscriber, now);
      chunk = subscriber.take(now);
    }
    if (chunk === undefined) return subscriber.state === "ended" ? null : undefined;
    if (chunk.events > 0) this.#tally.sent(chunk.events);
    if (subscriber.state === "catching") this.#advance(subscriber, now);
    return chunk.bytes;
  }

  /** Subscribers that got something to take, or ended, since the last call. */
  takeWoken(): Subscriber[] {
    const woken = [...this.#woken];
    this.#woken.clear();
    return woken;
  }

  /** The next page to read, or null: none is wanted, or enough are under way. */
  nextPage(): PageWanted | null {
    const wanted = this.#line.next();
    if (wanted !== null) this.#tally.page();
    return wanted;
  }

  /** The answer to a page given out by `nextPage`. */
  pageArrived(subscriber: Subscriber, page: Page, now: MonoMs): void {
    this.#line.arrived(subscriber);
    if (subscriber.state !== "catching" || page.kind === "busy") return;
    if (page.kind === "behind") this.#gap(subscriber, page.oldest, now);
    else takePage(subscriber, page.batches, page.next);
    this.#advance(subscriber, now);
  }

  #count({ format: { transport } }: Subscriber, more: 1 | -1): void {
    this.#counts[transport] += more;
    this.#tally.subscribers(this.#counts[transport], transport);
  }

  #look({ account: { peak } }: Subscriber): void {
    if (peak <= this.#peak) return;
    this.#peak = peak;
    this.#tally.peak(peak);
  }

  #dropCause(subscriber: Subscriber, now: MonoMs): DropCause | null {
    // Who wants the latest may be behind for ever: it gets less.
    const behindAt = subscriber.isSuperseded === null ? subscriber.fellBehindAt : null;
    const since = Math.min(behindAt ?? Infinity, subscriber.stalledAt ?? Infinity);
    if (now - since > this.#limits.subscriberLagMs) return "slow";
    return now >= subscriber.endsAt ? "age" : null;
  }

  /** The same bytes for every member: written at once where the connection takes them, else queued. */
  #deliver(group: Group, before: Seq, now: MonoMs): void {
    const events = group.parts.length;
    const bytes = join(group.parts, group.bytes);
    let written = 0;
    for (const member of group.members) {
      if (!hasRoom(member, this.#limits, events, bytes.length)) {
        this.#fallBack(member, before);
        member.fellBehindAt = now;
        continue;
      }
      member.lastId = group.last;
      const { outlet } = member;
      if (outlet !== null && outlet.takes && member.idle) {
        written++;
        outlet.write(bytes);
      } else {
        member.queue(bytes, events, now);
        this.#woken.add(member);
      }
      // It may have gone while it was written to.
      if (!group.cut || member.state !== "live") continue;
      this.#fallBack(member, group.last);
      member.fellBehindAt = now;
    }
    if (written > 0) this.#tally.sent(written * events);
  }

  #fallBack(subscriber: Subscriber, position: number): void {
    this.#groups.remove(subscriber);
    subscriber.state = "catching";
    subscriber.position = position;
    subscriber.wholeUpTo = this.head;
    this.#catching.add(subscriber);
  }

  /** There may be room again for subscriptions that share the bounds of one client. */
  #feed(account: Account, now: MonoMs): void {
    account.starved = false;
    for (const member of account.members) if (member.state === "catching") this.#advance(member, now);
  }

  #goLive(subscriber: Subscriber): void {
    subscriber.state = "live";
    subscriber.page = null;
    subscriber.fellBehindAt = null;
    this.#catching.delete(subscriber);
    this.#groups.add(subscriber);
  }

  /** Moves one that is catching up as far as it can go now. */
  #advance(subscriber: Subscriber, now: MonoMs): void {
    while (subscriber.state === "catching" && !subscriber.paging) {
      if (!hasRoom(subscriber, this.#limits, 1, 1)) {
        subscriber.account.starved = true;
        return;
      }
      const from = subscriber.position + 1;
      const batch = pageBatch(subscriber) ?? this.#window.find(from);
      if (batch !== null) {
        if (fill(subscriber, batch, this.#limits, this.#tally, now)) this.#woken.add(subscriber);
        else if (subscriber.position < from) {
          subscriber.account.starved = true;
          return;
        }
      } else if (from === this.#window.next) {
        if (!this.#tellHole(subscriber, now)) return;
        this.#goLive(subscriber);
      } else if (from > this.#window.next) return;
      else if (from >= this.#oldest) this.#line.join(subscriber, this.#window.isNear(subscriber.position));
      else if (!this.#gap(subscriber, this.#oldest, now)) return;
    }
  }

  /** What it wanted next is kept no more: says so, and goes on with the oldest. `last + 1 == oldest` is no gap. False: there is no room now. */
  #gap(subscriber: Subscriber, oldest: Seq, now: MonoMs): boolean {
    const from = subscriber.position + 1;
    if (oldest <= from) return true;
    if (!this.#tellHole(subscriber, now)) return false;
    subscriber.page = null;
    subscriber.position = oldest - 1;
    subscriber.lastId = Math.max(subscriber.position, subscriber.lastId);
    subscriber.queue(subscriber.format.gap(subscriber.lastId, from, subscriber.position, "retention"), 0, now);
    this.#tally.gap("retention");
    this.#woken.add(subscriber);
    return true;
  }

  /** What was left out is told ahead of what comes after it. False: there is no room now. */
  #tellHole(subscriber: Subscriber, now: MonoMs): boolean {
    if (subscriber.hole === null) return true;
    this.#woken.add(subscriber);
    return tellHole(subscriber, subscriber.hole, this.#limits, this.#tally, now);
  }
}
