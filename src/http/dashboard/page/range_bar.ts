/** Chooses the range of a track, says what of it is shown, and walks along it. Owned by the page. */
import { type Choice, type DeviceStory, EVERYTHING_MS } from "./device_story.ts";
import { byId, setText } from "./element.ts";
import type { Mark } from "./mark.ts";
import { pointWords } from "./track_map.ts";
import { count, moment } from "./words.ts";

const two = (value: number): string => String(value).padStart(2, "0");

/** As an input of dates and times wants it, on the reader's clock. */
function inputText(ms: number): string {
  const at = new Date(ms);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export class RangeBar {
  readonly #story: DeviceStory;
  readonly #mark: Mark;
  readonly #buttons = byId("ranges");
  readonly #custom = byId("custom-range") as HTMLFormElement;
  readonly #from = byId("range-from") as HTMLInputElement;
  readonly #to = byId("range-to") as HTMLInputElement;
  readonly #fault = byId("range-fault");
  readonly #said = byId("track-said");
  readonly #along = byId("track-along") as HTMLInputElement;

  constructor(story: DeviceStory, mark: Mark) {
    this.#story = story;
    this.#mark = mark;
  }

  listen(): void {
    this.#buttons.addEventListener("click", (event) => {
      const { latest, custom } = (event.target as Element).closest<HTMLElement>("button")?.dataset ?? {};
      if (custom !== undefined) this.#openCustom();
      else if (latest !== undefined) this.#choose({ latestMs: latest === "all" ? EVERYTHING_MS : Number(latest) * 1000 });
    });
    this.#custom.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#chooseCustom();
    });
    this.#along.addEventListener("input", () => this.#walk());
  }

  draw(now: number): void {
    const { choice, track } = this.#story;
    const latest = "latestMs" in choice ? (choice.latestMs === EVERYTHING_MS ? "all" : String(choice.latestMs / 1000)) : null;
    for (const button of this.#buttons.querySelectorAll<HTMLElement>("button")) {
      const isOn = button.dataset["custom"] === undefined ? button.dataset["latest"] === latest : latest === null;
      button.setAttribute("aria-pressed", String(isOn));
    }
    if (latest !== null && this.#custom.dataset["open"] === undefined) this.#custom.hidden = true;
    setText(this.#said, this.#words(now));
    const { points } = track;
    this.#along.disabled = points.length < 2;
    this.#along.max = String(Math.max(1, points.length - 1));
    const at = this.#mark.index(points);
    this.#along.value = String(at < 0 ? points.length - 1 : at);
    const point = points[at < 0 ? points.length - 1 : at];
    this.#along.setAttribute("aria-valuetext", point === undefined ? "no position" : pointWords(point, now));
  }

  #words(now: number): string {
    const { state, isReading, track, cutAt } = this.#story;
    const { points, withoutFix } = track;
    if (isReading && state !== "shown") return "Reading…";
    if (state !== "shown") return "";
    const first = points[0];
    if (first === undefined) return withoutFix === 0 ? "No record in this range" : `${count(withoutFix)} records, none with a fix`;
    const parts = [
      points.length === 1 ? "1 position" : `${count(points.length)} positions`,
      `${moment(first.time, now)} to ${moment(points.at(-1)!.time, now)}`,
    ];
    if (withoutFix > 0) parts.push(`${count(withoutFix)} records without a fix`);
    if (track.isCut) parts.push("older ones left out: too many to draw");
    if (cutAt !== null) parts.push(`the rest after ${moment(cutAt, now)} left out: too many to draw`);
    if (isReading) parts.push("reading…");
    return parts.join(" · ");
  }

  #openCustom(): void {
    const { points } = this.#story.track;
    const end = points.at(-1)?.time ?? Date.now();
    this.#from.value = inputText(points[0]?.time ?? end - 3_600_000);
    this.#to.value = inputText(end);
    this.#custom.hidden = false;
    this.#custom.dataset["open"] = "";
    this.#fault.hidden = true;
    this.#from.focus();
  }

  #chooseCustom(): void {
    const from = new Date(this.#from.value).getTime();
    const to = new Date(this.#to.value).getTime() + 999;
    const isOdd = Number.isNaN(from) || Number.isNaN(to) || from > to || from < 0;
    this.#fault.hidden = !isOdd;
    if (isOdd) setText(this.#fault, from > to ? "It ends before it begins" : "Both ends are needed");
    else this.#choose({ from, to });
  }

  #choose(choice: Choice): void {
    if ("latestMs" in choice) {
      delete this.#custom.dataset["open"];
      this.#custom.hidden = true;
    }
    this.#mark.clear();
    void this.#story.choose(choice);
  }

  #walk(): void {
    const { points } = this.#story.track;
    this.#mark.point(null);
    this.#mark.pin(points[Number(this.#along.value)] ?? null);
  }
}
