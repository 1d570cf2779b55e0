/** What there is to say about one device, a line each: for the card on the map and for its own page. Owned by the page. */
import { make, setText } from "./element.ts";
import type { Vehicle } from "./fleet.ts";
import { ago, count, degrees, heading, moment, span } from "./words.ts";

export type Line<T> = readonly [string, (one: T, now: number) => string];

export const VEHICLE_LINES: readonly Line<Vehicle>[] = [
  [
    "State",
    (
      one,
      now,
    ) => (one.connected ? `connected for ${span(Math.max(0, now - one.since))}` : `offline, was here ${ago(now - one.lastSeenAt)}`),
  ],
  ["Last seen", (one, now) => `${moment(one.lastSeenAt, now)} (${ago(now - one.lastSeenAt)})`],
  ["Origin", (one) => (one.origin.address === "" ? "–" : `${one.origin.address}:${one.origin.port} ${one.transport}`)],
  ["Fence", (one) => String(one.fence)],
  ["Position", ({ place }) => (place === null ? "none yet" : degrees(place.lat, place.lon))],
  ["Speed", ({ place }) => (place === null ? "–" : `${place.speed} km/h, ${heading(place.angle)}`)],
  ["Altitude", ({ place }) => (place === null ? "–" : `${place.altitude} m, ${place.satellites} satellites`)],
  ["Recorded", ({ place }, now) => (place === null ? "–" : `${moment(place.time, now)} (${ago(now - place.time)})`)],
  ["Records", (one) => count(one.records)],
];

/** A list of terms and their values, whose values follow. */
export class Facts<T> {
  readonly #lines: readonly Line<T>[];
  readonly #values: readonly HTMLElement[];

  constructor(list: HTMLElement, lines: readonly Line<T>[]) {
    this.#lines = lines;
    this.#values = lines.map(([name]) => {
      const value = make("dd");
      list.append(make("dt", "", name), value);
      return value;
    });
  }

  draw(one: T, now: number): void {
    this.#lines.forEach(([, text], i) => setText(this.#values[i]!, text(one, now)));
  }
}
