/** What the client says that the gateway answers is what it answers. The first test is made by the compiler: it does not compile when it fails. */
import { expect, test } from "bun:test";
import type * as v from "valibot";
import type {
  Command,
  CommandState,
  Device,
  DevicesPage,
  OneDevice,
  RecordsPage,
  StoredRecord,
  Transport,
} from "../../../src/client/model.ts";
import type { CommandSchema } from "../../../src/http/commands.ts";
import type { DeviceJson, DevicesSchema, OneDeviceJson, RecordsSchema, StoredJson } from "../../../src/http/schema.ts";
import type { EventData } from "../../../src/client/events.ts";
import type { EventKind } from "../../../src/store/entry.ts";
import type { COMMAND_STATES } from "../../../src/wire/command.ts";
import type { Transport as WireTransport } from "../../../src/wire/control.ts";

/** Each can be used as the other, and names the same fields: one that may be left out is seen as well. */
type Same<A, B> = [A, keyof A] extends [B, keyof B] ? ([B, keyof B] extends [A, keyof A] ? true : never) : never;
type Is<A, B> = [A] extends [B] ? true : never;

const SAME: readonly true[] = [
  true satisfies Same<Device, DeviceJson>,
  true satisfies Same<OneDevice, OneDeviceJson>,
  true satisfies Is<v.InferOutput<typeof DevicesSchema>, DevicesPage>,
  true satisfies Same<StoredRecord, StoredJson>,
  true satisfies Is<v.InferOutput<typeof RecordsSchema>, RecordsPage>,
  true satisfies Same<Command, v.InferOutput<typeof CommandSchema>>,
  true satisfies Same<CommandState, (typeof COMMAND_STATES)[number]>,
  true satisfies Same<Transport, WireTransport>,
  true satisfies Same<Exclude<keyof EventData, "gap" | "resync" | "denied" | "over">, "record" | EventKind>,
];

test("types of the client are those of the interface", () => {
  expect(SAME.every((same) => same)).toBe(true);
});
