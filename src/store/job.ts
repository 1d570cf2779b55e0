/** Work of the journal that is done in slices between commits, each slice one transaction. */
export interface Job {
  /** Name of the fault point passed in every slice; also says which counter counts it. */
  readonly point: "journal.flush_slice" | "journal.merge_slice" | "journal.retention_slice";
  /** One slice, inside a transaction. True when it was the last. Remembers nothing before `committed`. */
  step(): boolean;
  /** The slice is on disk. */
  committed(last: boolean): void;
  /** The slice was rolled back; it may be tried again. */
  failed(): void;
}
