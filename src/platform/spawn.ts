/**
 * Starts a thread. From sources a worker is a file beside src; in the compiled executable it is an entrypoint inside it,
 * found by its name from the root of the build.
 */
import type { Role, Thread, ThreadHandler } from "./port.ts";

const IN_EXECUTABLE = import.meta.url.includes("$bunfs") || import.meta.url.includes("~BUN");

const TELLS_END = "Bun" in globalThis;

export function spawnThread(role: Role, boot: unknown, handler: ThreadHandler): Thread {
  const worker = new Worker(IN_EXECUTABLE ? `./workers/${role}.ts` : new URL(`../../workers/${role}.ts`, import.meta.url).href, {
    type: "module",
  });
  const gone = Promise.withResolvers<void>();
  if (!TELLS_END) gone.resolve();
  let ended = false;
  const fail = (reason: string): void => {
    if (ended) return;
    ended = true;
    handler.failed(reason);
  };
  worker.addEventListener("message", (event) => handler.message(event.data));
  worker.addEventListener("messageerror", () => fail("sent a message that cannot be read"));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    fail(plainReason(event.message));
  });
  // Bun says when a thread ends by itself; the heartbeat finds it elsewhere.
  worker.addEventListener("close", () => {
    gone.resolve();
    fail("ended");
  });
  worker.postMessage(boot);
  return {
    post: (message) => worker.postMessage(message),
    terminate() {
      ended = true;
      worker.terminate();
    },
    ended: gone.promise,
  };
}

/** Bun reports an uncaught error as a person would see it, with lines of source around: keep what it says. */
function plainReason(message: string): string {
  const said = /^\s*(?:error|(\w*Error|\w+Exception)): (.*)$/m.exec(message);
  return said === null ? message.trim() : said[1] === undefined || said[1] === "Error" ? said[2]! : `${said[1]}: ${said[2]}`;
}
