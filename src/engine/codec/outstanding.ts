/** A command as its connection has it: to be written, or written and not answered yet. Owned by the codec worker. */
export interface Outstanding {
  /** The registry's number for it. */
  readonly no: number;
  readonly codec: number;
  /** The whole TCP frame. */
  readonly frame: Uint8Array;
  /** Monotonic ms: when it came here, and when its time to live is over. */
  readonly since: number;
  readonly deadline: number;
  isWritten: boolean;
}
