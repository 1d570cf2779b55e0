/**
 * JSON Schemas into checks of values: the one place that knows the library. It is large, so that it is loaded only where a schema is
 * configured (config_schemas.ts). Pure but for the functions the library makes; owned by whoever loads it.
 */
import { Ajv, type ErrorObject } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { err, ok, type Result } from "../base/result.ts";

/** What is wrong with a value: a JSON Pointer into it, and what is expected there. */
export interface Wrong {
  readonly path: string;
  readonly message: string;
}
/** What is wrong with a value: nothing, or the first things found. */
export type Check = (value: unknown) => readonly Wrong[];

const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
/**
 * Keywords nobody knows are refused: they are slips of the pen. Formats say what is meant and are not checked, as the standard has it. All
 * that is wrong is looked for, as a value is small.
 */
const OPTIONS = { strict: true, strictTypes: false, strictTuples: false, validateFormats: false, allErrors: true, logger: false } as const;

export class SchemaCompiler {
  readonly #mostWrong: number;
  /** One for each dialect there is: it compiles what schemas have to be, which is most of its work. */
  readonly #libraries = new Map<boolean, Ajv>();

  constructor(mostWrong: number) {
    this.#mostWrong = mostWrong;
  }

  /** @param text One schema, complete in itself: draft 2020-12, or draft-07 where its `$schema` says so. */
  compile(text: string): Result<Check, "bad_schema"> {
    try {
      const schema: unknown = JSON.parse(text);
      if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema))) {
        return err("bad_schema", "a schema is an object");
      }
      const library = this.#library(typeof schema === "object" && "$schema" in schema && DRAFT_7.test(String(schema.$schema)));
      const validate = library.compile(schema);
      // By its name nobody else can refer to it.
      if (typeof schema === "object") library.removeSchema(schema);
      if ("$async" in validate) return err("bad_schema", "$async is not taken");
      return ok((value) => (validate(value) ? [] : (validate.errors ?? []).slice(0, this.#mostWrong).map(wrongOf)));
    } catch (error) {
      // The library throws what it thinks of a schema.
      return err("bad_schema", (error as Error).message);
    }
  }

  #library(isOld: boolean): Ajv {
    let library = this.#libraries.get(isOld);
    if (library === undefined) this.#libraries.set(isOld, library = isOld ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS));
    return library;
  }
}

function wrongOf({ instancePath, message = "is wrong", params, keyword }: ErrorObject): Wrong {
  const { additionalProperty, unevaluatedProperty, allowedValues, allowedValue } = params as Readonly<Record<string, unknown>>;
  const which = additionalProperty ?? unevaluatedProperty ?? allowedValues ?? allowedValue;
  const more = which === undefined ? "" : `: ${JSON.stringify(which)}`;
  return { path: instancePath, message: keyword === "false schema" ? "must not be there" : `${message}${more}` };
}
