/** Where `berth replay` finds kept frames and has them decoded again: a running gateway, or a data directory no gateway holds. */
import * as v from "valibot";
import { err, ok, type Result } from "../base/result.ts";
import { requestJson } from "../client/rest.ts";
import type { ReplayData } from "../engine/replay.ts";
import { quarantinedJson } from "../http/quarantine.ts";
import { Quarantined, quarantined } from "./quarantined.ts";

export interface Yield {
  readonly records: number;
  readonly stored: number;
}

export interface ReplaySource {
  /** Newest first, with their bytes. */
  frames(): AsyncIterable<Result<Quarantined, string>>;
  /** What has come of a frame this time, when it is on the disk. */
  replay(frame: Quarantined): Promise<Result<Yield, string>>;
  close(): void;
}

export const fromGateway = (url: string, token: string | undefined, device: string | undefined): ReplaySource => ({
  frames: () => quarantined({ url, raw: true, ...(token === undefined ? {} : { token }), ...(device === undefined ? {} : { device }) }),
  async replay({ id, replay: before }) {
    const path = `/v1/quarantine/${id}/replay`;
    const answer = await requestJson(url, path, { method: "POST", token });
    if (!answer.ok) return answer;
    const frame = v.safeParse(Quarantined, answer.value);
    if (!frame.success) {
      return err("odd", `Cannot read the answer of ${path}: it is not what this berth expects; are the versions the same?`);
    }
    const { records, stored } = frame.output.replay ?? { records: 0, stored: 0 };
    return ok({ records, stored: stored - (before?.stored ?? 0) });
  },
  close: () => undefined,
});

export const fromData = (data: ReplayData, device: string | undefined): ReplaySource => ({
  async *frames() {
    for (const frame of data.frames(device ?? null)) yield ok(quarantinedJson(frame, true));
    await Promise.resolve();
  },
  replay: ({ id }) => Promise.resolve(data.replay(id)),
  close: () => data.close(),
});
