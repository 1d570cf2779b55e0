/** `berth token create|list|revoke`: of a running gateway, or of a data directory no gateway holds. */
import type { Command } from "commander";
import * as v from "valibot";
import { LIMITS, limitsWith } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { parseScopes, scopeNames } from "../access/scope.ts";
import { getJson, request, requestJson } from "../client/rest.ts";
import { Access, type Token } from "../engine/access.ts";
import { lockData } from "../engine/lock.ts";
import type { Platform } from "../platform/port.ts";
import { timeText } from "./event_line.ts";
import { addGatewayOptions, addGroup, examplesOf, EXIT, fail, misused, type Verb } from "./verb.ts";

interface TokenOptions {
  readonly url: string;
  readonly token?: string;
  readonly data?: string;
  readonly json?: boolean;
}
interface CreateOptions extends TokenOptions {
  readonly scope: readonly string[];
  readonly name?: string;
}

const HELP = `
Scopes: read (see everything), command (what reaches devices and channels), device:ID (what concerns that device, and no
other), admin (everything). Without tokens a gateway answers this machine alone, and asks nobody who they are; from the first
one on, which needs scope admin, everybody needs one. A token is shown once, and stored as its SHA-256.

Against a running gateway it takes a token of scope admin, once there is one. With --data it works on the data directory of a
gateway that is not running: so the first token is made before it listens to the network.

  berth token create --scope admin --data /var/lib/berth
  BERTH_TOKEN=... berth token create --scope read --scope command --name grafana
  berth token create --scope device:356307042441013
  berth token list
  berth token revoke 0123456789ab
`;

const TokenJson = v.object({ id: v.string(), name: v.string(), scopes: v.array(v.string()), createdAt: v.number() });
const NewToken = v.object({ ...TokenJson.entries, token: v.string() });
const Tokens = v.object({ tokens: v.array(TokenJson) });
type TokenJson = v.InferOutput<typeof TokenJson>;
const ODD = "Cannot read the answer of /v1/tokens: it is not what this berth expects; are the versions the same?";

const jsonOf = ({ id, name, scopes, createdAt }: Token): TokenJson => ({ id, name, scopes: scopeNames(scopes), createdAt });

/** Works on the tokens of a data directory while nobody else can. */
function onData<T>(platform: Platform, data: string, work: (access: Access) => Result<T, string>): Result<T, string> {
  const lock = lockData(platform, data);
  if (!lock.ok) return lock.fault === "data_held" ? err(lock.fault, `${lock.message}; without --data the running gateway is asked`) : lock;
  const access = new Access(platform, data, limitsWith());
  try {
    access.follow();
    return access.trouble === null ? work(access) : err("access_unreadable", access.trouble);
  } finally {
    if (access.trouble === null) access.close();
    lock.value.release();
  }
}

function checked<S extends v.GenericSchema>(schema: S, answer: Result<unknown, string>): Result<v.InferOutput<S>, string> {
  if (!answer.ok) return answer;
  const parsed = v.safeParse(schema, answer.value);
  return parsed.success ? ok(parsed.output) : err("odd", ODD);
}

async function create(platform: Platform, { scope, name = "", url, token, data, json }: CreateOptions): Promise<number> {
  const scopes = parseScopes(scope, LIMITS.tokenDevices.value);
  if (!scopes.ok) return misused(platform, `--scope: ${scopes.message}`);
  const made = data === undefined
    ? checked(NewToken, await requestJson(url, "/v1/tokens", { method: "POST", body: { name, scopes: scopeNames(scopes.value) }, token }))
    : onData(platform, data, (access) => {
      const done = access.create(name, scopes.value);
      return done.ok ? ok({ ...jsonOf(done.value.token), token: done.value.text }) : done;
    });
  if (!made.ok) return fail(platform, `Cannot make a token: ${made.message}`);
  platform.writeOut(json === true ? `${JSON.stringify(made.value)}\n` : `${made.value.token}\n`);
  if (json !== true) platform.writeErr(`berth: token ${made.value.id} (${made.value.scopes.join(", ")}): it is not shown again\n`);
  return EXIT.done;
}

function tokenTable(tokens: readonly TokenJson[]): string {
  if (tokens.length === 0) return "There are no tokens: only this machine is answered, and nobody is asked who they are.\n";
  const rows = tokens.map(({ id, name, scopes, createdAt }) => [id, timeText(createdAt), scopes.join(","), name]);
  const all = [["ID", "CREATED", "SCOPES", "NAME"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()}\n`).join("");
}

async function list(platform: Platform, { url, token, data, json }: TokenOptions): Promise<number> {
  const found = data === undefined
    ? checked(Tokens, await getJson(url, "/v1/tokens", token))
    : onData(platform, data, (access) => ok({ tokens: access.tokens.map(jsonOf) }));
  if (!found.ok) return fail(platform, found.message);
  const { tokens } = found.value;
  platform.writeOut(json === true ? tokens.map((one) => `${JSON.stringify(one)}\n`).join("") : tokenTable(tokens));
  return EXIT.done;
}

async function revoke(platform: Platform, id: string, { url, token, data }: TokenOptions): Promise<number> {
  const done = data === undefined
    ? await request(url, `/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE", token })
    : onData(platform, data, (access) =>
      access.revoke(id, false) === "revoked" ? ok(null) : err("unknown", `there is no token ${id} in ${data}`));
  return done.ok ? EXIT.done : fail(platform, `Cannot revoke ${id}: ${done.message}`);
}

const several = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

export const addToken: Verb = (program, platform, end) => {
  const token = addGroup(program, "token", "make, list and revoke tokens of the HTTP interface", HELP);
  const add = (name: string, what: string): Command =>
    addGatewayOptions(token.command(name).description(what)).option("--data <DIR>", "the data directory of a gateway that is not running")
      .addHelpText("after", examplesOf(HELP, `berth token ${name}`));
  add("create", "make a token and print it")
    .requiredOption("--scope <SCOPE>", "read, command, admin or device:ID; may be repeated", several)
    .option("--name <TEXT>", "what it is for")
    .option("--json", "with its id, as one JSON object")
    .action(async (options: CreateOptions) => end(await create(platform, options)));
  add("list", "list the tokens there are")
    .option("--json", "one JSON object a line")
    .action(async (options: TokenOptions) => end(await list(platform, options)));
  add("revoke", "make a token worthless, now")
    .argument("<ID>", "its public id")
    .action(async (id: string, options: TokenOptions) => end(await revoke(platform, id, options)));
};
