/**
 * One drain: closes the connections that are there at its begin, so many a second, and finds out from the journal who has
 * come back. Makes lines of JSON and is pulled by who reads them: not read, it pauses; cancelled, it stops.
 */
import type { Gateway } from "./gateway.ts";

export interface DrainWish {
  readonly perSecond: number;
  /** How long after the last close devices may take to come back. */
  readonly returnMs: number;
  /** Newcomers are refused from the start, so that devices go elsewhere. */
  readonly shut: boolean;
}

interface Target {
  readonly device: string;
  readonly fence: number;
}

/** "done": everybody has come back, or with `shut` is gone. "late": not in time. "stopped": the gateway shuts down. */
export type DrainOutcome = "done" | "late" | "stopped";

const TICK_MS = 50;
const PROGRESS_MS = 1000;
const PAGE = 1000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const line = (value: object): string => `${JSON.stringify(value)}\n`;

export class DrainRun {
  readonly #gateway: Gateway;
  readonly #wish: DrainWish;
  readonly #now: () => number;
  /** All that were connected at the start. */
  readonly #known = new Set<string>();
  readonly #queue: Target[] = [];
  /** Closed, and not seen again: the fence that was closed and when. */
  readonly #away = new Map<string, { readonly fence: number; readonly at: number }>();
  #taken = 0;
  #drained = 0;
  /** Gone or replaced by themselves before their turn. */
  #left = 0;
  #returned = 0;

  /** `now`: monotonic ms. */
  constructor(gateway: Gateway, wish: DrainWish, now: () => number) {
    this.#gateway = gateway;
    this.#wish = wish;
    this.#now = now;
  }

  /** Pieces of the report, each some whole lines. Leaving it early is a cancel: a door that was shut is opened again. */
  async *report(): AsyncGenerator<string> {
    let outcome: DrainOutcome | null = null;
    try {
      await this.#begin();
      yield line({ event: "begin", devices: this.#known.size, ...this.#wish });
      const began = this.#now();
      let told = began;
      let lastClose = began;
      while (outcome === null) {
        const lines = await this.#close(this.#now() - began);
        if (lines.length > 0) lastClose = this.#now();
        this.#look(lines);
        outcome = this.#ended(lastClose);
        if (this.#now() - told >= PROGRESS_MS) {
          told = this.#now();
          lines.push(line({ event: "progress", ...this.#counts() }));
        }
        if (lines.length > 0) yield lines.join("");
        if (outcome === null) await pause(TICK_MS);
      }
      yield await this.#end(outcome);
    } finally {
      if (outcome === null && this.#wish.shut) await this.#door("open");
    }
  }

  async #begin(): Promise<void> {
    if (this.#wish.shut !== this.#gateway.doorShut) await this.#door(this.#wish.shut ? "shut" : "open");
    for await (const target of this.#connected()) {
      this.#known.add(target.device);
      this.#queue.push(target);
    }
  }

  /** Until it is done: with a door as nobody wanted it, devices would stay outside, or come back to be closed again. */
  async #door(how: "shut" | "open"): Promise<void> {
    for (;;) {
      const answer = await this.#gateway.order("drain", "", how);
      if (answer.kind !== "busy" || !this.#gateway.accepting) return;
      await pause(TICK_MS);
    }
  }

  async *#connected(): AsyncGenerator<Target> {
    for (let after: number | null = 0; after !== null;) {
      const page = await this.#gateway.devices(after, PAGE, true);
      if (page.kind === "busy") {
        if (!this.#gateway.accepting) return;
        await pause(TICK_MS);
        continue;
      }
      for (const { id, fence } of page.devices) yield { device: id, fence };
      after = page.next;
    }
  }

  /** Closes as many as are due by now. One the registry has not answered about stays for the next time. */
  async #close(passedMs: number): Promise<string[]> {
    const due = Math.min(this.#queue.length, 1 + Math.floor((passedMs * this.#wish.perSecond) / 1000));
    const targets = this.#queue.slice(this.#taken, due);
    this.#taken += targets.length;
    const answers = await Promise.all(targets.map(({ device, fence }) => this.#gateway.order("drain", device, String(fence))));
    const lines: string[] = [];
    answers.forEach((answer, i) => {
      const { device, fence } = targets[i]!;
      if (answer.kind === "busy") this.#queue.push(targets[i]!);
      else if (answer.outcome === "done") {
        this.#drained++;
        this.#away.set(device, { fence, at: this.#now() });
        lines.push(line({ event: "drained", device, fence }));
      } else this.#left++;
    });
    return lines;
  }

  /** Who has come back; behind a shut door, whose end the journal has. */
  #look(lines: string[]): void {
    for (const [device, { fence, at }] of this.#away) {
      const told = this.#gateway.told(device);
      if (told === null) continue;
      if (told.fence > fence) {
        this.#returned++;
        lines.push(line({ event: "returned", device, fence: told.fence, afterMs: Math.round(this.#now() - at) }));
      } else if (!this.#wish.shut || told.connected) continue;
      this.#away.delete(device);
    }
  }

  #ended(lastClose: number): DrainOutcome | null {
    if (!this.#gateway.accepting) return "stopped";
    if (this.#taken < this.#queue.length) return null;
    if (this.#away.size === 0) return "done";
    return this.#now() - lastClose >= this.#wish.returnMs ? "late" : null;
  }

  async #end(outcome: DrainOutcome): Promise<string> {
    const lines = [...this.#away].map(([device, { fence }]) => line({ event: "away", device, fence }));
    let newcomers = 0;
    for await (const { device } of this.#connected()) if (!this.#known.has(device)) newcomers++;
    lines.push(line({ event: "end", outcome, ...this.#counts(), newcomers }));
    return lines.join("");
  }

  #counts(): object {
    return {
      devices: this.#known.size,
      waiting: this.#queue.length - this.#taken,
      drained: this.#drained,
      left: this.#left,
      returned: this.#returned,
      away: this.#away.size,
    };
  }
}
