/** The page of one device: composes what shows it, and has it read when it must be. Owned by the page. */
import { CommandPanel } from "./command_panel.ts";
import type { CommandPorts } from "./command_story.ts";
import { DeviceStory } from "./device_story.ts";
import { byId, make, setData, setText } from "./element.ts";
import { exportCommand, recordsPath, type Wanted } from "./export_words.ts";
import { Facts, type Line, VEHICLE_LINES } from "./facts.ts";
import type { Fleet } from "./fleet.ts";
import type { Happenings } from "./happenings.ts";
import { HappeningList } from "./happening_list.ts";
import type { Land } from "./land.ts";
import { Mark } from "./mark.ts";
import { RawPanel } from "./raw_panel.ts";
import type { RawPorts } from "./raw_story.ts";
import { RangeBar } from "./range_bar.ts";
import { RecordTable } from "./record_table.ts";
import { TakeoverList } from "./takeover_list.ts";
import { NO_END } from "./track.ts";
import { TrackMap } from "./track_map.ts";
import { ValueList } from "./value_list.ts";
import { ago, latency, span } from "./words.ts";

/** Liveness has no events. */
const LOOK_MS = 5000;
const COPIED_MS = 2000;
const FORMATS = ["gpx", "csv", "ndjson"] as const;

/** Of the live connection. */
const LIVENESS_LINES: readonly Line<DeviceStory>[] = [
  ["In flight", ({ liveness }) => (liveness === null ? "–" : liveness.inFlight === 1 ? "1 frame" : `${liveness.inFlight} frames`)],
  ["Round trip", ({ liveness }) => (liveness?.kernel ? latency(liveness.kernel.rttMs / 1000) : "–")],
  ["Peer's kernel heard", ({ liveness }, now) => (liveness?.kernel ? ago(now - liveness.kernel.lastAckAt) : "–")],
  ["Retransmits", ({ liveness }) => (liveness?.kernel ? String(liveness.kernel.retransmits) : "–")],
];

export class DevicePage {
  readonly #fleet: Fleet;
  readonly #story: DeviceStory;
  readonly #mark: Mark;
  readonly #map: TrackMap;
  readonly #range: RangeBar;
  readonly #values: ValueList;
  readonly #takeovers: TakeoverList;
  readonly #records: RecordTable;
  readonly #raw: RawPanel;
  readonly #commands: CommandPanel;
  readonly #notices: HappeningList;
  readonly #facts = new Facts(byId("device-facts"), VEHICLE_LINES);
  readonly #liveness = new Facts(byId("device-liveness"), LIVENESS_LINES);
  readonly #head = byId("device-head");
  readonly #title = byId("device-title");
  readonly #trouble = byId("device-trouble");
  #reads = -1;

  constructor(fleet: Fleet, happenings: Happenings, land: Land, ports: RawPorts & CommandPorts, touched: () => void) {
    this.#fleet = fleet;
    this.#story = new DeviceStory((path) => ports.getJson(path), touched);
    this.#mark = new Mark(touched);
    this.#map = new TrackMap(land, this.#mark, touched);
    this.#range = new RangeBar(this.#story, this.#mark);
    this.#values = new ValueList(this.#story);
    this.#takeovers = new TakeoverList(this.#story);
    this.#records = new RecordTable(this.#story, this.#mark);
    this.#raw = new RawPanel(ports, () => this.#values.family, touched);
    this.#commands = new CommandPanel(ports, touched);
    // Its takeovers stand beside, with what is known of them.
    const wants = { kinds: "no takeovers", device: () => this.#story.id } as const;
    this.#notices = new HappeningList(happenings, byId("device-notices"), byId("no-notices"), wants);
  }

  /** Null: the fleet is shown. */
  get id(): string | null {
    return this.#story.id;
  }

  listen(isLive: () => boolean): void {
    for (const part of [this.#map, this.#range, this.#values, this.#records, this.#raw, this.#commands]) part.listen();
    byId("device-again").addEventListener("click", () => void this.#story.read());
    for (const format of FORMATS) byId(`copy-${format}`).addEventListener("click", () => void this.#copy(format));
    setInterval(() => {
      if (!document.hidden && isLive()) void this.#story.look(false);
    }, LOOK_MS);
  }

  themeChanged(): void {
    this.#map.themeChanged();
  }

  open(id: string): void {
    if (id === this.#story.id) return;
    this.#mark.clear();
    this.#raw.open(id);
    this.#commands.open(id);
    void this.#story.open(id);
  }

  close(): void {
    if (this.#story.id === null) return;
    this.#story.close();
    this.#raw.close();
    this.#commands.close();
  }

  /** The journal was not followed for a while: what was read may lack something. */
  readAgain(): void {
    this.#raw.readAgain();
    this.#commands.readAgain();
    void this.#story.read();
  }

  /** The gateway is back, and the stream goes on where it stopped: only what has no events is asked for. */
  opened(): void {
    void this.#story.look(true);
  }

  event(kind: string, data: unknown): void {
    this.#story.event(kind, data);
    this.#raw.event(kind, data);
    this.#commands.event(kind, data);
  }

  draw(now: number): void {
    const story = this.#story;
    const one = this.#fleet.get(story.id ?? "");
    const connected = one?.connected === true;
    setText(this.#title, story.id ?? "");
    setData(this.#head, "connected", String(connected));
    setText(byId("device-state"), one === undefined ? "" : connected ? `connected for ${span(now - one.since)}` : "offline");
    this.#drawTrouble();
    byId("device-parts").hidden = one === undefined && story.state !== "shown";
    if (story.reads !== this.#reads || story.state !== "shown") {
      this.#map.show(story.track, story.reads !== this.#reads);
      this.#reads = story.reads;
    }
    if (one !== undefined) this.#facts.draw(one, now);
    this.#liveness.draw(story, now);
    byId("no-liveness").hidden = story.liveness !== null;
    byId("device-liveness").hidden = story.liveness === null;
    this.#range.draw(now);
    this.#map.draw(now, connected);
    this.#values.draw(now);
    this.#takeovers.draw(now);
    this.#records.draw(now);
    this.#raw.draw(now);
    this.#commands.draw(now, connected);
    this.#notices.draw();
    this.#drawExport();
  }

  /** What it knows of itself, for tests and for the curious. */
  facts(): Readonly<Record<string, string>> {
    const { id, state, isReading, track, takeovers, reads } = this.#story;
    return {
      device: id ?? "",
      story: isReading ? "reading" : state,
      points: String(track.points.length),
      inRange: String(track.records),
      takeovers: String(takeovers.length),
      reads: String(reads),
      ...this.#raw.facts(),
      ...this.#commands.facts(),
    };
  }

  #drawTrouble(): void {
    const { state, fault, id } = this.#story;
    this.#trouble.hidden = state !== "unknown" && state !== "fault";
    if (state === "unknown") setText(byId("device-fault"), `${id} has never been here. When it comes, this page shows it.`);
    else if (state === "fault") setText(byId("device-fault"), `Cannot read this device: ${fault}`);
  }

  #wanted(): Wanted {
    const { id, track: { range, from } } = this.#story;
    return { id: id ?? "", from: Math.max(0, Math.floor(from / 1000) * 1000), to: range.to === NO_END ? null : range.to };
  }

  #drawExport(): void {
    if (this.#story.state !== "shown") return;
    const wanted = this.#wanted();
    const link = byId("records-json") as HTMLAnchorElement;
    const path = recordsPath(wanted);
    if (link.getAttribute("href") !== path) link.setAttribute("href", path);
    (byId("device-json") as HTMLAnchorElement).href = `/v1/devices/${encodeURIComponent(wanted.id)}`;
    for (const format of FORMATS) setText(byId(`export-${format}`), exportCommand(wanted, format, location.origin));
  }

  async #copy(format: (typeof FORMATS)[number]): Promise<void> {
    const command = byId(`export-${format}`);
    const button = byId(`copy-${format}`);
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.replaceChildren("Copied");
    } catch {
      // No clipboard here: the reader copies what is chosen for them.
      getSelection()?.selectAllChildren(command);
      button.replaceChildren(make("span", "", "Chosen"));
    }
    setTimeout(() => button.replaceChildren("Copy"), COPIED_MS);
  }
}
