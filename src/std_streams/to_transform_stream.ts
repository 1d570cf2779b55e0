/**
 * A TransformStream out of a generator over the stream, under the name and with the behaviour of
 * `@std/streams/to-transform-stream`. Berth's own code, for the same reason as text_line_stream.ts.
 */
type Source<T> = Iterable<T> | AsyncIterable<T>;

const iteratorOf = <T>(source: Source<T>): Iterator<T> | AsyncIterator<T> =>
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();

/**
 * `transformer` gets all that is written and yields all that is read. It runs only as fast as it is read. Cancelling the
 * reading side throws the reason into the generator, or ends an iterator that has no `throw`.
 */
export function toTransformStream<I, O>(
  transformer: (source: ReadableStream<I>) => Source<O>,
  writableStrategy?: QueuingStrategy<I>,
  readableStrategy?: QueuingStrategy<O>,
): TransformStream<I, O> {
  const { writable, readable } = new TransformStream<I, I>(undefined, writableStrategy);
  const iterator = iteratorOf(transformer(readable));
  const out = new ReadableStream<O>(
    {
      async pull(controller) {
        const result = await iterator.next();
        if (result.done === true) {
          controller.close();
          await writable.close().catch(() => undefined);
        } else controller.enqueue(result.value);
      },
      async cancel(reason) {
        try {
          if (iterator.throw !== undefined) await iterator.throw(reason);
          else await iterator.return?.();
        } catch {
          // The generator answered the reason by throwing: that is its end, not a failure of the cancel.
        }
        await writable.abort(reason).catch(() => undefined);
      },
    },
    readableStrategy,
  );
  return { writable, readable: out };
}
