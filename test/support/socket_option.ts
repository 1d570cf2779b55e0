/** A socket by its descriptor: an integer option as the kernel has it, and an end of its writing that its owner knows nothing of. Linux. */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { libc } from "../../src/platform/bun_libc.ts";

export function intOption(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  if (libc()!.getsockopt(fd, level, name, ptr(value), ptr(length)) !== 0) throw new Error(`Cannot read option ${name} of socket ${fd}`);
  return value[0]!;
}

/** The kernel sends a FIN and takes no more bytes for it. */
export function shutDown(fd: number): void {
  const { shutdown } = dlopen("libc.so.6", { shutdown: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } }).symbols;
  if (shutdown(fd, 1) !== 0) throw new Error(`Cannot shut down socket ${fd}`);
}
