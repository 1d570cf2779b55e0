/** What may be sent as the text of a command. Pure. */
import { err, ok, type Result } from "../base/result.ts";

const FIRST = 0x20;
const LAST = 0x7e;

/** Printable ASCII on one line: trackers take nothing else, and older firmware stumbles over a line end. */
export function commandText(text: string, maxBytes: number): Result<string, "bad_text"> {
  if (text.length === 0) return err("bad_text", "Cannot send command: it is empty");
  if (text.length > maxBytes) return err("bad_text", `Cannot send command: length ${text.length} exceeds ${maxBytes}`);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < FIRST || code > LAST) {
      return err("bad_text", `Cannot send command: character ${i + 1} is not printable ASCII (0x${code.toString(16).padStart(2, "0")})`);
    }
  }
  return ok(text);
}
