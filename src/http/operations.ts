/** Every route that is there, with the schemas it uses: what /openapi.json is made from, and which methods a path has. Pure. */
import type { GenericSchema, ObjectEntries } from "valibot";
import * as v from "valibot";
import { CommandBody, CommandReportBody, CommandSchema, CommandsQuery, CommandsSchema } from "./commands.ts";
import { AllowedSchema, AllowQuery, AllowSchema } from "./allow.ts";
import { ConfigReportBody, ConfigSchema, ConfigVersionSchema } from "./device_config.ts";
import { StreamQuery } from "./device_stream.ts";
import { ConflictsQuery, ConflictsSchema } from "./conflicts.ts";
import { DevicesQuery, NoQuery } from "./devices.ts";
import { DrainBody } from "./drain.ts";
import { EventsQuery } from "./events.ts";
import { FramesQuery, FramesSchema } from "./frames.ts";
import { HistoryQuery, HistorySchema } from "./history.ts";
import { ClassPolicySchema, DevicePolicySchema } from "./policies.ts";
import { ChannelSchema, PublishBody } from "./publish.ts";
import { QuarantinedSchema, QuarantineParameters, QuarantineSchema } from "./quarantine.ts";
import { RecordsQuery } from "./records.ts";
import { DevicesSchema, HealthSchema, OneDeviceSchema, RecordsSchema } from "./schema.ts";
import { NewTokenSchema, TokenBody, TokensSchema } from "./tokens.ts";

export interface Operation {
  /** GET unless said otherwise. */
  readonly method?: "post" | "put" | "delete";
  readonly path: string;
  readonly summary: string;
  readonly query: { readonly entries: ObjectEntries };
  /** JSON body; all of it may be left out when every part of it may. */
  readonly body?: GenericSchema;
  /** Media type and schema of 200; null: text. "nothing": 204, or 202. "websocket": 101. */
  readonly answer: readonly [string, GenericSchema | null] | "nothing" | "websocket";
  /** 201 instead of 200. */
  readonly created?: boolean;
  /** 202 instead of 200. */
  readonly accepted?: boolean;
  /** Error statuses besides 400, 413 where there may be a body, and 401, 403 and 429 where a token is needed. */
  readonly problems: readonly number[];
}

export const JSON_TYPE = "application/json";
const json = (schema: GenericSchema): readonly [string, GenericSchema] => [JSON_TYPE, schema];

export const OPERATIONS: readonly Operation[] = [
  {
    path: "/v1/devices",
    summary: "Devices, with the cursor to subscribe from",
    query: DevicesQuery,
    answer: json(DevicesSchema),
    problems: [503],
  },
  { path: "/v1/devices/{id}", summary: "One device", query: NoQuery, answer: json(OneDeviceSchema), problems: [404, 503] },
  {
    path: "/v1/devices/{id}/records",
    summary: "Stored records of a device",
    query: RecordsQuery,
    answer: json(RecordsSchema),
    problems: [404, 422, 503],
  },
  {
    path: "/v1/devices/{id}/frames",
    summary: "Stored frames of a device as they came, newest first; one of which nothing was new is not stored",
    query: FramesQuery,
    answer: json(FramesSchema),
    problems: [404, 503],
  },
  {
    path: "/v1/devices/{id}/history",
    summary: "Takeovers of a device, newest first: the old connection and the new one",
    query: HistoryQuery,
    answer: json(HistorySchema),
    problems: [404, 503],
  },
  {
    path: "/v1/conflicts",
    summary: "Identity conflicts, newest first: two live devices with one identity",
    query: ConflictsQuery,
    answer: json(ConflictsSchema),
    problems: [503],
  },
  {
    method: "post",
    path: "/v1/conflicts/{id}/acknowledge",
    summary: "Say that a conflict is known: it is told again only when it goes on or changes",
    query: NoQuery,
    answer: "nothing",
    problems: [403, 404, 503],
  },
  {
    path: "/v1/quarantine",
    summary: "Frames that could not be decoded and are kept raw, newest first",
    query: QuarantineParameters,
    answer: json(QuarantineSchema),
    problems: [503],
  },
  {
    method: "post",
    path: "/v1/quarantine/{id}/release",
    summary: "Acknowledge this frame from now on, as it is kept: it no longer stands in the device's way",
    query: NoQuery,
    answer: "nothing",
    problems: [404, 503],
  },
  {
    method: "post",
    path: "/v1/quarantine/{id}/replay",
    summary: "Decode a kept frame again and store what it yields, once, marked redecoded",
    query: NoQuery,
    answer: json(QuarantinedSchema),
    problems: [404, 503],
  },
  {
    method: "delete",
    path: "/v1/quarantine/{id}",
    summary: "Forget a kept frame: makes room for others of its device",
    query: NoQuery,
    answer: "nothing",
    problems: [404, 503],
  },
  {
    path: "/v1/events",
    summary: "The journal live, resumed by Last-Event-ID; mode=latest: who falls behind gets the newest record of each device, and gaps",
    query: EventsQuery,
    answer: ["text/event-stream", null],
    problems: [503],
  },
  {
    path: "/v1/ws",
    summary: "The same events, and channels, as JSON messages on a WebSocket; subscriptions begin at their cursors",
    query: NoQuery,
    answer: "websocket",
    problems: [426, 503],
  },
  {
    method: "post",
    path: "/v1/publish",
    summary: "Publish a message on an application channel; answered when it is on the disk",
    query: NoQuery,
    body: PublishBody,
    accepted: true,
    answer: "nothing",
    problems: [503],
  },
  {
    path: "/v1/channels/{name}",
    summary: "How many subscriptions name the channel",
    query: NoQuery,
    answer: json(ChannelSchema),
    problems: [404],
  },
  {
    method: "put",
    path: "/v1/policies/{class}",
    summary: "The policy of a class (or of default) for admissions from now on",
    query: NoQuery,
    body: ClassPolicySchema,
    answer: json(v.object({ class: v.string(), policy: v.string() })),
    problems: [404, 503],
  },
  {
    method: "put",
    path: "/v1/devices/{id}/policy",
    summary: "The policy of one device for admissions from now on",
    query: NoQuery,
    body: DevicePolicySchema,
    answer: json(v.object({ device: v.string(), policy: v.nullable(v.string()) })),
    problems: [404, 503],
  },
  {
    method: "post",
    path: "/v1/devices/{id}/kick",
    summary: "End a device's connection; what it has in flight is refused",
    query: NoQuery,
    answer: "nothing",
    problems: [403, 404, 409, 503],
  },
  {
    method: "post",
    path: "/v1/devices/{id}/commands",
    summary: "Send a command to a device; 202 when it is on the disk, written when the device is there and quiet",
    query: NoQuery,
    body: CommandBody,
    accepted: true,
    answer: json(CommandSchema),
    problems: [403, 404, 409, 503],
  },
  ...(["answered", "nacked"] as const).map((state): Operation => ({
    method: "post",
    path: `/v1/devices/{id}/commands/{command}/${state}`,
    summary: `The device says that it has ${state === "answered" ? "obeyed" : "not obeyed"} a command it was given on its stream`,
    query: NoQuery,
    body: CommandReportBody,
    answer: "nothing",
    problems: [404, 409, 503],
  })),
  {
    path: "/v1/devices/{id}/commands",
    summary: "The commands of a device, newest first",
    query: CommandsQuery,
    answer: json(CommandsSchema),
    problems: [404, 503],
  },
  { path: "/v1/commands/{id}", summary: "What became of a command", query: NoQuery, answer: json(CommandSchema), problems: [404, 503] },
  {
    method: "put",
    path: "/v1/devices/{id}/config",
    summary: "A new version of a device's configuration; a flat object of parameter ids is set on a tracker by commands",
    query: NoQuery,
    body: v.unknown(),
    answer: json(ConfigVersionSchema),
    problems: [404, 409, 422, 503],
  },
  {
    path: "/v1/devices/{id}/config",
    summary: "The newest version of a device's configuration, and what the device says of it",
    query: NoQuery,
    answer: json(ConfigSchema),
    problems: [404, 503],
  },
  ...(["applied", "failed"] as const).map((state): Operation => ({
    method: "post",
    path: `/v1/devices/{id}/config/{version}/${state}`,
    summary: `The device says that it has ${state === "applied" ? "applied" : "failed to apply"} a version`,
    query: NoQuery,
    body: ConfigReportBody,
    answer: "nothing",
    problems: [404, 409, 503],
  })),
  {
    path: "/v1/devices/{id}/stream",
    summary:
      "A device's own connection: its configuration in full, then each newer version; a connection of another kind is taken over only when asked",
    query: StreamQuery,
    answer: ["text/event-stream", null],
    problems: [404, 409, 503],
  },
  {
    method: "post",
    path: "/v1/drain",
    summary: "Close every connection at a rate and report who comes back; ending the request ends it",
    query: NoQuery,
    body: DrainBody,
    answer: ["application/x-ndjson", null],
    problems: [403, 409, 503],
  },
  { path: "/v1/allow", summary: "The allow list, by id", query: AllowQuery, answer: json(AllowSchema), problems: [] },
  { path: "/v1/allow/{id}", summary: "Is the device on the allow list?", query: NoQuery, answer: json(AllowedSchema), problems: [404] },
  {
    method: "put",
    path: "/v1/allow/{id}",
    summary: "Put a device on the allow list: it may come where unknown ones are refused",
    query: NoQuery,
    answer: "nothing",
    problems: [409, 503],
  },
  {
    method: "delete",
    path: "/v1/allow/{id}",
    summary: "Take a device off: from now on it is refused where unknown ones are",
    query: NoQuery,
    answer: "nothing",
    problems: [404, 409, 503],
  },
  { path: "/v1/tokens", summary: "The tokens there are, without their texts", query: NoQuery, answer: json(TokensSchema), problems: [] },
  {
    method: "post",
    path: "/v1/tokens",
    summary: "Make a token; its text is told this once. The first one needs scope admin",
    query: NoQuery,
    body: TokenBody,
    created: true,
    answer: json(NewTokenSchema),
    problems: [409],
  },
  {
    method: "delete",
    path: "/v1/tokens/{id}",
    summary: "Revoke a token; its event streams end",
    query: NoQuery,
    answer: "nothing",
    problems: [404, 409],
  },
  { path: "/metrics", summary: "Metrics, Prometheus or OpenMetrics text", query: NoQuery, answer: ["text/plain", null], problems: [] },
  { path: "/healthz", summary: "Is the process alive?", query: NoQuery, answer: json(HealthSchema), problems: [] },
  { path: "/readyz", summary: "Can it accept and commit?", query: NoQuery, answer: json(HealthSchema), problems: [503] },
  { path: "/openapi.json", summary: "This document", query: NoQuery, answer: [JSON_TYPE, null], problems: [] },
  { path: "/", summary: "The dashboard", query: NoQuery, answer: ["text/html", null], problems: [] },
];
