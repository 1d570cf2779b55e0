/**
 * What a trace proves. An acknowledgement is honest when its send follows a sync of the write-ahead log that began after
 * the last write of the commit which holds its frame. Needs nothing of Berth but the frames' record times: they are unique, and
 * stand as they are in the log's pages.
 */
import type { Call } from "./preload.ts";

/** A frame a tracker sent: over which of its own ports, and the times of its records (8-byte big-endian in the frame). */
export interface SentFrame {
  readonly port: number;
  readonly times: readonly number[];
}

/** An acknowledgement as the gateway sent it: its frame, and the index of the send that carried its first byte. */
export interface TracedAck {
  readonly frame: SentFrame;
  readonly call: number;
}

const ANSWER = 4;
const WAL_FRAME_HEADER = 24;

/** Pairs what the gateway sent on each connection (one login byte, then counts) with the frames, in order. */
export function tracedAcks(calls: readonly Call[], gatewayPort: number, frames: readonly SentFrame[]): TracedAck[] {
  const queues = new Map<number, SentFrame[]>();
  for (const frame of frames) queues.set(frame.port, [...(queues.get(frame.port) ?? []), frame]);
  const sentBytes = new Map<number, number>();
  const acks: TracedAck[] = [];
  calls.forEach((call, index) => {
    if (call.kind !== "send" || call.localPort !== gatewayPort) return;
    const before = sentBytes.get(call.peerPort) ?? 0;
    sentBytes.set(call.peerPort, before + call.data.length);
    for (let at = before; at < before + call.data.length; at++) {
      if (at === 0 || (at - 1) % ANSWER !== 0) continue;
      const frame = queues.get(call.peerPort)?.shift();
      if (frame === undefined) throw new Error(`Cannot pair an answer on port ${call.peerPort}: no frame was sent for it`);
      acks.push({ frame, call: index });
    }
  });
  return acks;
}

/** For each record time: the index of the first write of a log page that holds it. Times share their upper six bytes with `like`. */
function firstWrites(calls: readonly Call[], like: number): Map<number, number> {
  const prefix = timeBytes(like).subarray(0, 6);
  const found = new Map<number, number>();
  calls.forEach((call, index) => {
    if (call.kind !== "write" || !call.name.endsWith("-wal")) return;
    const page = Buffer.from(call.data.buffer, call.data.byteOffset, call.data.length);
    for (let at = page.indexOf(prefix); at >= 0 && at + 8 <= page.length; at = page.indexOf(prefix, at + 1)) {
      const time = Number(page.readBigUInt64BE(at));
      if (!found.has(time)) found.set(time, index);
    }
  });
  return found;
}

export function timeBytes(time: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(time));
  return bytes;
}

/** Index of the last write of the commit that the write at `index` is part of: a page after a header that ends a transaction. */
function commitEnd(calls: readonly Call[], index: number): number {
  // The page's own header comes before it, but sends of other threads may stand between the two.
  let header = index - 1;
  while (header >= 0 && !(calls[header]!.kind === "write" && calls[header]!.name.endsWith("-wal"))) header--;
  for (let i = Math.max(header, 0); i < calls.length; i++) {
    const call = calls[i]!;
    if (call.kind !== "write" || !call.name.endsWith("-wal") || call.data.length !== WAL_FRAME_HEADER) continue;
    const endsTransaction = Buffer.from(call.data).readUInt32BE(4) !== 0;
    if (!endsTransaction) continue;
    for (let page = i + 1; page < calls.length; page++) {
      if (calls[page]!.kind === "write" && calls[page]!.name.endsWith("-wal")) return page;
    }
  }
  return -1;
}

/** Index at which a sync of the log had ended that began after `index`, or -1. */
function syncedAt(calls: readonly Call[], index: number): number {
  let begun = false;
  for (let i = index + 1; i < calls.length; i++) {
    const call = calls[i]!;
    if (!call.name.endsWith("-wal")) continue;
    if (call.kind === "sync_begins") begun = true;
    if (call.kind === "sync_ended" && begun) return i;
  }
  return -1;
}

/** One sentence for each acknowledgement that left before its commit was on the disk. */
export function earlyAcks(calls: readonly Call[], acks: readonly TracedAck[]): string[] {
  if (acks.length === 0) return [];
  const writes = firstWrites(calls, acks[0]!.frame.times[0]!);
  const wrong: string[] = [];
  for (const ack of acks) {
    const at = ack.frame.times.map((time) => writes.get(time)).filter((index) => index !== undefined);
    const name = `answer at call ${ack.call} for records from ${ack.frame.times[0]}`;
    if (at.length === 0) {
      wrong.push(`${name}: never written to the log`);
      continue;
    }
    const end = commitEnd(calls, Math.max(...at));
    const synced = end < 0 ? -1 : syncedAt(calls, end);
    if (synced < 0) wrong.push(`${name}: its commit was never synced`);
    else if (synced > ack.call) wrong.push(`${name}: its commit was synced at call ${synced}`);
  }
  return wrong;
}
