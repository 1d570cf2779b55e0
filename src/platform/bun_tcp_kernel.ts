/**
 * Asking the kernel about a TCP connection (TCP_INFO), and making it ask the peer: liveness evidence. Through bun:ffi, on
 * Linux. `struct tcp_info` has one layout on x64 and arm64: bytes and 32-bit words up to what is read here, little-endian.
 */
import { ptr } from "bun:ffi";
import { applySocketOptions, type Libc, setIntOption, TCP } from "./bun_libc.ts";
import type { TcpInfo, TcpKernel } from "./port.ts";

const STATE = 0;
const RETRANSMITS = 2;
const UNACKED = 24;
const LAST_DATA_RECEIVED = 52;
const LAST_ACK_RECEIVED = 56;
const RTT = 68;
const BYTES_RECEIVED = 128;
const SEGMENTS_RECEIVED = 140;
/** Kernels since 4.6 fill in at least this much. */
const NEEDED = 144;
/** The kernel gives up after more probes than any asking lasts. */
const MANY = 127;

const info = new DataView(new ArrayBuffer(256));
const length = new Uint32Array(1);

export const bunTcpKernel = (lib: Libc): TcpKernel => ({
  info: (fd, into) => readInfo(lib, fd, into),
  askPeer: (fd) => askPeer(lib, fd),
  restore: applySocketOptions,
});

function readInfo(lib: Libc, fd: number, into: TcpInfo): boolean {
  length[0] = info.byteLength;
  if (fd < 0 || lib.getsockopt(fd, TCP.level, TCP.info, ptr(info), ptr(length)) !== 0 || length[0] < NEEDED) return false;
  into.state = info.getUint8(STATE);
  into.retransmits = info.getUint8(RETRANSMITS);
  into.unacked = info.getUint32(UNACKED, true);
  into.lastDataReceivedMs = info.getUint32(LAST_DATA_RECEIVED, true);
  into.lastAckReceivedMs = info.getUint32(LAST_ACK_RECEIVED, true);
  into.rttUs = info.getUint32(RTT, true);
  into.bytesReceived = info.getUint32(BYTES_RECEIVED, true);
  into.segmentsReceived = info.getUint32(SEGMENTS_RECEIVED, true);
  return true;
}

/**
 * A probe a second, the first at once when the peer has been silent for one. The user timeout goes first: with it the kernel
 * ends a connection at the first unanswered probe when the silence before was longer than that timeout.
 */
function askPeer(lib: Libc, fd: number): void {
  if (fd < 0) return;
  setIntOption(lib, fd, TCP.level, TCP.userTimeout, 0);
  setIntOption(lib, fd, TCP.level, TCP.keepCount, MANY);
  setIntOption(lib, fd, TCP.level, TCP.keepInterval, 1);
  setIntOption(lib, fd, TCP.level, TCP.keepIdle, 1);
}
