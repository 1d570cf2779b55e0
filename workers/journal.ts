/** The journal thread. */
import { runJournal } from "../src/engine/journal.ts";
import { startThread } from "../src/engine/thread.ts";

startThread(runJournal);
