/**
 * When events come faster than the page takes them, the gateway leaves out records that newer ones stand for. Nothing is wrong on the map
 * then; counts and the track of a device's page are put right by reading them, once in a while and when it has calmed down. Owned by the page.
 */

/** Between two readings. */
export const PUT_RIGHT_MS = 10_000;

export interface ThinnedPorts {
  later(ms: number, run: () => void): void;
  /** Reads what lacks records. */
  putRight(): void;
  /** The first time of a while: so many were left out so far. */
  say(events: number): void;
}

export class Thinned {
  readonly #ports: ThinnedPorts;
  #events = 0;
  #isLooking = false;
  #isSaid = false;

  constructor(ports: ThinnedPorts) {
    this.#ports = ports;
  }

  leftOut(events: number): void {
    this.#events += events;
    if (!this.#isLooking) this.#lookLater();
  }

  #lookLater(): void {
    this.#isLooking = true;
    this.#ports.later(PUT_RIGHT_MS, () => this.#look());
  }

  #look(): void {
    const events = this.#events;
    this.#events = 0;
    this.#isLooking = false;
    if (events === 0) {
      this.#isSaid = false;
      return;
    }
    if (!this.#isSaid) this.#ports.say(events);
    this.#isSaid = true;
    this.#ports.putRight();
    this.#lookLater();
  }
}
