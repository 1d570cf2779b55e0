/** Where a connection comes from, as events and rows of history tell it. Pure. */

/** The same spelling as REST has: null when the client names no instance, which threads tell each other as "". */
export const originJson = (address: string, port: number, clientInstance: string) => ({
  address,
  port,
  clientInstance: clientInstance === "" ? null : clientInstance,
});
