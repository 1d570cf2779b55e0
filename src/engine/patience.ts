/** Waiting for no longer than it is worth. Any thread with an event loop. */

/** True when `done` has come to be, false after `patienceMs`; what it fails with is passed on. */
export async function inTime(done: Promise<unknown>, patienceMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), patienceMs));
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    // A timer left behind would keep the thread for as long.
    clearTimeout(timer);
  }
}
