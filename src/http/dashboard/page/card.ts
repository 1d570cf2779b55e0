/** The card of the chosen device. Owned by the page. */
import { byId, make, setData, setText } from "./element.ts";
import type { Fleet, Vehicle } from "./fleet.ts";
import type { Selection } from "./selection.ts";
import { ago, clock, count, degrees, heading, span } from "./words.ts";

type Line = readonly [string, (one: Vehicle, now: number) => string];

const LINES: readonly Line[] = [
  [
    "State",
    (
      one,
      now,
    ) => (one.connected ? `connected for ${span(Math.max(0, now - one.since))}` : `offline, was here ${ago(now - one.lastSeenAt)}`),
  ],
  ["Last seen", (one, now) => `${clock(one.lastSeenAt)} (${ago(now - one.lastSeenAt)})`],
  ["Origin", (one) => (one.origin.address === "" ? "–" : `${one.origin.address}:${one.origin.port} ${one.transport}`)],
  ["Fence", (one) => String(one.fence)],
  ["Position", ({ place }) => (place === null ? "none yet" : degrees(place.lat, place.lon))],
  ["Speed", ({ place }) => (place === null ? "–" : `${place.speed} km/h, ${heading(place.angle)}`)],
  ["Altitude", ({ place }) => (place === null ? "–" : `${place.altitude} m, ${place.satellites} satellites`)],
  ["Recorded", ({ place }, now) => (place === null ? "–" : `${clock(place.time)} (${ago(now - place.time)})`)],
  ["Records", (one) => count(one.records)],
];

export class Card {
  readonly #fleet: Fleet;
  readonly #selection: Selection;
  readonly #card = byId("card");
  readonly #title = byId("card-title");
  readonly #values: readonly HTMLElement[];

  constructor(fleet: Fleet, selection: Selection) {
    this.#fleet = fleet;
    this.#selection = selection;
    const list = byId("card-lines");
    this.#values = LINES.map(([name]) => {
      const value = make("dd");
      list.append(make("dt", "", name), value);
      return value;
    });
  }

  listen(): void {
    byId("card-close").addEventListener("click", () => this.#selection.select(null, "table"));
  }

  draw(now: number): void {
    const { selected } = this.#selection;
    const one = selected === null ? undefined : this.#fleet.get(selected);
    this.#card.hidden = one === undefined;
    if (one === undefined) return;
    setText(this.#title, one.id);
    setData(this.#card, "connected", String(one.connected));
    LINES.forEach(([, text], i) => setText(this.#values[i]!, text(one, now)));
    for (const [id, path] of [["card-json", ""], ["card-records", "/records?limit=100"]] as const) {
      const link = byId(id) as HTMLAnchorElement;
      const href = `/v1/devices/${encodeURIComponent(one.id)}${path}`;
      if (link.getAttribute("href") !== href) link.setAttribute("href", href);
    }
  }
}
