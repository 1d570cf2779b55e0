/** The last wait of a shutdown: for threads that have left their loops to be gone. Owned by the supervisor. */
import { inTime } from "./patience.ts";

/** Who of them is still there after `patienceMs`; resolves at once when nobody is. */
export async function lingering(
  threads: readonly { readonly name: string; readonly ended: Promise<void> }[],
  patienceMs: number,
): Promise<readonly string[]> {
  const left = new Set(threads.map(({ name }) => name));
  await inTime(Promise.all(threads.map(({ name, ended }) => ended.then(() => left.delete(name)))), patienceMs);
  return [...left];
}
