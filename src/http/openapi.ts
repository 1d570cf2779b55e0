/** GET /openapi.json: OpenAPI 3.1 of the routes that are there, made from the schemas the routes use. */
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { needName, needOf } from "../access/need.ts";
import { VERSION } from "../base/version.ts";
import { JSON_TYPE, type Operation, OPERATIONS } from "./operations.ts";
import { ProblemSchema } from "./problem.ts";

const ALSO = {
  401: "A token is needed, once there are any",
  403: "Not with this token, or not from this page",
  404: "Unknown",
  409: "Not in this state",
  413: "Too large",
  422: "Too many matches to sort; or a configuration that is not as its schema has it, with `errors`",
  426: "No opening of a WebSocket",
  429: "Too many requests, or too many wrong tokens from this address; Retry-After says when to come again",
  503: "Not now; see Retry-After",
} as const;

/** The shape without the dialect's name, which stands once in the document. */
function shapeOf(schema: GenericSchema): JsonSchema {
  const { $schema: _dialect, ...shape } = toJsonSchema(schema, { typeMode: "output", errorMode: "ignore" });
  return shape;
}

function parametersOf(operation: Operation): object[] {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(operation.query.entries).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema: shapeOf(schema as GenericSchema),
  }));
  const lastEventId = { name: "Last-Event-ID", in: "header", required: false, schema: { type: "string" } };
  return [...inPath, ...inQuery, ...(operation.path === "/v1/events" ? [lastEventId] : [])];
}

const contentOf = (type: string, schema: GenericSchema | null): object => ({
  [type]: { schema: schema === null ? { type: type === JSON_TYPE ? "object" : "string" } : shapeOf(schema) },
});

function emptyAnswer({ answer, accepted }: Operation): object {
  if (answer === "websocket") return { 101: { description: "A WebSocket" } };
  return { [accepted === true ? 202 : 204]: { description: "Done" } };
}

function operationOf(operation: Operation): object {
  const { answer, body, problems, summary } = operation;
  const problemBody = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  const responses: Record<string, object> = {
    ...(typeof answer === "string" ? emptyAnswer(operation) : {
      [operation.accepted === true ? 202 : operation.created === true ? 201 : 200]: {
        description: "As asked",
        content: contentOf(...answer),
      },
    }),
    400: { description: "A parameter that cannot be used, named", content: problemBody },
  };
  const need = needOf((operation.method ?? "get").toUpperCase(), operation.path, { health: false, metrics: false });
  const asked = need.kind === "open" ? [] : [401, 403, 429];
  const sized = operation.method === undefined ? [] : [413];
  for (const status of [...asked, ...sized, ...problems]) {
    responses[status] = { description: ALSO[status as keyof typeof ALSO], content: problemBody };
  }
  const requestBody = body === undefined ? {} : { requestBody: { content: contentOf(JSON_TYPE, body) } };
  const security = need.kind === "open" ? [] : [{ bearer: [needName(need)] }];
  return { summary, security, parameters: parametersOf(operation), ...requestBody, responses };
}

/** Every path once, with its methods. */
function paths(): Record<string, Record<string, object>> {
  const all: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) (all[operation.path] ??= {})[operation.method ?? "get"] = operationOf(operation);
  return all;
}

export const openApiDocument = (): object => ({
  openapi: "3.1.0",
  info: { title: "Berth", version: VERSION, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
  paths: paths(),
  components: {
    schemas: { Problem: shapeOf(ProblemSchema) },
    securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "berth token create; to look, also ?access_token=" } },
  },
});
