/** A gateway's answers held against its own /openapi.json: statuses, media types, and bodies down to members nobody declared. */
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import { type Answer, ask } from "./rest.ts";

interface Content {
  readonly schema: Record<string, unknown>;
}
interface OperationObject {
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

export interface Asked {
  /** What stands for `{id}` and the like, in order. */
  readonly in?: readonly string[];
  readonly query?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** With what is declared and nothing else; `oneOf` and the like keep their own. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    copy[name] = name === "properties"
      ? Object.fromEntries(Object.entries(value as object).map(([member, of]) => [member, strict(of)]))
      : strict(value);
  }
  if ("properties" in copy && !("additionalProperties" in copy)) copy["additionalProperties"] = false;
  return copy;
}

export class Described {
  readonly document: Document;
  /** `get /v1/devices 200`: what was answered so far. */
  readonly seen = new Set<string>();
  readonly #url: string;
  readonly #ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  private constructor(url: string, document: Document) {
    this.#url = url;
    this.document = document;
    this.#ajv.addSchema({ $id: "doc:", $defs: strict(document.components.schemas) as Record<string, object> });
  }

  static async of(url: string): Promise<Described> {
    return new Described(url, (await ask<Document>(url, "/openapi.json")).json);
  }

  /** Every operation as `get /v1/devices`. */
  get operations(): string[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  }

  /** Statuses of an operation that are no problem. */
  successes(operation: string): string[] {
    return Object.keys(this.#operation(operation).responses).filter((status) => Number(status) < 400);
  }

  /** Asks, and holds the answer against the document. @throws Error naming everything that is not as described. */
  async ask<T = Record<string, unknown>>(operation: string, asked: Asked = {}): Promise<Pick<Answer<T>, "status" | "json">> {
    const [method = "", path = ""] = operation.split(" ");
    const places = [...asked.in ?? []];
    const concrete = path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(places.shift() ?? "1"));
    const response = await fetch(`${this.#url}${concrete}${asked.query === undefined ? "" : `?${asked.query}`}`, {
      method: method.toUpperCase(),
      headers: { ...asked.headers },
      ...(asked.body === undefined ? {} : { body: typeof asked.body === "string" ? asked.body : JSON.stringify(asked.body) }),
    });
    const what = `${operation}${asked.query === undefined ? "" : `?${asked.query}`} answered ${response.status}`;
    this.seen.add(`${operation} ${response.status}`);
    const described = this.#operation(operation).responses[response.status];
    if (described === undefined) throw new Error(`${what}, which is not described: ${await response.text()}`);
    const type = response.headers.get("content-type")?.split(";")[0] ?? null;
    const content = described.content === undefined ? null : described.content[type ?? ""];
    if (content === undefined) throw new Error(`${what} as ${type}, which is not described`);
    if (type === "text/event-stream") {
      await response.body?.cancel();
      return { status: response.status, json: null as T };
    }
    const text = await response.text();
    if (content === null) {
      if (text !== "") throw new Error(`${what} with a body nobody described: ${text}`);
      return { status: response.status, json: null as T };
    }
    if (!/[/+]json$/.test(type ?? "")) return { status: response.status, json: null as T };
    const json = JSON.parse(text) as T;
    const validate = this.#validator(`${operation} ${response.status}`, content.schema);
    if (!validate(json)) throw new Error(`${what}: ${this.#ajv.errorsText(validate.errors)} in ${text.slice(0, 2000)}`);
    return { status: response.status, json };
  }

  #operation(operation: string): OperationObject {
    const [method = "", path = ""] = operation.split(" ");
    const found = this.document.paths[path]?.[method];
    if (found === undefined) throw new Error(`${operation} is not described`);
    return found;
  }

  #validator(key: string, schema: Record<string, unknown>): ValidateFunction {
    let validate = this.#validators.get(key);
    if (validate === undefined) {
      const text = JSON.stringify(strict(schema)).replaceAll("#/components/schemas/", "doc:#/$defs/");
      this.#validators.set(key, validate = this.#ajv.compile(JSON.parse(text) as object));
    }
    return validate;
  }
}
