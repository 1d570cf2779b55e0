/**
 * Configurations of devices as an http thread offers them: put and reported by way of the registry, read from the store. Answered when
 * it is on the disk. Owned by an http thread.
 */
import type { Settings } from "../../config/settings.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import type { StoredConfig } from "../../store/port.ts";
import type { Board } from "../../wire/board.ts";
import { type MessageOf, MESSAGES, OUTCOMES } from "../../wire/control.ts";
import type { ConfigSchemas } from "../config_schemas.ts";
import type { Wrong } from "../schema_compiler.ts";
import type { Done, RegistryClient } from "./asks.ts";
import type { Busy } from "./busy.ts";
import type { ReaderClient } from "./queries.ts";

/** `version`: on disk. `refused`: why. `invalid`: it is not as the schema of its device has it. */
export type ConfigDone =
  | { readonly kind: "version"; readonly version: number }
  | { readonly kind: "unknown_device" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "invalid"; readonly wrong: readonly Wrong[] }
  | Busy;

export type ConfigFound = { readonly kind: "config"; readonly config: StoredConfig | null } | Busy;

export interface HttpConfigParts {
  readonly settings: Settings;
  readonly board: Board;
  readonly readers: ReaderClient;
  readonly registry: RegistryClient;
  /** Null: none is configured. */
  readonly schemas: ConfigSchemas | null;
}

/** Identity at its longest, and the header of a ring's message. */
const BESIDE_VALUE = 128;

export class HttpConfigs {
  readonly #parts: HttpConfigParts;

  constructor(parts: HttpConfigParts) {
    this.#parts = parts;
  }

  async find(device: string): Promise<ConfigFound> {
    const answer = await this.#parts.readers.ask({ type: "config", device });
    if (answer.kind === "busy") return answer;
    if (answer.kind !== "config") throw new Error(`Cannot use an answer of kind ${answer.kind} to a config query`);
    return { kind: "config", config: answer.json === null ? null : JSON.parse(answer.json) as StoredConfig };
  }

  /** `value`: JSON. `busy`: there may be a version of it all the same. */
  async put(device: string, value: string): Promise<ConfigDone> {
    const { settings: { limits }, registry, schemas } = this.#parts;
    const wrong = schemas?.wrongWith(normaliseIdentity(device) ?? "", JSON.parse(value)) ?? [];
    if (wrong.length > 0) return { kind: "invalid", wrong };
    const bytes = MESSAGES.configure.sizeWith(BESIDE_VALUE + value.length);
    if (bytes > limits.controlRingBytes / 4) return { kind: "refused", why: "too_long" };
    return this.#failing ?? outcomeOf(await registry.configure(device, value));
  }

  async report(report: Omit<MessageOf<"configReport">, "type" | "request">): Promise<ConfigDone> {
    return this.#failing ?? outcomeOf(await this.#parts.registry.reportConfig(report));
  }

  get #failing(): Busy | null {
    return this.#parts.board.storeFailure() === "none" ? null : { kind: "busy", reason: "commits fail: nothing can be kept" };
  }
}

function outcomeOf(done: Done | null): ConfigDone {
  if (done === null) return { kind: "busy", reason: "it was not kept in time" };
  const outcome = OUTCOMES[done.outcome]!;
  switch (outcome) {
    case "done":
      return { kind: "version", version: Number(done.text) };
    case "unknown":
      return { kind: "unknown_device" };
    case "busy":
      return { kind: "busy", reason: "too many configurations are on their way, or the gateway is stopping" };
    default:
      return { kind: "refused", why: done.text };
  }
}
