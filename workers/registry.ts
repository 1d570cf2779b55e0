/** The registry thread. */
import { runRegistry } from "../src/engine/registry.ts";
import { startThread } from "../src/engine/thread.ts";

startThread(runRegistry);
