/**
 * Devices whose end the journal has been told and has not on its disk yet: who asks about one must wait for it, and only for that.
 * As many as the journal's ring holds. Owned by the registry thread.
 */
import type { DeviceId } from "../../base/brand.ts";
import { Deque } from "../../base/deque.ts";
import { distance } from "../../ring/layout.ts";

export class JustLeft {
  readonly #inOrder = new Deque<{ readonly device: DeviceId; readonly position: number }>();
  readonly #positions = new Map<DeviceId, number>();

  /** The end of `device` was put into the journal's ring, which is at `position` after it. */
  add(device: DeviceId, position: number): void {
    this.#inOrder.push({ device, position });
    this.#positions.set(device, position);
  }

  /** Up to where the journal must have come; it has come to `kept`. */
  of(device: DeviceId, kept: number): number {
    return this.#positions.get(device) ?? kept;
  }

  drop(kept: number): void {
    for (let first = this.#inOrder.at(0); first !== undefined && distance(kept, first.position) >= 0; first = this.#inOrder.at(0)) {
      this.#inOrder.shift();
      if (this.#positions.get(first.device) === first.position) this.#positions.delete(first.device);
    }
  }
}
