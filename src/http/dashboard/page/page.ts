/** The whole page: what it knows, what shows it, and what happens when the gateway says something. Owned by the page. */
import type { Result } from "../../../base/result.ts";
import { connect } from "../../../client/connect.ts";
import { gateway } from "../../../client/gateway.ts";
import { getJson, post, requestJson } from "../../../client/rest.ts";
import { Bar, type Readiness } from "./bar.ts";
import { Card } from "./card.ts";
import { onTheme, readColours } from "./colours.ts";
import { ConflictBanner } from "./conflict_banner.ts";
import { DevicePage } from "./device_page.ts";
import { byId } from "./element.ts";
import { Feed, type FeedPorts, type Told } from "./feed.ts";
import { Fleet } from "./fleet.ts";
import { FrameClock } from "./frame_clock.ts";
import { type Happening, happeningOf, Happenings } from "./happenings.ts";
import { HappeningList, OF_ALL, onChosen } from "./happening_list.ts";
import { go, watchRoute } from "./journey.ts";
import { readLand } from "./land.ts";
import { HeldBanner } from "./held_banner.ts";
import { Link } from "./link.ts";
import { FleetMap } from "./map.ts";
import { type Sample, Series } from "./metrics.ts";
import { Plots } from "./plots.ts";
import { renew } from "./renewal.ts";
import { deviceHash, type Route } from "./route.ts";
import { Search } from "./search.ts";
import { isTurnedAway, keptToken, signOut } from "./sign_in.ts";
import { Selection } from "./selection.ts";
import { DeviceTable } from "./table.ts";
import { Thinned } from "./thinned.ts";
import { watch } from "./watch.ts";
import { count } from "./words.ts";

const HAPPENINGS = 100;
/** The page folds events this long, then lets the browser draw. */
const FOLD_MS = 12;
/** Somebody else may acknowledge what is shown here. */
const CONFLICTS_MS = 30_000;
/** A clock that differs by less is the same: the gateway tells its own in whole seconds. */
const CLOCK_SLACK_MS = 1500;

export class Page {
  readonly #fleet = new Fleet();
  readonly #link = new Link();
  readonly #series = new Series();
  readonly #happenings = new Happenings(HAPPENINGS);
  readonly #frames = new FrameClock((now) => this.#draw(now));
  readonly #selection = new Selection(() => this.#frames.touched());
  readonly #land = readLand();
  readonly #map = new FleetMap(this.#fleet, this.#selection, this.#land, () => this.#frames.touched());
  readonly #table = new DeviceTable(this.#fleet, this.#selection, () => this.#frames.touched());
  readonly #card = new Card(this.#fleet, this.#selection);
  readonly #search = new Search(this.#fleet, this.#table);
  readonly #list = new HappeningList(this.#happenings, byId("happenings"), byId("no-happenings"), OF_ALL);
  readonly #device = new DevicePage(this.#fleet, this.#happenings, this.#land, asks, () => this.#frames.touched());
  readonly #plots = new Plots(this.#series);
  readonly #conflicts = new ConflictBanner(asks, this.#selection);
  readonly #held = new HeldBanner(ask);
  readonly #bar = new Bar(this.#fleet, this.#link);
  readonly #feed = new Feed(ports(), this.#told());
  readonly #thinned = new Thinned({
    later: (ms, run) => void setTimeout(run, ms),
    putRight: () => {
      void this.#feed.correct();
      this.#device.readAgain();
    },
    say: (events) =>
      this.#note(
        "gap",
        `${count(events)} older records skipped`,
        "more came than this page can take; the newest are shown, counts are read again",
      ),
  });
  #readiness: Readiness = null;
  #isHydrated = false;
  /** Our clock plus this is the gateway's. */
  #clockAheadMs = 0;

  start(): void {
    this.#plots.make(readColours());
    for (const part of [this.#map, this.#table, this.#card, this.#search, this.#plots, this.#conflicts, this.#held]) part.listen();
    this.#device.listen(() => this.#link.state(Date.now()) === "live");
    onChosen(byId("happenings"), (id) => this.#selection.select(id, "table"));
    onTheme(() => {
      this.#plots.make(readColours());
      this.#map.themeChanged();
      this.#device.themeChanged();
    });
    this.#selection.onSelect = (id, from) => {
      if (id === null) return;
      // Chosen in the banner above a device's page.
      if (this.#device.id !== null && from === "table") return go(deviceHash(id));
      if (from === "table") {
        this.#map.show(id);
        // On a narrow screen the map may have been scrolled out of sight.
        byId("stage").scrollIntoView({ block: "nearest" });
      } else this.#table.reveal(id);
    };
    watchRoute((route) => this.#went(route));
    this.#frames.start();
    watch({ looked: (sample, readiness, gatewayMs) => this.#looked(sample, readiness, gatewayMs) });
    setInterval(() => this.#link.state(Date.now()) === "live" && this.#refreshBanners(), CONFLICTS_MS);
    void this.#feed.run(new AbortController().signal);
  }

  #went(route: Route): void {
    const before = this.#device.id;
    byId("fleet-page").hidden = route.page !== "fleet";
    byId("device-page").hidden = route.page !== "device";
    if (route.page === "device") {
      this.#device.open(route.id);
      this.#selection.select(route.id, "map");
      scrollTo(0, 0);
      byId("device-title").focus({ preventScroll: true });
    } else {
      this.#device.close();
      if (before !== null) void this.#held.refresh();
      // Back where the reader came from.
      if (before !== null) this.#table.returnTo(before);
    }
    this.#frames.touched();
  }

  #told(): Told {
    const changed = (): void => this.#frames.changed();
    return {
      hydrating: () => (this.#link.hydrating(Date.now()), changed()),
      page: (devices, seq) => this.#fleet.page(devices, seq),
      hydrated: () => {
        this.#fleet.hydrated();
        // What was read before may belong to another journal, or lack what the stream could not bring.
        if (this.#isHydrated) this.#device.readAgain();
        this.#isHydrated = true;
        this.#refreshBanners();
        changed();
      },
      opened: () => this.#opened(),
      heard: () => this.#link.heard(Date.now()),
      event: (kind, seq, data) => {
        this.#fleet.apply(kind, seq, data);
        this.#device.event(kind, data);
        if (kind === "record") this.#link.event(this.#gatewayNow() - (data as { receivedAt: number }).receivedAt, Date.now());
        if (kind === "conflict") void this.#conflicts.refresh();
        else if (kind === "quarantined") void this.#held.refresh();
        const happening = happeningOf(kind, data);
        if (happening !== null) this.#happenings.add(happening);
        changed();
      },
      lost: (reason, waitMs) => (this.#link.lost(reason, waitMs, Date.now()), changed(), turnedAway(reason)),
      refused: (reason, cause) => {
        this.#link.refused(reason);
        changed();
        if (cause === "auth") signOut();
      },
      bye: (reason) => this.#link.bye(reason),
      again: (why, missing) => this.#again(why, missing),
      leftOut: (events) => this.#thinned.leftOut(events),
      corrected: (devices, seq) => (this.#fleet.correct(devices, seq), changed()),
    };
  }

  #opened(): void {
    const now = Date.now();
    this.#link.opened(now);
    const outageMs = this.#link.takeOutage(now);
    if (outageMs !== null) {
      this.#note(
        "link",
        `Connected again after ${(outageMs / 1000).toFixed(1)} s`,
        `${this.#link.reason}; the page goes on where it stopped`,
      );
      void renew();
      this.#device.opened();
      this.#refreshBanners();
    }
    this.#frames.changed();
  }

  #refreshBanners(): void {
    void this.#conflicts.refresh();
    void this.#held.refresh();
  }

  #again(why: "gap" | "resync", missing: number): void {
    if (why === "gap") {
      this.#note("gap", `Gap: ${count(missing)} events are kept no more`, "devices are read again; their counts stay right");
    } else this.#note("resync", "Resync: the journal is not the one from before", "devices are read again");
  }

  #note(kind: Happening["kind"], text: string, detail: string): void {
    this.#happenings.add({ at: Date.now(), kind, device: null, text, detail });
    this.#frames.changed();
  }

  #looked(sample: Sample | null, readiness: Readiness, gatewayMs: number): void {
    const now = Date.now();
    this.#readiness = readiness;
    if (sample === null) this.#series.gap(now);
    else this.#series.push(now, sample);
    const ahead = gatewayMs + 500 - now;
    if (!Number.isNaN(ahead)) this.#clockAheadMs = Math.abs(ahead) < CLOCK_SLACK_MS ? 0 : ahead;
    this.#frames.changed();
  }

  #gatewayNow(): number {
    return Date.now() + this.#clockAheadMs;
  }

  #draw(now: number): void {
    const gatewayNow = this.#gatewayNow();
    if (this.#device.id === null) {
      this.#map.draw(gatewayNow);
      this.#table.draw(gatewayNow, this.#isHydrated);
      this.#search.draw();
      this.#card.draw(gatewayNow);
      this.#list.draw();
      this.#plots.draw();
    } else this.#device.draw(gatewayNow);
    this.#bar.draw(now, this.#readiness, this.#device.id === null ? "Berth" : `${this.#device.id} · Berth`);
    this.#tell(now);
  }

  /** What the page knows of itself, for tests and for the curious. */
  #tell(now: number): void {
    const { events, seq, doubled, unseen, coalesced, hydrates } = this.#feed.counts;
    const { dataset } = document.documentElement;
    Object.assign(dataset, {
      link: this.#link.state(now),
      events: String(events),
      seq: String(seq),
      doubled: String(doubled),
      unseen: String(unseen),
      coalesced: String(coalesced),
      hydrates: String(hydrates),
      losses: String(this.#link.losses),
      devices: String(this.#fleet.vehicles.length),
      ...this.#device.facts(),
    });
  }
}

/** The token was revoked, or one is needed now. */
function turnedAway(reason: string): void {
  if (isTurnedAway(reason)) signOut();
}

const ask = (path: string): Promise<Result<unknown, string>> => getJson(location.origin, path, keptToken());
const asks = {
  getJson: ask,
  post: (path: string) => post(location.origin, path, null, undefined, keptToken()),
  postJson: (path: string, body: object) => requestJson(location.origin, path, { method: "POST", body, token: keptToken() }),
};

function ports(): FeedPorts {
  const { origin } = location;
  let since = performance.now();
  return {
    devices: (query) => gateway(origin, { token: keptToken }).devices(query),
    // What applications publish is not for it.
    follow: (options) => connect(origin, { ...options, channels: ["devices"], token: keptToken }),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async breathe() {
      if (performance.now() - since < FOLD_MS) return;
      await new Promise((resolve) => setTimeout(resolve, 0));
      since = performance.now();
    },
  };
}
