/** What is said of a JSON body that is not as declared. */
import { expect, test } from "bun:test";
import { Hono } from "hono";
import * as v from "valibot";
import { readBody } from "../../../src/http/body.ts";
import { PublishBody } from "../../../src/http/publish.ts";

const app = new Hono();
app.post("/publish", async (c) => {
  const body = await readBody(c, PublishBody);
  return body.ok ? c.json(body.value) : body.answer;
});
app.post("/named", async (c) => {
  const body = await readBody(c, v.strictObject({ text: v.string("a text") }, "an object with text"));
  return body.ok ? c.json(body.value) : body.answer;
});
const told = async (path: string, body: string): Promise<{ detail: string; parameter?: string }> =>
  await (await app.request(path, { method: "POST", body })).json() as { detail: string; parameter?: string };

test.each([
  ["/publish", "{}", "Cannot use channel: expected a value", "channel"],
  ["/publish", '{"channel":"app.x"}', "Cannot use data: expected a value", "data"],
  ["/publish", "5", "Cannot use the body: expected a JSON object", undefined],
  ["/publish", "[]", "Cannot use channel: expected a value", "channel"],
  ["/publish", '{"channel":"app.x","data":1,"more":1}', "Cannot use more: expected no such field", "more"],
  ["/publish", "{", "Cannot read the body: not JSON", undefined],
  ["/named", "{}", "Cannot use text: expected an object with text", "text"],
  ["/named", '{"text":5}', "Cannot use text: expected a text", "text"],
])("%s of %s", async (path, body, detail, parameter) => {
  expect(await told(path, body)).toMatchObject({ detail, ...(parameter === undefined ? {} : { parameter }) });
});
