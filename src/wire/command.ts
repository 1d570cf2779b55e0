/** Commands to devices as all threads name them: their states and kinds. Pure; indexes are the wire's numbers: append only. */

/**
 * queued: waits for a connection, or for its turn. routed: given to the connection with that fence; from here on a crash leaves
 * unknown whether it ran. written: its bytes left. The others are ends, and there is one of them:
 * answered, nacked (the device refused it), expired (its time to live passed unwritten), failed (it could not be written),
 * unknown (written, perhaps executed, and no answer came).
 */
export const COMMAND_STATES = ["queued", "routed", "written", "answered", "nacked", "expired", "failed", "unknown"] as const;
export type CommandState = (typeof COMMAND_STATES)[number];

const LIVE: ReadonlySet<CommandState> = new Set(["queued", "routed", "written"]);
export const isEnd = (state: CommandState): boolean => !LIVE.has(state);

/** Codecs a command can be sent in. */
export const COMMAND_CODECS = [12, 14] as const;
export type CommandCodec = (typeof COMMAND_CODECS)[number];

/** The type byte of a command, of a response, and of codec 14's refusal by a device that has another IMEI. */
export const MessageType = { command: 0x05, response: 0x06, nack: 0x11 } as const;
