/** Configurations of devices by way of the REST interface, and their events. */
import { type Answer, ask, type Problem } from "./rest.ts";
import type { SseConsumer } from "./sse.ts";
import { until } from "./until.ts";

export interface ConfigJson {
  readonly version: number;
  readonly value: unknown;
  readonly applied: number | null;
  readonly failed: number | null;
  readonly pending: number | null;
  readonly reason: string | null;
}

export const put = (url: string, device: string, value: unknown): Promise<Answer<{ readonly version: number } & Problem>> =>
  ask(url, `/v1/devices/${device}/config`, { method: "PUT", body: JSON.stringify(value) });

/** The version made. @throws Error unless there is one. */
export async function versionOf(url: string, device: string, value: unknown): Promise<number> {
  const answer = await put(url, device, value);
  if (answer.status !== 200) throw new Error(`Cannot put configuration: ${answer.status} ${answer.text}`);
  return answer.json.version;
}

export async function config(url: string, device: string): Promise<ConfigJson> {
  const answer = await ask<ConfigJson>(url, `/v1/devices/${device}/config`);
  if (answer.status !== 200) throw new Error(`Cannot get configuration: ${answer.status} ${answer.text}`);
  return answer.json;
}

export const report = (url: string, device: string, version: number, state: string, body: object = {}): Promise<Answer<Problem>> =>
  ask(url, `/v1/devices/${device}/config/${version}/${state}`, { method: "POST", body: JSON.stringify(body) });

export const settled = (url: string, device: string, what: string, is: (config: ConfigJson) => boolean): Promise<ConfigJson> =>
  until(what, async () => {
    const found = await config(url, device);
    return is(found) ? found : false;
  });

export interface ConfigEvent {
  readonly device: string;
  readonly version: number;
  readonly state: string;
  readonly reason?: string;
}

/** `VERSION state` of each event about configurations, in order. */
export const toldOf = (consumer: SseConsumer): string[] =>
  consumer.of("config").map(({ data }) => JSON.parse(data) as ConfigEvent).map(({ version, state }) => `${version} ${state}`);
