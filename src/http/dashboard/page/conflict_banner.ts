/** The banner of identity conflicts: which devices fight, until somebody says that they know. Owned by the page. */
import type { Result } from "../../../base/result.ts";
import { type Conflict, conflictsIn, conflictWords } from "./conflicts.ts";
import { byId, make } from "./element.ts";
import type { Selection } from "./selection.ts";

export interface BannerPorts {
  getJson(path: string): Promise<Result<unknown, string>>;
  post(path: string): Promise<Result<unknown, string>>;
}

/** More than these are counted. */
const SHOWN = 3;
const PATH = "/v1/conflicts?acknowledged=false";

export class ConflictBanner {
  readonly #ports: BannerPorts;
  readonly #selection: Selection;
  readonly #banner = byId("conflicts");
  /** A look is under way; another one is wanted after it. */
  #looking = false;
  #again = false;

  constructor(ports: BannerPorts, selection: Selection) {
    this.#ports = ports;
    this.#selection = selection;
  }

  listen(): void {
    this.#banner.addEventListener("click", (event) => {
      const { of, acknowledge } = (event.target as Element).closest<HTMLElement>("button")?.dataset ?? {};
      if (of !== undefined) this.#selection.select(of, "table");
      if (acknowledge !== undefined) void this.#acknowledge(acknowledge);
    });
  }

  /** Asks the gateway again. What cannot be asked now stays as it was. */
  async refresh(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    while (this.#again) {
      this.#again = false;
      const answer = await this.#ports.getJson(PATH);
      if (answer.ok) this.#show(conflictsIn(answer.value));
    }
    this.#looking = false;
  }

  async #acknowledge(id: string): Promise<void> {
    await this.#ports.post(`/v1/conflicts/${encodeURIComponent(id)}/acknowledge`);
    await this.refresh();
  }

  #show(conflicts: readonly Conflict[]): void {
    this.#banner.hidden = conflicts.length === 0;
    const more = conflicts.length - SHOWN;
    const rest = more > 0 ? [make("p", "more", `and ${more} more: berth conflicts lists them`)] : [];
    this.#banner.replaceChildren(...conflicts.slice(0, SHOWN).map(lineOf), ...rest);
  }
}

function lineOf(one: Conflict): HTMLElement {
  const device = make("button", "device", one.device);
  device.type = "button";
  device.dataset["of"] = one.device;
  const known = make("button", "known", "Acknowledge");
  known.type = "button";
  known.dataset["acknowledge"] = one.id;
  known.setAttribute("aria-label", `Acknowledge the conflict of ${one.device}`);
  return make("p", "", make("span", "words", "Identity conflict: ", device, ` ${conflictWords(one)}`), known);
}
