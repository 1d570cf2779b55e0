/**
 * The named, scaled values of a record, beside its raw ones: `{"66": "5e0f"}` is also External Voltage, 24.079 V. Pure; used where
 * records leave the gateway and somebody asked for it.
 */
import { type IoElement, ioElement, type IoFamily } from "./teltonika/io_names.ts";

export interface NamedValue {
  readonly name: string;
  readonly value: number | string;
  /** Left out when the value has none. */
  readonly unit?: string;
}

/** Wider whole numbers do not fit a JSON number exactly: they are shown as decimal text. */
const EXACT_DIGITS = 12;
const DECIMALS = 1e9;

/** Named values of `io` by id; ids that are not known, and values of no bytes, are left out. */
export function namedValues(io: Readonly<Record<string, string>>, family: IoFamily): Record<string, NamedValue> {
  const named: Record<string, NamedValue> = {};
  for (const [id, hex] of Object.entries(io)) {
    const element = ioElement(Number(id), family);
    if (element === undefined || hex === "") continue;
    const { name, unit } = element;
    named[id] = { name, value: valueOf(hex, element), ...(unit === "" ? {} : { unit }) };
  }
  return named;
}

function valueOf(hex: string, { kind, scale }: IoElement): number | string {
  if (kind === "id") return hex;
  if (kind === "text") return asciiOf(hex);
  let whole = BigInt(`0x${hex}`);
  if (kind === "signed") whole = BigInt.asIntN(hex.length * 4, whole);
  if (scale === 1 && hex.length > EXACT_DIGITS) return whole.toString();
  const scaled = Number(whole) * scale;
  // 4.111 V, not 4.111000000000001.
  return scale < 1 ? Math.round(scaled * DECIMALS) / DECIMALS : scaled;
}

/** Printable ASCII; anything else as a dot. */
function asciiOf(hex: string): string {
  let text = "";
  for (let at = 0; at < hex.length; at += 2) {
    const code = Number.parseInt(hex.slice(at, at + 2), 16);
    text += code >= 32 && code < 127 ? String.fromCharCode(code) : ".";
  }
  return text;
}
