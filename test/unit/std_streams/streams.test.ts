/** The streams that stand in for `@std/streams`: the behaviour of the originals. */
import { describe, expect, test } from "bun:test";
import { TextLineStream, type TextLineStreamOptions } from "@std/streams/text-line-stream";
import { toTransformStream } from "@std/streams/to-transform-stream";
import fc from "fast-check";

const streamOf = <T>(chunks: readonly T[]): ReadableStream<T> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

const lines = (chunks: readonly string[], options?: TextLineStreamOptions): Promise<string[]> =>
  Array.fromAsync(streamOf(chunks).pipeThrough(new TextLineStream(options)));

describe("TextLineStream", () => {
  test("ends lines at LF and CRLF across chunks", async () => {
    expect(await lines(["a\nb", "c\r", "\nd\r\n", "\n", "e"])).toEqual(["a", "bc", "d", "", "e"]);
  });

  test("keeps a lone CR unless it is allowed to end a line", async () => {
    expect(await lines(["a\rb\n"])).toEqual(["a\rb"]);
    expect(await lines(["a\rb\r", "c\r\n\r", "d\r"], { allowCR: true })).toEqual(["a", "b", "c", "", "d"]);
  });

  test("gives no empty last line", async () => {
    expect(await lines(["a\n"])).toEqual(["a"]);
    expect(await lines([""])).toEqual([]);
    expect(await lines(["\n\n"])).toEqual(["", ""]);
  });

  test("gives the same lines for any chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.constantFrom("a", "b", "\n", "\r", "\r\n"), { maxLength: 6 })),
        fc.boolean(),
        async (chunks, allowCR) => {
          const texts = chunks.map((chunk) => chunk.join(""));
          expect(await lines(texts, { allowCR })).toEqual(await lines([texts.join("")], { allowCR }));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("toTransformStream", () => {
  test("reads what the generator yields", async () => {
    const doubled = toTransformStream<number, number>(async function* (source) {
      for await (const value of source) yield* [value, value * 10];
    });
    expect(await Array.fromAsync(streamOf([1, 2]).pipeThrough(doubled))).toEqual([1, 10, 2, 20]);
  });

  test("fails the reader when the generator throws", async () => {
    const broken = toTransformStream<number, number>(async function* (source) {
      for await (const value of source) {
        if (value === 2) throw new Error("two");
        yield value;
      }
    });
    const reading = Array.fromAsync(streamOf([1, 2]).pipeThrough(broken));
    expect(reading).rejects.toThrow("two");
    await reading.catch(() => undefined);
  });

  test("tells the generator of a cancel", async () => {
    const reasons: unknown[] = [];
    const { readable } = toTransformStream<number, number>(function* () {
      try {
        for (;;) yield 1;
      } catch (reason) {
        reasons.push(reason);
      }
    });
    const reader = readable.getReader();
    await reader.read();
    await reader.cancel("enough");
    expect(reasons).toEqual(["enough"]);

    const deaf = toTransformStream<number, number>(function* () {
      for (;;) yield 1;
    });
    const other = deaf.readable.getReader();
    await other.read();
    expect(await other.cancel("enough")).toBeUndefined();
  });
});
