/** The udp thread. */
import { startThread } from "../src/engine/thread.ts";
import { runUdp } from "../src/engine/udp.ts";

startThread(runUdp);
