/**
 * The book of commands: the life of every one from its submission to its end. Pure: time is an argument; what is to be done is
 * taken out of `changes` (rows for the journal), `nextReady` (commands for the workers) and `accepted`. Registry thread.
 *
 *   waiting ─▶ routing ─(row on disk)─▶ ready ─▶ handed ─(the worker wrote it)─▶ written ─▶ answered | nacked
 *      ▲                                  │        │(connection gone before)        └─▶ unknown (timeout, connection gone)
 *      └──────────────────────────────────┴────────┘        waiting, handed ─▶ expired | failed
 *
 * That its bytes may leave is on disk before a worker hears of it; so after a crash a routed command is unknown and never
 * written again. A worker says exactly once of each command handed to it whether it wrote it.
 */
import { assert } from "../base/assert.ts";
import type { DeviceId } from "../base/brand.ts";
import { Deque } from "../base/deque.ts";
import type { Limits } from "../base/limits.ts";
import { type CommandState, isEnd } from "../wire/command.ts";
import { type Answered, type Change, Command, type Moment, type Route, type Submission, type Submitted, type Waiter } from "./command.ts";
import { ANY_FENCE, type DeviceQueue, DeviceQueues } from "./device_queue.ts";
import { CommandKeys } from "./keys.ts";

export type BookLimits = Pick<Limits, "commands" | "commandsPerDevice" | "commandAttempts" | "commandQuietMs" | "commandKeyMs">;

/** A reason of its own: the connection it was written to lives on. */
const TIMEOUT = "timeout";

export class CommandBook {
  /** Rows to be told to the journal, in order. Whoever takes one calls `kept` when it is on disk. */
  readonly changes = new Deque<Change>();
  /** Submissions whose row is on disk, and who waits to hear of it. */
  readonly accepted = new Deque<{ readonly waiter: Waiter; readonly id: string }>();
  readonly #limits: BookLimits;
  readonly #queues = new DeviceQueues();
  /** Commands that have not ended. */
  readonly #live = new Map<number, Command>();
  readonly #keys: CommandKeys;
  readonly #ready = new Deque<Command>();
  #last = 0;
  /** The gateway is stopping: nothing is given to a connection any more. */
  #stopped = false;
  /** No deadline is earlier. Monotonic ms. */
  nextDeadline = Number.POSITIVE_INFINITY;

  constructor(limits: BookLimits) {
    this.#limits = limits;
    this.#keys = new CommandKeys(limits.commandKeyMs);
  }

  /** There is nothing to do, and nothing will be due. */
  get isQuiet(): boolean {
    return this.#live.size + this.changes.length + this.accepted.length === 0 && this.nextDeadline === Number.POSITIVE_INFINITY;
  }

  knows(device: DeviceId): boolean {
    return this.#queues.get(device) !== undefined;
  }

  /** `route`: the device's newest connection, or null. */
  submit(submission: Submission, route: Route | null, waiter: Waiter, now: Moment): Submitted {
    const { device } = submission;
    const earlier = this.#keys.earlier(submission);
    if (earlier !== null) return earlier === "key_used" ? earlier : this.#join(earlier, waiter);
    if (this.#stopped) return "full";
    const queue = this.#queues.get(device);
    if (queue !== undefined && queue.length >= this.#limits.commandsPerDevice) return "device_full";
    const isFull = this.#live.size >= this.#limits.commands || this.#keys.size >= 2 * this.#limits.commands ||
      (queue === undefined && this.#queues.size >= 2 * this.#limits.commands);
    if (isFull) return "full";
    const command = this.#add(submission, route, now);
    command.waiters.push(waiter);
    this.#change(command, now, true);
    this.#advance(this.#queues.get(device)!, now);
    return "accepted";
  }

  /** A command of an earlier process that is queued on disk. */
  restore(submission: Submission, now: Moment): void {
    this.#add(submission, null, now).kept = true;
  }

  /** One whose answer may still come, of an earlier process: it is waited for on datagrams. */
  lost(device: DeviceId, id: string, now: Moment): void {
    this.#taint(this.#queues.open(device, null), 0, id, ANY_FENCE, now);
  }

  /** The device's newest connection is another one now. The one before it may live on (multi(n)). */
  opened(device: DeviceId, route: Route, now: Moment): void {
    const queue = this.#queues.get(device);
    if (queue === undefined) return;
    queue.route = route;
    if (!route.isLoose) queue.untaint((taint) => taint.fence === ANY_FENCE);
    this.#advance(queue, now);
  }

  /** The connection `fence` has left or is being closed. `next`: the device's newest one from now on, or null. */
  left(device: DeviceId, fence: number, reason: string, next: Route | null, now: Moment): void {
    const queue = this.#queues.get(device);
    if (queue === undefined) return;
    queue.untaint((taint) => taint.fence === fence);
    if (queue.route?.fence === fence) queue.route = next;
    const { current } = queue;
    if (current !== null && current.fence === fence) {
      if (current.phase === "written") this.#lose(current, reason, now);
      else if (current.phase === "handed") current.gone ??= reason;
    }
    this.#advance(queue, now);
  }

  /** A change is on disk. */
  kept(change: Change, now: Moment): void {
    const { command } = change;
    if (change.isNew) {
      command.kept = true;
      for (const waiter of command.waiters) this.accepted.push({ waiter, id: command.submission.id });
      command.waiters = [];
    }
    if (command.phase !== "routing" || change.state !== "routed") return;
    if (this.#stopped) return this.#requeue(this.#queues.of(command), command, now);
    command.phase = "ready";
    this.#ready.push(command);
    this.nextDeadline = Math.min(this.nextDeadline, command.deadline);
  }

  /** The next command a worker may be given, under its fence; it stays the next one until it is `handed`. */
  nextReady(now: Moment): { readonly command: Command; readonly route: Route } | null {
    for (let command = this.#ready.at(0); command !== undefined; command = this.#ready.at(0)) {
      const queue = this.#queues.of(command);
      if (command.phase === "ready") {
        if (now.mono >= command.deadline) this.#end(command, "expired", "ttl", now);
        else if (queue.route?.fence === command.fence) return { command, route: queue.route };
        else this.#requeue(queue, command, now);
      }
      this.#ready.shift();
    }
    return null;
  }

  /** The worker has been sent what `nextReady` gave. */
  handed(command: Command): void {
    assert(command.phase === "ready" && this.#ready.at(0) === command, `command ${command.no} was not the next one`);
    this.#ready.shift();
    command.phase = "handed";
  }

  /** The worker's word: the bytes have left. Another thread's word that its connection is gone may come sooner. */
  wasWritten(no: number, now: Moment): void {
    const command = this.#live.get(no);
    if (command?.phase !== "handed") return;
    command.phase = "written";
    command.state = "written";
    command.writtenAt = now.wall;
    command.deadline = now.mono + command.submission.timeoutMs;
    this.nextDeadline = Math.min(this.nextDeadline, command.deadline);
    this.#change(command, now, false);
    if (command.gone !== null) this.#lose(command, command.gone, now);
  }

  /** The worker's word: not one byte has left, and none will. */
  wasNotWritten(no: number, now: Moment): void {
    const command = this.#live.get(no);
    if (command?.phase !== "handed") return;
    if (!this.#stopped) command.attempts++;
    if (now.mono >= command.deadline) this.#end(command, "expired", "ttl", now);
    else if (command.attempts >= this.#limits.commandAttempts) this.#end(command, "failed", "attempts", now);
    else this.#requeue(this.#queues.of(command), command, now);
  }

  /** An answer came on the connection the command was written to. */
  answered(device: DeviceId, no: number, isNack: boolean, response: string | null, now: Moment): Answered {
    const command = this.#live.get(no);
    if (command?.phase === "written") {
      command.response = response;
      this.#end(command, isNack ? "nacked" : "answered", null, now);
      return { kind: "ended" };
    }
    const queue = this.#queues.get(device);
    const late = queue?.untaint((taint) => taint.no === no) ?? null;
    if (queue !== undefined && late !== null) this.#advance(queue, now);
    return { kind: "late", id: late?.id ?? null };
  }

  /** The gateway stops: what has not been handed over is queued again, for the next start. Idempotent. */
  stop(now: Moment): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (let command = this.#ready.shift(); command !== undefined; command = this.#ready.shift()) {
      if (command.phase === "ready") this.#requeue(this.#queues.of(command), command, now);
    }
  }

  /** Looks at the deadlines. */
  tick(now: Moment): void {
    if (now.mono < this.nextDeadline) return;
    for (const command of this.#live.values()) {
      if (now.mono < command.deadline) continue;
      if (command.phase === "waiting" || command.phase === "ready") this.#end(command, "expired", "ttl", now);
      else if (command.phase === "written") this.#lose(command, TIMEOUT, now);
    }
    for (const queue of this.#queues.cleanAt(now.mono)) {
      queue.untaint(({ until }) => until <= now.mono);
      this.#advance(queue, now);
    }
    this.#keys.forget(now.mono);
    this.#aim(now);
  }

  #add(submission: Submission, route: Route | null, now: Moment): Command {
    // Never longer than it was given: the clock may have been set back since, while the gateway was down.
    const deadline = now.mono + submission.expiresAt - Math.max(now.wall, submission.createdAt);
    const command = new Command(submission, ++this.#last, deadline);
    this.#queues.open(submission.device, route).waiting.push(command);
    this.#live.set(command.no, command);
    this.#keys.add(command);
    this.nextDeadline = Math.min(this.nextDeadline, deadline);
    return command;
  }

  #join(command: Command, waiter: Waiter): Submitted {
    if (command.kept) this.accepted.push({ waiter, id: command.submission.id });
    else if (command.waiters.length >= this.#limits.commandsPerDevice) return "full";
    else command.waiters.push(waiter);
    return "accepted";
  }

  /** Routes the next waiting command, when nothing is outstanding. Forgets a device without any. */
  #advance(queue: DeviceQueue, now: Moment): void {
    for (let route = queue.clean; !this.#stopped && queue.current === null && route !== null; route = queue.clean) {
      const command = queue.waiting[0];
      if (command === undefined) break;
      if (now.mono >= command.deadline) {
        this.#end(command, "expired", "ttl", now);
        continue;
      }
      queue.waiting.shift();
      queue.current = command;
      command.phase = "routing";
      command.state = "routed";
      command.fence = route.fence;
      command.isLoose = route.isLoose;
      this.#change(command, now, false);
    }
    this.#queues.forgetIdle(queue);
  }

  /** Back to the front of its queue: nothing of it has been written. */
  #requeue(queue: DeviceQueue, command: Command, now: Moment): void {
    queue.current = null;
    queue.waiting.unshift(command);
    command.phase = "waiting";
    command.state = "queued";
    command.fence = 0;
    command.gone = null;
    this.#change(command, now, false);
    this.nextDeadline = Math.min(this.nextDeadline, command.deadline);
    this.#advance(queue, now);
  }

  /** Written, and without an answer so far. Tainted before its end, so that the next one is not routed. */
  #lose(command: Command, reason: string, now: Moment): void {
    const { no, submission: { id }, fence, isLoose } = command;
    // No answer comes on a connection that is gone; datagrams have none.
    if (isLoose || reason === TIMEOUT) this.#taint(this.#queues.of(command), no, id, isLoose ? ANY_FENCE : fence, now);
    this.#end(command, "unknown", reason, now);
  }

  #taint(queue: DeviceQueue, no: number, id: string, fence: number, now: Moment): void {
    const until = now.mono + this.#limits.commandQuietMs;
    queue.taint({ no, id, fence, until });
    this.nextDeadline = Math.min(this.nextDeadline, until);
  }

  #end(command: Command, state: CommandState, reason: string | null, now: Moment): void {
    assert(isEnd(state) && command.phase !== "ended", `command ${command.no} cannot end twice`);
    const queue = this.#queues.of(command);
    command.phase = "ended";
    command.state = state;
    command.reason = reason;
    command.endedAt = now.wall;
    this.#live.delete(command.no);
    this.#keys.ended(command, now.mono);
    this.nextDeadline = Math.min(this.nextDeadline, this.#keys.nextDeadline);
    if (queue.current === command) queue.current = null;
    else queue.waiting.splice(queue.waiting.indexOf(command), 1);
    this.#change(command, now, false);
    this.#advance(queue, now);
  }

  #change(command: Command, now: Moment, isNew: boolean): void {
    const { state, fence, writtenAt, endedAt, response, reason } = command;
    this.changes.push({ command, isNew, state, fence, at: now.wall, writtenAt, endedAt, response, reason });
  }

  #aim(now: Moment): void {
    let next = Math.min(this.#keys.nextDeadline, this.#queues.nextClean);
    for (const command of this.#live.values()) {
      // One that is on its way is looked at when it comes back.
      if (command.phase !== "routing" && command.phase !== "handed") next = Math.min(next, command.deadline);
    }
    this.nextDeadline = Math.max(next, now.mono);
  }
}
