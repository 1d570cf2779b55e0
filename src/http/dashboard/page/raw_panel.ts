/** The panel of a device's frames: rows of those stored and of those that could not be decoded, and the bytes of one. Owned by the page. */
import type { IoFamily } from "../../../codec/teltonika/io_names.ts";
import { byId, make, setText } from "./element.ts";
import { RawBytes } from "./raw_bytes.ts";
import { type BadFrame, heldWords, isHeld, type KeptFrame } from "./raw_frames.ts";
import { badRow, keptRow, storedRow } from "./raw_rows.ts";
import { type RawPorts, RawStory } from "./raw_story.ts";
import { count } from "./words.ts";

type Kind = "stored" | "kept";
/** A press that changes something is asked for twice, within this time. */
const SURE_MS = 5000;

const NONE: Readonly<Record<Kind, string>> = {
  stored: "None: nothing that was stored came in a frame of this device.",
  kept: "None: every frame of this device could be decoded.",
};

export class RawPanel {
  readonly #story: RawStory;
  readonly #family: () => IoFamily;
  readonly #panel = byId("raw");
  readonly #kinds = byId("frame-kinds");
  readonly #tables: Readonly<Record<Kind, HTMLElement>> = { stored: byId("stored-frames"), kept: byId("kept-frames") };
  readonly #bodies: Readonly<Record<Kind, HTMLElement>> = { stored: byId("stored-rows"), kept: byId("kept-rows") };
  #kind: Kind = "stored";
  #isInSight = false;
  /** The row whose bytes are shown, by its key; it holds the list still. */
  #open: string | null = null;
  #shownAs = "";

  constructor(ports: RawPorts, family: () => IoFamily, touched: () => void) {
    this.#story = new RawStory(ports, touched);
    this.#family = family;
  }

  listen(): void {
    this.#kinds.addEventListener("click", (event) => {
      const kind = (event.target as Element).closest<HTMLElement>("[data-frames]")?.dataset["frames"];
      if (kind === "stored" || kind === "kept") this.#show(kind);
    });
    byId("held-show").addEventListener("click", () => {
      this.#show("kept");
      this.#panel.scrollIntoView({ block: "start" });
      this.#kinds.querySelector<HTMLElement>("[data-frames=kept]")?.focus({ preventScroll: true });
    });
    byId("older-frames").addEventListener("click", () => void this.#story.read(this.#story.next));
    byId("newest-frames").addEventListener("click", () => {
      this.#close();
      void this.#story.read(null);
    });
    for (const body of Object.values(this.#bodies)) body.addEventListener("click", (event) => void this.#click(event));
    new IntersectionObserver(([entry]) => (this.#isInSight = entry?.isIntersecting === true)).observe(this.#panel);
  }

  open(id: string): void {
    this.#kind = "stored";
    this.#close();
    this.#story.open(id);
  }

  close(): void {
    this.#close();
    this.#story.close();
  }

  event(kind: string, data: unknown): void {
    this.#story.event(kind, data);
  }

  readAgain(): void {
    this.#story.readAgain();
  }

  draw(now: number): void {
    const story = this.#story;
    story.tick(this.#isInSight && this.#kind === "stored" && this.#open === null, Date.now());
    const words = heldWords(story.kept);
    byId("held").hidden = words === "";
    setText(byId("held-words"), words);
    const undecoded = story.kept.length + story.bad.length;
    setText(byId("kept-count"), undecoded === 0 ? "" : ` ${count(undecoded)}`);
    byId("newest-frames").hidden = !(this.#kind === "stored" && (story.after !== null || (this.#open !== null && story.hasNewer)));
    const as = `${story.id} ${story.version} ${this.#kind}`;
    if (as === this.#shownAs || this.#open !== null) return;
    this.#shownAs = as;
    this.#arrange(now);
  }

  /** What it knows of itself, for tests and for the curious. */
  facts(): Readonly<Record<string, string>> {
    return { frames: String(this.#story.stored.length), held: String(this.#story.kept.filter(isHeld).length) };
  }

  #show(kind: Kind): void {
    this.#close();
    this.#kind = kind;
    this.#shownAs = "";
  }

  #arrange(now: number): void {
    const { stored, kept, bad, fault, wasRead, next } = this.#story;
    for (const button of this.#kinds.querySelectorAll<HTMLElement>("[data-frames]")) {
      button.setAttribute("aria-pressed", String(button.dataset["frames"] === this.#kind));
    }
    this.#bodies.stored.replaceChildren(...stored.map((frame) => storedRow(frame, now)));
    this.#bodies.kept.replaceChildren(...kept.map((frame) => keptRow(frame, now)), ...bad.map((frame) => badRow(frame, now)));
    const rows = { stored: stored.length, kept: kept.length + bad.length }[this.#kind];
    for (const kind of ["stored", "kept"] as const) this.#tables[kind].hidden = kind !== this.#kind || rows === 0;
    byId("no-frames").hidden = rows > 0 || (this.#kind === "stored" && !wasRead);
    setText(byId("no-frames"), NONE[this.#kind]);
    byId("frames-fault").hidden = fault === "" || this.#kind !== "stored";
    setText(byId("frames-fault"), `Cannot read frames: ${fault}`);
    byId("older-frames").hidden = this.#kind !== "stored" || next === null;
  }

  async #click(event: Event): Promise<void> {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-do]");
    const row = button?.closest("tr") ?? null;
    if (button === null || row === null) return;
    const verb = button.dataset["do"];
    if (verb === "bytes") await this.#toggle(row, button);
    else if (verb === "release" || verb === "replay") await this.#order(Number(row.dataset["frame"]), verb, button);
  }

  async #toggle(row: HTMLTableRowElement, button: HTMLButtonElement): Promise<void> {
    const key = row.dataset["key"]!;
    const wasOpen = this.#open === key;
    this.#close();
    if (wasOpen) return;
    this.#open = key;
    button.setAttribute("aria-expanded", "true");
    const hex = await this.#hexOf(key);
    if (this.#open !== key) return;
    const bytes = hex === null ? null : new RawBytes(hex, this.#family());
    const cell = make("td", "", bytes?.element ?? make("p", "none", "Its bytes cannot be had."));
    cell.colSpan = row.cells.length;
    const detail = make("tr", "detail", cell);
    detail.id = `bytes-${key}`;
    row.after(detail);
    bytes?.shown();
    detail.scrollIntoView({ block: "nearest" });
  }

  #hexOf(key: string): Promise<string | null> {
    const { stored, kept, bad } = this.#story;
    const known = stored.find(({ seq }) => key === `s${seq}`);
    if (known !== undefined) return Promise.resolve(known.hex);
    const other: KeptFrame | BadFrame | undefined = kept.find(({ id }) => key === `k${id}`) ?? bad.find(({ at }) => key === `b${at}`);
    return other === undefined ? Promise.resolve(null) : this.#story.hexOf(other);
  }

  #close(): void {
    if (this.#open === null) return;
    const key = this.#open;
    this.#open = null;
    document.getElementById(`bytes-${key}`)?.remove();
    this.#panel.querySelector(`tr[data-key="${key}"] [data-do=bytes]`)?.setAttribute("aria-expanded", "false");
    this.#shownAs = "";
  }

  /** What cannot be taken back is asked for twice. */
  async #order(id: number, verb: "release" | "replay", button: HTMLButtonElement): Promise<void> {
    if (verb === "release" && button.dataset["sure"] === undefined) {
      const words = button.textContent;
      button.dataset["sure"] = "";
      button.textContent = "Acknowledge it from now on?";
      setTimeout(() => {
        delete button.dataset["sure"];
        button.textContent = words;
      }, SURE_MS);
      return;
    }
    button.disabled = true;
    const fault = await this.#story.order(id, verb);
    button.disabled = false;
    if (fault === null) return this.#show("kept");
    button.closest("td")?.querySelector(".fault")?.remove();
    button.after(make("p", "fault", fault));
  }
}
