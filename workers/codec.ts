/** The codec thread. */
import { runCodec } from "../src/engine/codec.ts";
import { startThread } from "../src/engine/thread.ts";

startThread(runCodec);
