/** The sync thread. */
import { runSync } from "../src/engine/sync.ts";
import { startThread } from "../src/engine/thread.ts";

startThread(runSync);
