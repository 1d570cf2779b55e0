/** What a simulation asks of a tracker, whatever it sends over. Pure. */
export interface SimulatedDevice {
  /** A frame waits for its acknowledgement. */
  readonly outstanding: boolean;
  readonly connecting: boolean;
  /** Everything it had to send is acknowledged. */
  readonly finished: boolean;
  /** Begins and ends what is due at `now` (mono ms). `mayConnect`: false while too many others are connecting. */
  tick(now: number, mayConnect: boolean): void;
  /** Sends the next frame. False when it cannot now. */
  send(): boolean;
  /** Ends it for good. */
  end(): void;
}
