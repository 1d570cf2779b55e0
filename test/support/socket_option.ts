/** Reads an integer option of a socket by its descriptor, as the kernel has it. Linux. */
import { ptr } from "bun:ffi";
import { libc } from "../../src/platform/bun_libc.ts";

export function intOption(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  if (libc()!.getsockopt(fd, level, name, ptr(value), ptr(length)) !== 0) throw new Error(`Cannot read option ${name} of socket ${fd}`);
  return value[0]!;
}
