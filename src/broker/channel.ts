/**
 * Channels: what a subscription names. `devices` is every device, `device.ID` one of them, `app.NAME` what applications publish.
 * Pure; used by http threads.
 */

export type Channel =
  | { readonly kind: "devices" }
  | { readonly kind: "device"; readonly device: string }
  | { readonly kind: "app" };

export const CHANNEL_MAX = 256;
export const CHANNELS_ALLOWED = "devices, device.ID or app.NAME of letters, digits and _ . : -, up to 256 in all";

/** What every name of a channel is made of. */
export const NAME = /^[A-Za-z0-9_.:-]{1,256}$/;
const OF_DEVICE = "device.";
const OF_APP = "app.";

/** Null: it is none. */
export function parseChannel(name: string): Channel | null {
  if (name === "devices") return { kind: "devices" };
  if (name.startsWith(OF_DEVICE) && name.length > OF_DEVICE.length) return { kind: "device", device: name.slice(OF_DEVICE.length) };
  return name.startsWith(OF_APP) && name.length > OF_APP.length && NAME.test(name) ? { kind: "app" } : null;
}

export const deviceChannel = (device: string): string => OF_DEVICE + device;
