/**
 * Bodies of requests, bounded before anybody reads them. What is too long reaches the handler without its body and with a
 * content-length that says so, so that the application refuses it in its own words. Owned by the thread of its listener.
 */

/** The request, its body at most `most` bytes; a body that does not say how long it is has been read. */
export function boundedRequest(request: Request, most: number): Request | Promise<Request> {
  const declared = request.headers.get("content-length");
  if (declared !== null) return Number(declared) > most ? withBody(request, null, Number(declared)) : request;
  if (request.headers.get("transfer-encoding") === null || request.body === null) return request;
  return readFirst(request, request.body, most);
}

/** All of the pieces, or how many bytes came until they were more than `most`. */
export async function readPieces(pieces: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array<ArrayBuffer> | number> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > most) return length;
    kept.push(piece);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const piece of kept) {
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}

async function readFirst(request: Request, pieces: ReadableStream<Uint8Array>, most: number): Promise<Request> {
  const body = await readPieces(pieces, most);
  return typeof body === "number" ? withBody(request, null, body) : withBody(request, body, body.length);
}

function withBody({ method, headers, url, signal }: Request, body: Uint8Array<ArrayBuffer> | null, length: number): Request {
  const given = new Headers(headers);
  given.delete("transfer-encoding");
  given.set("content-length", String(length));
  return new Request(url, { method, headers: given, signal, ...(body !== null && method !== "GET" && method !== "HEAD" ? { body } : {}) });
}
