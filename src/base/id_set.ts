/** A set of identities, for as many as a fleet has: see id_table.ts. Pure; owned by one thread. Nothing is ever taken out. */
import { IdTable } from "./id_table.ts";

export class IdSet {
  readonly #ids = new IdTable();

  constructor(ids: Iterable<string> = []) {
    for (const id of ids) this.add(id);
  }

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.find(id) !== 0;
  }

  add(id: string): void {
    if (!this.has(id)) this.#ids.add(id);
  }
}
