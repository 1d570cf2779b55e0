/** The accept thread. */
import { runAccept } from "../src/engine/accept.ts";
import { startThread } from "../src/engine/thread.ts";

startThread(runAccept);
