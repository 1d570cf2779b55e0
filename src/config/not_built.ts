/** Settings that have a name but are not built yet: refused by that name, never accepted and ignored. Pure. */
/** Tables and keys of the file that belong to what is not built yet. */
const NAMES: Readonly<Record<string, string>> = {
  redis: "clusters over Redis",
  cluster: "clusters",
  sinks: "sinks",
  forward: "sinks",
};

/** The feature an unknown key names, or null. */
export function featureOf(key: string): string | null {
  return NAMES[key] ?? NAMES[key.split(".")[0]!] ?? null;
}
