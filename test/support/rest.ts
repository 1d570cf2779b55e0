/** The REST side of a gateway, as a consumer sees it. */
import type { RecordJson } from "./frames.ts";

export interface StoredJson extends RecordJson {
  readonly seq: number;
  readonly device: string;
  readonly fence: number;
  readonly receivedAt: number;
}

export interface DeviceJson {
  readonly id: string;
  readonly connected: boolean;
  readonly fence: number;
  readonly transport: string;
  readonly origin: { readonly address: string; readonly port: number; readonly clientInstance: string | null };
  readonly since: number;
  readonly lastSeenAt: number;
  readonly lastByteAt: number;
  readonly position: RecordJson | null;
  readonly records: number;
  /** Of one device alone; null when it has no connection. */
  readonly liveness?: {
    readonly inFlight: number;
    readonly kernel: { readonly lastAckAt: number; readonly rttMs: number; readonly retransmits: number } | null;
  } | null;
}

export interface DevicesPage {
  readonly cursor: string;
  readonly devices: readonly DeviceJson[];
  readonly next: string | null;
}
export interface RecordsPage {
  readonly records: readonly StoredJson[];
  readonly next: string | null;
}
export interface Problem {
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly type?: string;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: T;
}

/** One request. `json` is null when the body is not JSON. */
export async function ask<T = unknown>(url: string, path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const response = await fetch(url + path, init);
  const text = await response.text();
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    // Plain text: metrics.
  }
  return { status: response.status, headers: response.headers, text, json: json as T };
}

async function ok<T>(url: string, path: string): Promise<T> {
  const answer = await ask<T>(url, path);
  if (answer.status !== 200) throw new Error(`Cannot get ${path}: ${answer.status} ${answer.text}`);
  return answer.json;
}

export const device = (url: string, id: string): Promise<DeviceJson> => ok<DeviceJson>(url, `/v1/devices/${id}`);
export const devicesPage = (url: string, query = ""): Promise<DevicesPage> => ok<DevicesPage>(url, `/v1/devices${query}`);
export const recordsPage = (url: string, id: string, query = ""): Promise<RecordsPage> =>
  ok<RecordsPage>(url, `/v1/devices/${id}/records${query}`);

/** Every device, over all pages. */
export async function allDevices(url: string, limit = 1000): Promise<DeviceJson[]> {
  const devices: DeviceJson[] = [];
  for (let after: string | null = "";;) {
    const page: DevicesPage = await devicesPage(url, `?limit=${limit}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`);
    devices.push(...page.devices);
    after = page.next;
    if (after === null) return devices;
  }
}

/** Every record of a device, over all pages. A device nobody has heard of has none. */
export async function allRecords(url: string, id: string, query = "", limit = 1000): Promise<StoredJson[]> {
  const records: StoredJson[] = [];
  for (let after = "";;) {
    const path = `/v1/devices/${id}/records?limit=${limit}${query}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`;
    const answer = await ask<RecordsPage>(url, path);
    if (answer.status === 404 && records.length === 0) return records;
    if (answer.status !== 200) throw new Error(`Cannot get ${path}: ${answer.status} ${answer.text}`);
    records.push(...answer.json.records);
    if (answer.json.next === null) return records;
    after = answer.json.next;
  }
}

/** Samples of /metrics by their whole name: `berth_records_total{outcome="stored"}`. */
export async function metrics(url: string): Promise<Map<string, number>> {
  const samples = new Map<string, number>();
  for (const line of (await ask(url, "/metrics")).text.split("\n")) {
    const match = /^([a-z_]+(?:\{[^}]*\})?) (\S+)/.exec(line);
    if (match !== null) samples.set(match[1]!, Number(match[2]));
  }
  return samples;
}

export const metric = async (url: string, name: string): Promise<number> => (await metrics(url)).get(name) ?? 0;
export const RECORDS_STORED = 'berth_records_total{outcome="stored"}';
export const RECORDS_DUPLICATE = 'berth_records_total{outcome="duplicate"}';
