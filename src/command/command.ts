/** One command to one device, and what is told of it. Pure data, changed by the book alone; owned by the registry thread. */
import type { DeviceId } from "../base/brand.ts";
import type { CommandCodec, CommandState } from "../wire/command.ts";

export interface Submission {
  /** Chosen by who submits it; never seen before. */
  readonly id: string;
  readonly device: DeviceId;
  /** A second submission with the same key is the first one; "": none. */
  readonly key: string;
  readonly codec: CommandCodec;
  readonly text: string;
  /** Wall ms. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly timeoutMs: number;
}

/** Where a device's commands go: its newest connection. */
export interface Route {
  readonly fence: number;
  readonly ring: number;
  readonly conn: number;
  /** Datagrams, which no end of a connection stops: on the next one may come what was asked on this. */
  readonly isLoose: boolean;
}

/** Who waits to hear that a command is on disk. */
export interface Waiter {
  readonly ring: number;
  readonly request: number;
}

/**
 * waiting: in its device's queue. routing: its row says routed, and is on its way to the disk. ready: on disk, to be handed to
 * the worker. handed: the worker has it, and will say once what became of it. written: waits for its answer.
 */
export type Phase = "waiting" | "routing" | "ready" | "handed" | "written" | "ended";

export class Command {
  readonly submission: Submission;
  /** This process's number for it. */
  readonly no: number;
  state: CommandState = "queued";
  phase: Phase = "waiting";
  fence = 0;
  /** Of the route it was given. */
  isLoose = false;
  writtenAt = 0;
  endedAt = 0;
  response: string | null = null;
  reason: string | null = null;
  /** Its row is on disk. */
  kept = false;
  /** Connections that took it and went before it could be written. */
  attempts = 0;
  /** While handed: why its connection is gone, or null. */
  gone: string | null = null;
  /** Monotonic ms: of its time to live, and once written of its answer. */
  deadline: number;
  waiters: Waiter[] = [];

  constructor(submission: Submission, no: number, deadline: number) {
    this.submission = submission;
    this.no = no;
    this.deadline = deadline;
  }
}

/** A change of a command's row, in the order in which they came about. `isNew`: the row is made. */
export interface Change {
  readonly command: Command;
  readonly isNew: boolean;
  readonly state: CommandState;
  readonly fence: number;
  readonly at: number;
  readonly writtenAt: number;
  readonly endedAt: number;
  readonly response: string | null;
  readonly reason: string | null;
}

/** Mono ms for deadlines, wall ms for people. */
export interface Moment {
  readonly mono: number;
  readonly wall: number;
}

/** What became of a submission. `accepted`: `accepted` of the book names the waiter once its row is on disk. */
export type Submitted = "accepted" | "key_used" | "device_full" | "full";

/** `ended`: it was the answer. `late`: it came too late, or nobody waits for it; `id` names the command it is taken to answer. */
export type Answered = { readonly kind: "ended" } | { readonly kind: "late"; readonly id: string | null };
