/** One spelling for one device, before any map is touched. Pure; used wherever an identity comes from outside. */
import { asDeviceId, type DeviceId } from "./brand.ts";

const IMEI_DIGITS = 15;
const MAX_LENGTH = 64;

/**
 * The identity in its one spelling, or null when it is none: 1-64 characters of `A-Z a-z 0-9 . _ : -`. Letters become
 * lower case (hex ids come in both). A number longer than an IMEI loses leading zeros (Codec 14 packs one in front).
 */
export function normaliseIdentity(text: string): DeviceId | null {
  const length = text.length;
  if (length === 0 || length > MAX_LENGTH) return null;
  let digits = true;
  let upper = false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x30 && code <= 0x39) continue;
    digits = false;
    if (code >= 0x41 && code <= 0x5a) upper = true;
    else if (!(code >= 0x61 && code <= 0x7a) && code !== 0x2e && code !== 0x5f && code !== 0x3a && code !== 0x2d) return null;
  }
  if (upper) return asDeviceId(text.toLowerCase());
  if (!digits || length <= IMEI_DIGITS) return asDeviceId(text);
  let start = 0;
  while (length - start > IMEI_DIGITS && text.charCodeAt(start) === 0x30) start++;
  return asDeviceId(start === 0 ? text : text.slice(start));
}

/** The same of what is only looked for: a text that is no identity stays as it is, and nothing is found by it. */
export const spelled = (text: string): DeviceId => normaliseIdentity(text) ?? asDeviceId(text);
