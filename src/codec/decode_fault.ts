/** Why some input is not valid, as `berth decode` prints it. Pure. */
import type { FrameFault } from "../wire/frame_message.ts";
import type { Violation } from "./framer.ts";

/** `truncated`: the input ends inside a frame. `bad_hex`: the input is not hexadecimal. */
export type DecodeFaultName = Exclude<FrameFault, "none"> | Violation | "truncated" | "bad_hex";

export interface DecodeFault {
  /** One plain sentence. */
  readonly error: string;
  readonly fault: DecodeFaultName;
  /** Byte of the input (for `bad_hex`: character). */
  readonly offset: number;
}
