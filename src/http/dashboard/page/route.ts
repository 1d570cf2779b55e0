/** Which page the address asks for: `#/devices/ID` one device, anything else the fleet. A link to it can be kept. Pure. */

export type Route = { readonly page: "fleet" } | { readonly page: "device"; readonly id: string };

const DEVICE = /^#\/devices\/([^/]+)$/;
/** As the gateway has them. */
const ID = /^[\x21-\x7e]{1,64}$/;
const FLEET: Route = { page: "fleet" };

/** What a hash means; one that means nothing is the fleet. */
export function routeOf(hash: string): Route {
  const [, text] = DEVICE.exec(hash) ?? [];
  if (text === undefined) return FLEET;
  try {
    const id = decodeURIComponent(text);
    return ID.test(id) ? { page: "device", id } : FLEET;
  } catch {
    // A stray percent sign.
    return FLEET;
  }
}

export const deviceHash = (id: string): string => `#/devices/${encodeURIComponent(id)}`;
export const FLEET_HASH = "#/";
