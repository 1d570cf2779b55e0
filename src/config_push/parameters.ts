/**
 * A configuration that is a flat object of parameter ids, as trackers take it: `{"2001":"internet","102":5}`. Carried by `setparam`
 * commands and verified by `getparam`, one for each parameter. Pure.
 */
import { err, ok, type Result } from "../base/result.ts";

export interface Parameter {
  readonly id: string;
  readonly value: string;
}

const ID = /^[0-9]{1,6}$/;
/** What separates parameters of one command cannot stand in a value. */
const VALUE = /^[\x20-\x3a\x3c-\x7e]*$/;
/** Parameters share a command up to the length of a short message: firmware that takes more is not asked for. */
const SHARED_BYTES = 160;
const SET = "setparam ";

/** Is the configuration one of parameters? One of anything else is for devices that fetch it. */
export function isParameters(json: string): boolean {
  return entriesOf(json) !== null;
}

/** @param most Parameters that may be. */
export function parametersOf(json: string, most: number, textBytes: number): Result<readonly Parameter[], "parameters"> {
  const entries = entriesOf(json) ?? [];
  if (entries.length > most) return err("parameters", `${entries.length} parameters exceed ${most}`);
  const parameters: Parameter[] = [];
  for (const [id, plain] of entries) {
    const value = String(plain);
    if (!VALUE.test(value)) return err("parameters", `the value of parameter ${id} is not printable ASCII without ";"`);
    if (SET.length + id.length + 1 + value.length > textBytes) return err("parameters", `the value of parameter ${id} is too long`);
    parameters.push({ id, value });
  }
  return ok(parameters);
}

function entriesOf(json: string): [string, string | number][] | null {
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  const fit = entries.every(([id, one]) => ID.test(id) && (typeof one === "string" || typeof one === "number"));
  return entries.length > 0 && fit ? entries as [string, string | number][] : null;
}

/** The commands that set all of them, in order. */
export function setTexts(parameters: readonly Parameter[]): string[] {
  const texts: string[] = [];
  for (const { id, value } of parameters) {
    const pair = `${id}:${value}`;
    const last = texts.at(-1);
    if (last !== undefined && last.length + 1 + pair.length <= SHARED_BYTES) texts[texts.length - 1] = `${last};${pair}`;
    else texts.push(SET + pair);
  }
  return texts;
}

export const getText = ({ id }: Parameter): string => `getparam ${id}`;

const READ = /^Param ID:\s*([0-9]+)\s+(?:New )?Val(?:ue)?:\s?(.*)$/is;
const SHOWN = 80;

/** Null: the response says that the parameter has its value. Else what it says. */
export function mismatch({ id, value }: Parameter, response: string): string | null {
  const found = READ.exec(response.trim());
  if (found === null || Number(found[1]) !== Number(id)) return `parameter ${id} cannot be read: ${short(response)}`;
  const read = found[2]!.trim();
  const isSame = read === value.trim() || (read !== "" && value.trim() !== "" && Number(read) === Number(value));
  return isSame ? null : `parameter ${id} is ${short(read)}, not ${short(value)}`;
}

const short = (text: string): string => JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
