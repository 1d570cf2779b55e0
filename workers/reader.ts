/** The reader thread. */
import { runReader } from "../src/engine/reader.ts";
import { startThread } from "../src/engine/thread.ts";

startThread(runReader);
