/** The order of the table's rows. Pure. */
import type { Vehicle } from "./fleet.ts";

export const SORTS = ["id", "state", "seen", "speed", "records"] as const;
export type Sort = (typeof SORTS)[number];

export interface Order {
  readonly by: Sort;
  readonly descending: boolean;
}

/** What people want to see first when they choose the column. */
export const FIRST_DESCENDING: Readonly<Record<Sort, boolean>> = { id: false, state: true, seen: true, speed: true, records: true };

const VALUE: Readonly<Record<Exclude<Sort, "id">, (one: Vehicle) => number>> = {
  state: (one) => Number(one.connected),
  seen: (one) => one.lastSeenAt,
  speed: (one) => one.place?.speed ?? -1,
  records: (one) => one.records,
};

const byId = (a: Vehicle, b: Vehicle): number => (a.id < b.id ? -1 : Number(a.id > b.id));

/** A new array; equal ones stay in the order of their ids. */
export function sorted(vehicles: readonly Vehicle[], { by, descending }: Order): Vehicle[] {
  const sign = descending ? -1 : 1;
  if (by === "id") return [...vehicles].sort((a, b) => sign * byId(a, b));
  const value = VALUE[by];
  return [...vehicles].sort((a, b) => sign * (value(a) - value(b)) || byId(a, b));
}
