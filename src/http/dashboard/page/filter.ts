/** Which devices the table lists: those whose id or address has what was typed, all of them or the connected ones. Pure. */
import type { Vehicle } from "./fleet.ts";

export interface Filter {
  /** Every word of it must be found. */
  readonly text: string;
  readonly onlyConnected: boolean;
}

export const EVERYTHING: Filter = { text: "", onlyConnected: false };

export const isEverything = ({ text, onlyConnected }: Filter): boolean => text.trim() === "" && !onlyConnected;

const wordsOf = (text: string): readonly string[] => text.toLowerCase().split(/\s+/).filter((word) => word !== "");

function has({ id, origin: { address, port, clientInstance } }: Vehicle, word: string): boolean {
  return id.toLowerCase().includes(word) || `${address}:${port}`.toLowerCase().includes(word) ||
    (clientInstance ?? "").toLowerCase().includes(word);
}

export function filtered(vehicles: readonly Vehicle[], filter: Filter): readonly Vehicle[] {
  if (isEverything(filter)) return vehicles;
  const words = wordsOf(filter.text);
  return vehicles.filter((one) => (one.connected || !filter.onlyConnected) && words.every((word) => has(one, word)));
}
