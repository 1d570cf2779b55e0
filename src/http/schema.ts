/** The JSON the REST interface answers with, as valibot schemas: types for the code, components for /openapi.json. */
import * as v from "valibot";

export const ms = (what: string) => v.pipe(v.number(), v.integer(), v.description(`${what}, ms since 1970 UTC`));
export const count = (what: string) => v.pipe(v.number(), v.integer(), v.minValue(0), v.description(what));

const record = {
  time: ms("When the device recorded it"),
  priority: count("0 low, 1 high, 2 panic"),
  lon: v.pipe(v.number(), v.description("Degrees, 7 decimals")),
  lat: v.pipe(v.number(), v.description("Degrees, 7 decimals")),
  altitude: v.pipe(v.number(), v.description("Metres")),
  angle: count("Degrees clockwise from north"),
  satellites: count("0: no fix"),
  speed: count("km/h"),
  eventId: count("IO id that caused the record; 0: periodic"),
  generationType: v.pipe(v.nullable(v.number()), v.description("0-7 in codec 16, else null")),
  io: v.pipe(v.record(v.string(), v.string()), v.description("IO id → big-endian hex as on the wire")),
};

export const RecordSchema = v.object(record);

export const StoredSchema = v.object({
  ...record,
  seq: count("Its position in the journal"),
  device: v.string(),
  fence: count("The connection that delivered it"),
  receivedAt: ms("When it arrived"),
  named: v.optional(
    v.pipe(
      v.record(v.string(), v.object({ name: v.string(), value: v.union([v.number(), v.string()]), unit: v.optional(v.string()) })),
      v.description("Known IO values by id, named and scaled; with the parameter names"),
    ),
  ),
  invalid: v.optional(v.pipe(v.boolean(), v.description("A value is out of range, or its time far ahead of its arrival; kept as it came"))),
  quarantined: v.optional(v.pipe(v.boolean(), v.description("Sent while two live devices fought for the identity"))),
  unfenced: v.optional(
    v.pipe(v.boolean(), v.description("Stored beside the device's owner, or decoded later: not where the device is now")),
  ),
  redecoded: v.optional(v.pipe(v.boolean(), v.description("Came out of a frame kept raw, decoded later by berth replay"))),
});

export const Origin = v.object({ address: v.string(), port: v.number(), clientInstance: v.nullable(v.string()) });

export const DeviceSchema = v.object({
  id: v.string(),
  connected: v.boolean(),
  fence: count("Of the newest connection; the higher one owns the device"),
  transport: v.picklist(["tcp", "udp", "sse", "ws", "peer"]),
  origin: Origin,
  since: ms("When that connection was admitted"),
  lastSeenAt: ms("Newest frame or end of connection"),
  lastByteAt: ms("Newest byte of the device"),
  position: v.pipe(v.nullable(RecordSchema), v.description("The last position")),
  records: count("Records ever stored"),
});

/** What the kernel says of a connection, sampled every few seconds. */
export const KernelSchema = v.object({
  lastAckAt: ms("When the peer's kernel last acknowledged anything"),
  rttMs: v.pipe(v.number(), v.description("Smoothed round trip")),
  retransmits: count("Retransmissions of the oldest unacknowledged bytes"),
});

export const OneDeviceSchema = v.object({
  ...DeviceSchema.entries,
  liveness: v.pipe(
    v.nullable(v.object({ inFlight: count("Frames without a verdict"), kernel: v.nullable(KernelSchema) })),
    v.description("Of the live connection; null when there is none"),
  ),
});

export const DevicesSchema = v.object({
  cursor: v.pipe(v.string(), v.description("Where to subscribe from: the first page's")),
  devices: v.array(DeviceSchema),
  next: v.pipe(v.nullable(v.string()), v.description("`after` of the next page")),
});

export const RecordsSchema = v.object({
  records: v.array(StoredSchema),
  next: v.pipe(v.nullable(v.string()), v.description("`after` of the next page")),
});

export const HealthSchema = v.object({ status: v.literal("ok") });

export type DeviceJson = v.InferOutput<typeof DeviceSchema>;
export type OneDeviceJson = v.InferOutput<typeof OneDeviceSchema>;
export type StoredJson = v.InferOutput<typeof StoredSchema>;
