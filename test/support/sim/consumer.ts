/**
 * A subscriber out in the world: takes its stream when it likes, remembers its cursor, comes back after every end. Whatever
 * it has not been given by the time it is given something later is a silent gap.
 */
import type { Subscriber } from "../../../src/broker/subscriber.ts";
import type { SimHttp } from "./sim_http.ts";
import type { Truth } from "./truth.ts";
import { hold } from "./violation.ts";

const decoder = new TextDecoder();

interface Block {
  readonly id: number | null;
  readonly event: string;
  readonly data: string;
}

export class Consumer {
  readonly name: string;
  /** Null: of every device. */
  readonly devices: readonly string[] | null;
  /** Everything up to here was given or named in a gap. */
  position = 0;
  events = 0;
  gaps = 0;
  /** Takes nothing for this many reads. */
  lazy = 0;
  /** What its events say: the fence a device is connected under, or null. */
  readonly connected = new Map<string, number | null>();
  readonly #truth: Truth;
  #subscriber: Subscriber | null = null;
  #epoch = "sim";
  #text = "";

  constructor(name: string, devices: readonly string[] | null, truth: Truth) {
    this.name = name;
    this.devices = devices;
    this.#truth = truth;
  }

  /** The gateway is gone, or this stream of it. */
  lose(): void {
    this.#subscriber = null;
    this.#text = "";
  }

  /** Takes what there is, or comes back. False when there was nothing to take. */
  read(http: SimHttp, maxAgeMs: number): boolean {
    if (this.lazy > 0) {
      this.lazy--;
      return false;
    }
    if (this.#subscriber === null) {
      this.#subscriber = http.subscribe(`${this.#epoch}.${this.position}`, this.devices, maxAgeMs);
      return this.#subscriber !== null;
    }
    const bytes = http.take(this.#subscriber);
    if (bytes === undefined) return false;
    if (bytes === null) {
      this.lose();
      return true;
    }
    this.#text += decoder.decode(bytes);
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop()!;
    for (const block of blocks) this.#block(blockOf(block));
    return true;
  }

  /** Seqs up to `to` that it should have been given. */
  missing(to: number): number[] {
    const seqs: number[] = [];
    for (let seq = this.position + 1; seq <= to; seq++) if (this.#wants(this.#truth.told[seq]!.device)) seqs.push(seq);
    return seqs;
  }

  #wants(device: string): boolean {
    return this.devices === null || this.devices.includes(device);
  }

  #block({ id, event, data }: Block): void {
    if (event === "gap") {
      const { from, to } = JSON.parse(data) as { from: number; to: number };
      const missed = this.missing(from - 1);
      hold(missed.length === 0, "I7 no silent gap", () => `${this.name} is told a gap from ${from} without ${missed.join()}`);
      hold(to < this.#truth.oldest, "I7 no silent gap", () => `${this.name} is told ${to} is gone, kept is ${this.#truth.oldest}`);
      this.gaps++;
      this.position = Math.max(this.position, to);
      // What it knew may have changed in the gap.
      this.connected.clear();
      return;
    }
    hold(event !== "resync", "I7 no silent gap", () => `${this.name} at ${this.position} is told to begin again: ${data}`);
    if (id === null) return;
    const missed = this.missing(event === "" ? id : id - 1);
    hold(missed.length === 0, "I7 no silent gap", () => `${this.name} is told ${id} without ${missed.join()}`);
    if (event !== "") this.#event(id, event, data);
    this.position = Math.max(this.position, id);
  }

  #event(seq: number, kind: string, data: string): void {
    hold(seq > this.position, "I7 no silent gap", () => `${this.name} is told ${seq} again`);
    const told = this.#truth.told[seq];
    hold(told !== undefined, "I11 acknowledged is stored", () => `${this.name} is told ${seq}, which is not on disk`);
    hold(told.kind === kind, "I8 views agree", () => `${this.name} is told ${kind} at ${seq}, on disk is ${told.kind}`);
    this.events++;
    if (kind === "record") return;
    const { device, fence, left } = JSON.parse(data) as { device: string; fence: number; left?: number };
    if (kind === "connected" || kind === "replaced") this.connected.set(device, fence);
    else if (kind === "disconnected" && this.connected.get(device) === fence) this.connected.set(device, left ?? null);
  }
}

function blockOf(text: string): Block {
  let id: number | null = null;
  let event = "";
  let data = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("id: ")) id = Number(line.slice(line.lastIndexOf(".") + 1));
    else if (line.startsWith("event: ")) event = line.slice(7);
    else if (line.startsWith("data: ")) data = line.slice(6);
  }
  return { id, event, data };
}
