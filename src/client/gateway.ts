/** Asks a gateway over REST: devices, records, commands, publishing. Every answer is a Result; nothing is retried. */
import { err, ok, type Result } from "../base/result.ts";
import type { Command, Device, DevicesPage, OneDevice, RecordsPage, StoredRecord } from "./model.ts";
import { gatewayUrl, requestJson, type RestFault } from "./rest.ts";

export interface GatewayOptions {
  readonly token?: string | (() => string | undefined) | undefined;
}

type Answer<T> = Promise<Result<T, RestFault>>;

export interface DevicesQuery {
  readonly limit?: number;
  readonly after?: string;
  readonly connected?: boolean;
}

export interface RecordsQuery {
  /** Times of the records, ms since 1970 UTC, both included. */
  readonly from?: number;
  readonly to?: number;
  readonly limit?: number;
  readonly after?: string;
  readonly order?: "seq" | "time";
  readonly names?: string;
}

export interface CommandWish {
  readonly text: string;
  readonly codec?: 12 | 14;
  readonly ttlMs?: number;
  readonly timeoutMs?: number;
  /** A second command of the device with it is the first one. */
  readonly idempotencyKey?: string;
}

/** Every device, and where to follow from so that nothing is missed in between. */
export interface Hydrated {
  readonly cursor: string;
  readonly devices: readonly Device[];
}

export interface Gateway {
  devices(query?: DevicesQuery): Answer<DevicesPage>;
  /** Every page of them. What changed meanwhile comes to who follows from the cursor. */
  allDevices(): Answer<Hydrated>;
  device(id: string): Answer<OneDevice>;
  records(device: string, query?: RecordsQuery): Answer<RecordsPage>;
  /** Every record of the range, page by page; the last thing is an error when one could not be read. */
  allRecords(device: string, query?: RecordsQuery): AsyncGenerator<Result<StoredRecord, RestFault>>;
  send(device: string, wish: CommandWish): Answer<Command>;
  command(id: string): Answer<Command>;
  /** On a channel `app.NAME`; answered when it is on the disk. */
  publish(channel: string, data: unknown): Answer<unknown>;
}

const PAGE = 1000;

/** `url`: `http://HOST:PORT`. @throws TypeError when that is no such address. */
export function gateway(url: string, { token }: GatewayOptions = {}): Gateway {
  const base = gatewayUrl(url);
  if (base === null) throw new TypeError(`Cannot use ${JSON.stringify(url)}: expected http://HOST:PORT`);
  const bearer = (): string | undefined => (typeof token === "function" ? token() : token);
  const get = <T>(path: string): Answer<T> => requestJson(base, path, { method: "GET", token: bearer() }) as Answer<T>;
  const post = <T>(path: string, body: object): Answer<T> =>
    requestJson(base, path, { method: "POST", body, token: bearer() }) as Answer<T>;
  const of = (device: string): string => `/v1/devices/${encodeURIComponent(device)}`;
  const devices: Gateway["devices"] = (query = {}) => get(`/v1/devices${textOf(query)}`);
  const records: Gateway["records"] = (device, query = {}) => get(`${of(device)}/records${textOf(query)}`);
  return {
    devices,
    records,
    allDevices: () => hydrate(devices),
    device: (id) => get(of(id)),
    allRecords: (device, query = {}) => recordsOf((after) => records(device, { limit: PAGE, ...query, ...after })),
    send: (device, wish) => post(`${of(device)}/commands`, wish),
    command: (id) => get(`/v1/commands/${encodeURIComponent(id)}`),
    publish: (channel, data) => post("/v1/publish", { channel, data }),
  };
}

/**
 * Every page of devices. The first one's cursor is where to follow from; the last thing is an error when a page could not be read, or is of
 * another epoch than the first.
 */
export async function* devicePages(page: Gateway["devices"]): AsyncGenerator<Result<DevicesPage, RestFault>> {
  let epoch: string | null = null;
  for (let after: string | null = "";;) {
    const answer: Awaited<Answer<DevicesPage>> = await page({ limit: PAGE, ...(after === "" ? {} : { after }) });
    if (answer.ok) epoch ??= epochOf(answer.value.cursor);
    const isOther = answer.ok && epochOf(answer.value.cursor) !== epoch;
    yield isOther ? err("odd", "the store was changed while devices were read") : answer;
    if (!answer.ok || isOther) return;
    after = answer.value.next;
    if (after === null) return;
  }
}

async function hydrate(page: Gateway["devices"]): Promise<Result<Hydrated, RestFault>> {
  const devices: Device[] = [];
  let cursor = "";
  for await (const answer of devicePages(page)) {
    if (!answer.ok) return answer;
    if (cursor === "") ({ cursor } = answer.value);
    devices.push(...answer.value.devices);
  }
  return ok({ cursor, devices });
}

async function* recordsOf(
  page: (after: { readonly after?: string }) => Answer<RecordsPage>,
): AsyncGenerator<Result<StoredRecord, RestFault>> {
  for (let after: string | null = "";;) {
    const answer: Awaited<Answer<RecordsPage>> = await page(after === "" ? {} : { after });
    if (!answer.ok) {
      yield answer;
      return;
    }
    for (const record of answer.value.records) yield ok(record);
    after = answer.value.next;
    if (after === null) return;
  }
}

const epochOf = (cursor: string): string => cursor.slice(0, cursor.lastIndexOf("."));

function textOf(query: object): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined).map((
    [name, value],
  ): [string, string] => [name, String(value)]);
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}
