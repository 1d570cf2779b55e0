/** The banner of devices that get no further, because a frame of theirs cannot be decoded and nobody has released it. Owned by the page. */
import type { Result } from "../../../base/result.ts";
import { byId, make } from "./element.ts";
import { go } from "./journey.ts";
import { heldDevices } from "./raw_frames.ts";
import { deviceHash } from "./route.ts";
import { count } from "./words.ts";

const PATH = "/v1/quarantine?held=true&limit=100";
/** More than these are counted. */
const SHOWN = 4;

export class HeldBanner {
  readonly #getJson: (path: string) => Promise<Result<unknown, string>>;
  readonly #banner = byId("held-devices");
  #turn = 0;

  constructor(getJson: (path: string) => Promise<Result<unknown, string>>) {
    this.#getJson = getJson;
  }

  listen(): void {
    this.#banner.addEventListener("click", (event) => {
      const id = (event.target as Element).closest<HTMLElement>("[data-of]")?.dataset["of"];
      if (id !== undefined) go(deviceHash(id));
    });
  }

  /** Asks the gateway again. What cannot be asked now stays as it was. */
  async refresh(): Promise<void> {
    const turn = ++this.#turn;
    const answer = await this.#getJson(PATH);
    if (answer.ok && turn === this.#turn) this.#show(heldDevices(answer.value));
  }

  #show({ devices, isAll }: { readonly devices: readonly string[]; readonly isAll: boolean }): void {
    this.#banner.hidden = devices.length === 0;
    const more = devices.length - SHOWN;
    const names = devices.slice(0, SHOWN).flatMap((id) => {
      const button = make("button", "device", id);
      button.type = "button";
      button.dataset["of"] = id;
      return [" ", button];
    });
    const rest = more > 0 ? ` and ${count(more)}${isAll ? "" : " or more"} others` : "";
    const gets = devices.length === 1 ? "gets no further" : "get no further";
    this.#banner.replaceChildren(
      make("p", "", make("span", "words", "A frame cannot be decoded:", ...names, `${rest} ${gets} until it is released.`)),
    );
  }
}
