/** The effective settings of one gateway, after defaults < file < environment < flags. Pure data; crosses threads. */
import type { Network } from "../base/ip_address.ts";
import type { Limits } from "../base/limits.ts";
import type { ProxyVersions } from "../codec/proxy_protocol.ts";
import type { ConflictAction, Transport } from "../wire/control.ts";
import type { PeerPolicy } from "../wire/peer_line.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A class of devices with a policy of its own; the first that fits counts. */
export interface ClassSetting {
  readonly name: string;
  /** Identities, `*` for any run of characters. */
  readonly match: string;
  /** Null: any. */
  readonly transport: Transport | null;
  /** As in wire/policy.ts. */
  readonly policy: string;
  /** File with the JSON Schema of its devices' configurations; "": none of its own. */
  readonly configSchema: string;
}

export interface DeviceSetting {
  readonly id: string;
  readonly policy: string;
}

/** Another gateway. */
export interface PeerSetting {
  readonly identity: string;
  /** Null: it is not dialled, only let in. */
  readonly dial: (HostPort & { readonly kind: "tcp" | "ws" }) | null;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

export interface Settings {
  /** Data directory. */
  readonly data: string;
  /** Codec workers; 0 means cores - 1, at least 1. */
  readonly workers: number;
  /** Of a device in no class, as in wire/policy.ts. */
  readonly policy: string;
  readonly policies: { readonly classes: readonly ClassSetting[]; readonly devices: readonly DeviceSetting[] };
  readonly unknownDevices: "accept" | "reject" | "quarantine";
  readonly logLevel: LogLevel;
  /** Name of this instance in the ready line and in events; made from host and pid when empty. */
  readonly instance: string;
  readonly tcp: HostPort & {
    readonly accept: "auto" | "fd" | "reuseport";
    /** Balancers that say who is behind them; null: none. */
    readonly proxy: { readonly versions: ProxyVersions; readonly from: readonly Network[] } | null;
    /** A second address, where trackers speak TLS, with the files of the certificate, its key and, "" for none, the authorities of clients. */
    readonly tls: (HostPort & { readonly cert: string; readonly key: string; readonly clientCa: string }) | null;
  };
  /** `threads`: 0 or left out: by the cores. */
  readonly http: HostPort & { readonly threads?: number };
  /** Where trackers send datagrams, and whether they get commands there; the thread for them runs only then. */
  readonly udp: (HostPort & { readonly commands: boolean }) | null;
  /** How other gateways are met; the thread for it runs only when there are peers. */
  readonly peer: { readonly listen: HostPort | null; readonly policy: PeerPolicy };
  readonly peers: readonly PeerSetting[];
  readonly conflict: { readonly action: ConflictAction };
  /** File with the JSON Schema of configurations of devices in no class that has one; "": none. */
  readonly configSchema: string;
  /** Files of the certificate chain and the private key of the HTTP interface; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Who may use the HTTP interface, once there are tokens. */
  readonly access: {
    readonly health: "open" | "token";
    readonly metrics: "open" | "token";
    /** Other sites whose pages may use it. */
    readonly origins: readonly string[];
    /** File with ids of devices that may come, one a line; "": none. */
    readonly allowFile: string;
  };
  readonly limits: Limits;
}
