/** Event streams in tests: a world, its consumers, and what they must have seen. */
import type { Limits } from "../../src/base/limits.ts";
import { type Entry, frameOf } from "./memory_store.ts";
import { OutWorld } from "./out_world.ts";
import { cursorParts, SseConsumer } from "./sse.ts";

let clock = 1_700_000_000_000;
/** A frame of `records` records with times that rise from frame to frame. */
export const frame = (no: number, records: number, isNew?: readonly boolean[]): Entry =>
  frameOf(no, 1024, Array.from({ length: records }, () => ({ time: clock += 1000 })), clock, isNew);

export const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
/** Seqs of the journal events a consumer saw. */
export const seqs = (consumer: SseConsumer): number[] =>
  consumer.events.filter((event) => !["gap", "resync", "bye"].includes(event.event)).map((event) => cursorParts(event.id).seq);
export const reaches = (consumer: SseConsumer, seq: number): Promise<true> =>
  consumer.until(`seq ${seq}`, () => consumer.lastId === `e1.${seq}`);

/** One world a test, and the consumers it opened. */
export class StreamTest {
  world!: OutWorld;
  readonly #consumers: SseConsumer[] = [];

  async start(limits: Partial<Limits> = {}, before?: (world: OutWorld) => void): Promise<OutWorld> {
    this.world = await OutWorld.start({ heartbeatMs: 100, ...limits }, before);
    return this.world;
  }

  async open(path = "/v1/events", cursor: string | null = "e1.0"): Promise<SseConsumer> {
    const consumer = await SseConsumer.open(this.world.url, path, cursor);
    this.#consumers.push(consumer);
    return consumer;
  }

  /** For afterEach. @throws what ended the http loop. */
  async end(): Promise<void> {
    for (const consumer of this.#consumers.splice(0)) consumer.close();
    await this.world.stop();
    if (this.world.failure !== null) throw this.world.failure;
  }
}
