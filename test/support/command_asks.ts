/** Commands by way of the REST interface, and their events. */
import type { SseConsumer } from "./sse.ts";
import { type Answer, ask, type Problem } from "./rest.ts";
import { PATIENCE_MS, until } from "./until.ts";

export interface CommandJson {
  readonly id: string;
  readonly device: string;
  readonly text: string;
  readonly state: string;
  readonly fence: number | null;
  readonly createdAt: number;
  readonly writtenAt: number | null;
  readonly endedAt: number | null;
  readonly response: string | null;
  readonly reason: string | null;
}

export const ENDS: readonly string[] = ["answered", "nacked", "expired", "failed", "unknown"];

export const post = (url: string, device: string, body: object): Promise<Answer<CommandJson & Problem>> =>
  ask<CommandJson & Problem>(url, `/v1/devices/${device}/commands`, { method: "POST", body: JSON.stringify(body) });

/** @throws Error unless it is accepted. */
export async function submit(url: string, device: string, body: object = {}): Promise<CommandJson> {
  const answer = await post(url, device, { text: "getinfo", ...body });
  if (answer.status !== 202) throw new Error(`Cannot send command: ${answer.status} ${answer.text}`);
  return answer.json;
}

export async function command(url: string, id: string): Promise<CommandJson> {
  const answer = await ask<CommandJson>(url, `/v1/commands/${id}`);
  if (answer.status !== 200) throw new Error(`Cannot get command ${id}: ${answer.status} ${answer.text}`);
  return answer.json;
}

export const inState = (url: string, id: string, state: string, timeoutMs = PATIENCE_MS): Promise<CommandJson> =>
  until(`command ${id} ${state}`, async () => {
    const found = await command(url, id);
    return found.state === state ? found : false;
  }, timeoutMs);

/** States a command's events told, in order. */
export const statesTold = (consumer: SseConsumer, id: string): string[] =>
  consumer.of("command").map(({ data }) => JSON.parse(data) as Partial<CommandJson>).filter((one) => one.id === id).map((one) =>
    String(one.state)
  );
