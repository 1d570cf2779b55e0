/** The peer thread. */
import { runPeer } from "../src/engine/peer.ts";
import { startThread } from "../src/engine/thread.ts";

startThread(runPeer);
