/** A command as the store has it: queued, for the device "1". */
import type { StoredCommand } from "../../src/store/port.ts";

export const COMMAND: StoredCommand = {
  id: "1",
  device: "1",
  key: "",
  codec: 12,
  text: "getinfo",
  createdAt: 1_700_000_000_000,
  expiresAt: 1_700_000_060_000,
  timeoutMs: 5000,
  state: "queued",
  fence: null,
  writtenAt: null,
  endedAt: null,
  response: null,
  reason: null,
  seq: 0,
};
