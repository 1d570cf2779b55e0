/** What a runtime can be asked about memory. Every call does nothing where it cannot be. */
export interface MemoryCalls {
  /** Frees at once what this thread does not use any more; takes milliseconds. */
  collect(): void;
  /** The same of what was made since the last collection: about a millisecond. */
  collectYoung(): void;
  /** Of the whole process, as the system sees it; 0: not known. A few microseconds. */
  residentBytes(): number;
  /** The whole pages within these bytes go back to the system; what is read there afterwards is zero, or what was there. */
  discard: Discard;
}

export type Discard = (memory: SharedArrayBuffer, from: number, to: number) => void;
