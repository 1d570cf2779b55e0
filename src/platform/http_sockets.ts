/** What can be known of the connections that `serveHttp` has, where the runtime takes every one that comes and says nothing of them. Types only. */

/** A connection to an HTTP listener of this process, found by its descriptor. */
export interface HttpSocket {
  readonly fd: number;
  readonly peerPort: number;
  /** How long nothing was sent to it, since it is there at most. */
  readonly quietMs: number;
  /** Bytes its peer has acknowledged. */
  readonly takenBytes: number;
}

/** What can be known of the connections that `serveHttp` has where the runtime itself bounds them not. */
export interface HttpSockets {
  /** Descriptors of the process; 0: not known. Costs little. */
  openDescriptors(): number;
  /** Looks at `count` descriptors from `first` on for connections to `localPort`. `isLast`: there are none above. */
  look(
    localPort: number,
    first: number,
    count: number,
    found: (one: HttpSocket) => void,
  ): { readonly end: number; readonly isLast: boolean };
  /** Ends it, if it is still there. */
  end(one: HttpSocket): void;
}
