/** The http thread. */
import { runHttp } from "../src/engine/http.ts";
import { startThread } from "../src/engine/thread.ts";
import { createApp } from "../src/http/app.ts";

startThread((boot, platform, report) => runHttp(boot, platform, report, createApp));
