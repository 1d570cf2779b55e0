/** The runtime these tests run on: Bun, or Deno where deno.test.json says so. */
import { choosePlatform } from "../../src/platform/choose.ts";
import type { Platform } from "../../src/platform/port.ts";

export const here: Platform = await choosePlatform();
