/** When two values are equal as `toEqual` means it: same parts all the way down; a property that is undefined is not there. */
type Parts = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Parts => typeof value === "object" && value !== null;
/** "[object Map]" and the like. */
const kindOf = (value: object): string => Object.prototype.toString.call(value);
const definedKeys = (value: Parts): string[] => Object.keys(value).filter((key) => value[key] !== undefined);

/** The values of what is compared in order: arrays, typed arrays, maps and sets. Null for any other object. */
function listOf(value: object): unknown[] | null {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return [...(value as Uint8Array)];
  return Array.isArray(value) || value instanceof Map || value instanceof Set ? [...(value as Iterable<unknown>)] : null;
}

export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Error || b instanceof Error) return a instanceof Error && b instanceof Error && a.message === b.message;
  if (kindOf(a) !== kindOf(b)) return false;
  const [left, right] = [listOf(a), listOf(b)];
  if (left !== null && right !== null) {
    return left.length === right.length && left.every((value, i) => equal(value, right[i]));
  }
  const keys = definedKeys(a);
  return keys.length === definedKeys(b).length && keys.every((key) => equal(a[key], b[key]));
}

/** Has `actual` everything that `part` has? Lists must be of one length. */
export function matches(actual: unknown, part: unknown): boolean {
  if (!isObject(part) || !isObject(actual)) return equal(actual, part);
  if (Array.isArray(part)) {
    return Array.isArray(actual) && actual.length === part.length && part.every((value, i) => matches(actual[i], value));
  }
  return listOf(part) === null ? Object.keys(part).every((key) => matches(actual[key], part[key])) : equal(actual, part);
}
