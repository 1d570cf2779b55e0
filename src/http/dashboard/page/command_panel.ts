/** The panel of a device's commands: one to send, and what became of those that were. Owned by the page. */
import { type Command, type CommandPorts, CommandStory, stateWords } from "./command_story.ts";
import { byId, make, setText } from "./element.ts";
import { moment, span } from "./words.ts";

export class CommandPanel {
  readonly #story: CommandStory;
  readonly #form = byId("command-form") as HTMLFormElement;
  readonly #text = byId("command-text") as HTMLInputElement;
  readonly #codec = byId("command-codec") as HTMLSelectElement;
  readonly #send = byId("command-send") as HTMLButtonElement;
  readonly #fault = byId("command-fault");
  #shownAs = "";

  constructor(ports: CommandPorts, touched: () => void) {
    this.#story = new CommandStory(ports, touched);
  }

  listen(): void {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    byId("older-commands").addEventListener("click", () => void this.#story.read(true));
  }

  open(id: string): void {
    this.#fault.hidden = true;
    this.#text.value = "";
    this.#story.open(id);
  }

  close(): void {
    this.#story.close();
  }

  event(kind: string, data: unknown): void {
    this.#story.event(kind, data);
  }

  /** The journal could not be followed for a while. */
  readAgain(): void {
    if (this.#story.id !== null) void this.#story.read();
  }

  draw(now: number, isConnected: boolean): void {
    byId("command-waits").hidden = isConnected;
    const { version, list, next, id } = this.#story;
    const as = `${id} ${version}`;
    if (as === this.#shownAs) return;
    this.#shownAs = as;
    byId("no-commands").hidden = list.length > 0;
    byId("command-list").hidden = list.length === 0;
    byId("command-list").replaceChildren(...list.map((one) => itemOf(one, now)));
    byId("older-commands").hidden = next === null;
  }

  /** What it knows of itself, for tests and for the curious. */
  facts(): Readonly<Record<string, string>> {
    return { commands: String(this.#story.list.length) };
  }

  async #submit(): Promise<void> {
    this.#send.disabled = true;
    const fault = await this.#story.send(this.#text.value.trim(), Number(this.#codec.value));
    this.#send.disabled = false;
    this.#fault.hidden = fault === null;
    setText(this.#fault, fault === null ? "" : `Not sent: ${fault}`);
    if (fault !== null) return;
    this.#text.value = "";
    this.#text.focus();
  }
}

function itemOf(one: Command, now: number): HTMLElement {
  const { text, state, createdAt, writtenAt, endedAt, response } = one;
  const time = make("time", "", moment(createdAt, now));
  time.dateTime = new Date(createdAt).toISOString();
  const took = state === "answered" && writtenAt !== null && endedAt !== null ? ` after ${lasting(endedAt - writtenAt)}` : "";
  const head = make("header", "", make("code", "", text), make("span", `chip ${state}`, stateWords(one) + took), time);
  const item = make("li", "", head, ...(response === null ? [] : [make("p", "response", response)]));
  item.dataset["state"] = state;
  return item;
}

const lasting = (ms: number): string => (ms < 1000 ? `${ms} ms` : span(ms));
