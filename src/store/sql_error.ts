/** What a store does with errors of its database: tells them from bugs. Pure. */
export interface SqlFailure {
  /** SQLite's symbolic name: SQLITE_FULL, SQLITE_CORRUPT, SQLITE_IOERR_WRITE … */
  readonly code: string;
  readonly message: string;
}

/** The failure inside a thrown value, or null when it is not the database's: then it is a bug, and is thrown on. */
export function sqlFailure(error: unknown): SqlFailure | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  const code = error.code;
  return typeof code === "string" && code.startsWith("SQLITE_") ? { code, message: error.message } : null;
}

/** A failure made by a fault point; passes for one of the database. */
export class SimulatedFailure extends Error {
  override readonly name = "SimulatedFailure";
  readonly code = "SQLITE_IOERR";
}

/** Failures no retry heals: the process ends and says what to do. */
export const isCorrupt = (code: string): boolean => code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_NOTADB");

/** What a failed commit means to people: a word of the board's STORE_FAILURES. */
export function failureKind(code: string): "full" | "read_only" | "io" | "other" {
  if (code.startsWith("SQLITE_FULL")) return "full";
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN") || code.startsWith("SQLITE_PERM")) return "read_only";
  return code.startsWith("SQLITE_IOERR") ? "io" : "other";
}
