/**
 * How a tracker's configuration gets there: for each device one command at a time, `setparam` first, then a `getparam` for each
 * parameter. Pure; owned by the registry thread, which submits the commands and tells how each ended.
 *
 * What breaks off because the connection went begins again at the next one; setting a parameter twice does no harm. What the device
 * does not answer, or has not set, has failed.
 */
import type { DeviceId } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { CommandState } from "../wire/command.ts";
import { getText, mismatch, type Parameter, parametersOf, setTexts } from "./parameters.ts";

export type CarrierLimits = Pick<Limits, "configParameters" | "commandTextBytes">;

/** What is to be done next about a device. */
export type Carried =
  | { readonly kind: "send"; readonly text: string }
  | { readonly kind: "done"; readonly version: number; readonly isApplied: boolean; readonly reason: string }
  /** Of a version that is not pending any more: begin with what is. */
  | { readonly kind: "again" }
  /** Not now: the next connection begins again. */
  | { readonly kind: "broken" };

/** How a command ended. */
export interface Ended {
  readonly state: CommandState;
  readonly response: string | null;
  readonly reason: string | null;
}

interface Carry {
  readonly version: number;
  readonly parameters: readonly Parameter[];
  readonly texts: readonly string[];
  at: number;
}

export class Carrier {
  readonly #limits: CarrierLimits;
  readonly #carries = new Map<DeviceId, Carry>();

  constructor(limits: CarrierLimits) {
    this.#limits = limits;
  }

  /** A command of this device is on its way. */
  has(device: DeviceId): boolean {
    return this.#carries.has(device);
  }

  begin(device: DeviceId, version: number, json: string): Carried {
    const parameters = parametersOf(json, this.#limits.configParameters, this.#limits.commandTextBytes);
    if (!parameters.ok) return { kind: "done", version, isApplied: false, reason: parameters.message };
    const texts = [...setTexts(parameters.value), ...parameters.value.map(getText)];
    this.#carries.set(device, { version, parameters: parameters.value, texts, at: 0 });
    return { kind: "send", text: texts[0]! };
  }

  /** The command could not be submitted. */
  drop(device: DeviceId): void {
    this.#carries.delete(device);
  }

  /** `newest`: the version to be carried now. Null: none is under way. */
  ended(device: DeviceId, { state, response, reason }: Ended, newest: number): Carried | null {
    const carry = this.#carries.get(device);
    if (carry === undefined) return null;
    const { version, parameters, texts } = carry;
    this.#carries.delete(device);
    if (version !== newest) return { kind: "again" };
    const failed = (why: string): Carried => ({ kind: "done", version, isApplied: false, reason: why });
    const name = texts[carry.at]!.split(" ", 1)[0]!;
    if (state === "unknown" && reason === "timeout") return failed(`${name} was not answered`);
    if (state === "nacked") return failed(`${name} was refused`);
    if (state !== "answered") return { kind: "broken" };
    const sets = texts.length - parameters.length;
    const wrong = carry.at < sets ? null : mismatch(parameters[carry.at - sets]!, response ?? "");
    if (wrong !== null) return failed(wrong);
    carry.at++;
    if (carry.at === texts.length) return { kind: "done", version, isApplied: true, reason: "" };
    this.#carries.set(device, carry);
    return { kind: "send", text: texts[carry.at]! };
  }
}
