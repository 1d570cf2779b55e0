/** The effective settings of one gateway, after defaults < file < environment < flags. Pure data; crosses threads. */
import type { Limits } from "../base/limits.ts";
import type { PolicyName } from "../wire/control.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

export interface Settings {
  /** Data directory. */
  readonly data: string;
  /** Codec workers; 0 means cores - 1, at least 1. */
  readonly workers: number;
  readonly policy: PolicyName;
  readonly unknownDevices: "accept" | "reject" | "quarantine";
  readonly logLevel: LogLevel;
  /** Name of this instance in the ready line and in events; made from host and pid when empty. */
  readonly instance: string;
  readonly tcp: HostPort & { readonly accept: "auto" | "fd" | "reuseport" };
  readonly http: HostPort;
  readonly limits: Limits;
}
