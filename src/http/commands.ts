/**
 * POST and GET /v1/devices/{id}/commands, GET /v1/commands/{id}: what is sent to a device, and what became of it. 202 means that the
 * command is on the disk; it is written when its device is there and quiet. POST …/commands/{command}/answered|nacked: what a device
 * says of one it was given on its stream.
 */
import type { Hono } from "hono";
import * as v from "valibot";
import { LIMITS } from "../base/limits.ts";
import { commandText } from "../command/text.ts";
import { normaliseIdentity } from "../base/identity.ts";
import type { StoredCommand } from "../store/port.ts";
import { COMMAND_CODECS, COMMAND_STATES } from "../wire/command.ts";
import { readBody } from "./body.ts";
import { NoQuery, unknownDevice } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { query, strictQuery, wholeNumber } from "./query.ts";
import { ms } from "./schema.ts";

const whole = ({ min, max }: { readonly min: number; readonly max: number }, what: string) => {
  const expected = `a whole number from ${min} to ${max}`;
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(min, expected), v.maxValue(max, expected), v.description(what));
};
const KEY = /^[\x21-\x7e]{1,64}$/;
const keyExpected = "1 to 64 printable characters without spaces";

export const CommandBody = v.strictObject({
  text: v.pipe(v.string("a text"), v.description("Printable ASCII on one line, without login and password")),
  codec: v.optional(
    v.pipe(v.picklist(COMMAND_CODECS, "12 or 14"), v.description("12 by default; 14 is obeyed only by the device with that IMEI")),
  ),
  ttlMs: v.optional(whole(LIMITS.commandTtlMs, "How long it may wait for its device")),
  timeoutMs: v.optional(whole(LIMITS.commandTimeoutMs, "How long it waits for its answer once written")),
  idempotencyKey: v.optional(
    v.pipe(v.string(keyExpected), v.regex(KEY, keyExpected), v.description("A second command of the device with it is the first one")),
  ),
}, "an object with text");

export const CommandSchema = v.object({
  id: v.string(),
  device: v.string(),
  text: v.string(),
  state: v.pipe(
    v.picklist(COMMAND_STATES),
    v.description("answered, nacked, expired, failed and unknown are ends; unknown: it may have run"),
  ),
  fence: v.pipe(v.nullable(v.number()), v.description("Of the connection it was given to")),
  createdAt: ms("When it was accepted"),
  writtenAt: v.nullable(ms("When its bytes left")),
  endedAt: v.nullable(ms("When it ended")),
  response: v.pipe(v.nullable(v.string()), v.description("What the device answered; hex: and its bytes when that is no text")),
  reason: v.pipe(v.nullable(v.string()), v.description("Why it ended without an answer")),
});
type CommandJson = v.InferOutput<typeof CommandSchema>;

export const CommandReportBody = v.strictObject({
  fence: v.optional(
    v.pipe(
      v.number("a fence"),
      v.integer("a fence"),
      v.minValue(0, "a fence"),
      v.description("Of the connection that says so: refused when it was not given the command"),
    ),
  ),
  response: v.optional(v.pipe(v.string("a text"), v.description("What it answers, or why it did not obey"))),
}, "an object with fence and response");

const COMMAND_ID = /^[0-9a-f]{1,64}$/;
/** Codec 14 names the device by it. */
const IMEI = /^[0-9]{15}$/;

const REFUSED: Readonly<Record<string, string>> = {
  key_used: "its idempotency key was used for another command",
  device_full: "too many commands of this device have not ended",
  too_long: "it is too long for the rings as configured",
  fence: "it was given to another connection",
  late: "its time was over; the answer is kept as an event",
  ended: "it has ended",
  not_given: "it was not given to the device's stream",
};

const PAGE_DEFAULT = 20;
const COMMANDS_MAX = 100;
export const CommandsQuery = query({
  limit: v.optional(wholeNumber(1, COMMANDS_MAX)),
  after: v.optional(v.pipe(v.string(), v.regex(COMMAND_ID, "`next` of the page before"))),
});
export const CommandsSchema = v.object({
  commands: v.pipe(v.array(CommandSchema), v.description("Newest first")),
  next: v.pipe(v.nullable(v.string()), v.description("`after` of the next page")),
});

export function serveCommands(app: Hono, gateway: Gateway): void {
  serveReports(app, gateway);
  const { limits } = gateway.settings;

  app.get("/v1/devices/:id/commands", strictQuery(CommandsQuery), async (c) => {
    const id = c.req.param("id");
    const device = normaliseIdentity(id);
    if (device === null) return unknownDevice(id);
    const { limit = PAGE_DEFAULT, after = "" } = c.req.valid("query");
    const found = await gateway.commands.ofDevice(device, after, limit + 1);
    if (found.kind === "busy") return unavailable(found.reason);
    if (found.commands.length === 0 && after === "" && gateway.told(device) === null) return unknownDevice(id);
    const commands = found.commands.slice(0, limit).map(commandJson);
    return c.json({ commands, next: found.commands.length > limit ? commands.at(-1)!.id : null });
  });

  app.post("/v1/devices/:id/commands", strictQuery(NoQuery), async (c) => {
    const id = c.req.param("id");
    const body = await readBody(c, CommandBody);
    if (!body.ok) return body.answer;
    const { text, codec = 12, ttlMs = limits.commandTtlMs, timeoutMs = limits.commandTimeoutMs, idempotencyKey: key = "" } = body.value;
    const checked = commandText(text, limits.commandTextBytes);
    if (!checked.ok) return problem(400, checked.message, { parameter: "text" });
    const device = normaliseIdentity(id);
    if (device === null) return unknownDevice(id);
    if (codec === 14 && !IMEI.test(device)) {
      return problem(400, `Cannot use codec: 14 names the device by its IMEI, and ${device} is none`, { parameter: "codec" });
    }
    // Asked of the registry too: the journal may tell of a new device a moment later.
    if (gateway.told(device) === null) {
      const found = await gateway.device(device);
      if (found.kind === "busy") return unavailable(found.reason);
      if (found.device === null) return unknownDevice(device);
    }
    const done = await gateway.commands.submit({ device, text, codec, ttlMs, timeoutMs, key });
    switch (done.kind) {
      case "busy":
        return unavailable(done.reason);
      case "refused":
        return problem(409, `Cannot send command: ${REFUSED[done.why] ?? done.why}`);
      case "command":
        return c.json(commandJson(done.command), 202, { location: `/v1/commands/${done.command.id}` });
    }
  });

  app.get("/v1/commands/:id", strictQuery(NoQuery), async (c) => {
    const id = c.req.param("id");
    if (!COMMAND_ID.test(id)) return unknownCommand(id);
    const found = await gateway.commands.find(id);
    if (found.kind === "busy") return unavailable(found.reason);
    return found.command === null ? unknownCommand(id) : c.json(commandJson(found.command));
  });
}

/** What a device says of a command it was given on its stream. */
function serveReports(app: Hono, gateway: Gateway): void {
  const { commandResponseBytes: most } = gateway.settings.limits;
  for (const state of ["answered", "nacked"] as const) {
    app.post(`/v1/devices/:id/commands/:command/${state}`, strictQuery(NoQuery), async (c) => {
      const { id: device, command } = c.req.param();
      const body = await readBody(c, CommandReportBody);
      if (!body.ok) return body.answer;
      const { fence = 0, response = "" } = body.value;
      const bytes = new TextEncoder().encode(response).length;
      if (bytes > most) return problem(413, `A response of ${bytes} bytes exceeds ${most}`);
      if (!COMMAND_ID.test(command)) return unknownCommand(command);
      const done = await gateway.commands.report({ device, id: command, fence, isAnswered: state === "answered", response });
      switch (done.kind) {
        case "done":
          return new Response(null, { status: 204 });
        case "busy":
          return unavailable(done.reason);
        case "unknown_command":
          return unknownCommand(command);
        case "refused":
          return problem(409, `Cannot take command as ${state}: ${REFUSED[done.why] ?? done.why}`);
      }
    });
  }
}

const unknownCommand = (id: string): Response => problem(404, `Unknown command ${JSON.stringify(id.slice(0, 64))}`);

const commandJson = (command: StoredCommand): CommandJson => {
  const { id, device, text, state, fence, createdAt, writtenAt, endedAt, response, reason } = command;
  return { id, device, text, state, fence, createdAt, writtenAt, endedAt, response, reason };
};
