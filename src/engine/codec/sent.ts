/**
 * What a connection has sent, as far as it tells one device from another: noted frame by frame, and told to the registry after
 * the first frame and, when the connection was evicted, once more. Ownership never depends on it. Owned by the codec worker.
 */
import { i32 } from "../../base/bytes.ts";
import { recordShape } from "../../codec/fingerprint.ts";
import type { AvlColumns } from "../../codec/teltonika/avl.ts";
import type { MessageOf } from "../../wire/control.ts";
import { NO_BEST } from "../../wire/frame_message.ts";
import { impossibleKm, type MovementBounds } from "../../wire/sent.ts";

/** A device's records look alike: the first frames say what it sends, and those behind cost nothing. */
const SHAPED_FRAMES = 8;
/** Within a record. */
const LONGITUDE = 9;
const LATITUDE = 13;

/** Plain numbers only: one of these is kept for each connection that has sent a frame. */
export class SentByConnection {
  #codec = 0;
  #shape = 0;
  #isSteady = true;
  #fixes = 0;
  #firstTime = 0;
  #firstLat = 0;
  #firstLon = 0;
  #newestTime = 0;
  #newestLat = 0;
  #newestLon = 0;
  #frames = 0;
  #hasCodecs = false;
  #hasShapes = false;

  /** A frame that was parsed into `columns`; its data field begins at bytes[start]. */
  frame(bytes: Uint8Array, start: number, columns: AvlColumns, bounds: MovementBounds): void {
    const { codec, best } = columns;
    if (codec !== this.#codec) {
      this.#hasCodecs = this.#codec !== 0;
      this.#codec = codec;
    }
    if (this.#frames < SHAPED_FRAMES) {
      this.#frames++;
      this.#shapes(bytes, start, columns);
    }
    if (best !== NO_BEST) this.#fix(bytes, start + columns.offsets[best]!, columns.times[best]!, bounds);
  }

  message(device: string, fence: number): MessageOf<"sent"> {
    return {
      type: "sent",
      device,
      fence,
      codec: this.#hasCodecs ? 0 : this.#codec,
      shape: this.#hasCodecs || this.#hasShapes ? 0 : this.#shape,
      isSteady: this.#isSteady,
      fixes: this.#fixes,
      firstTime: this.#firstTime,
      firstLat: this.#firstLat,
      firstLon: this.#firstLon,
      newestTime: this.#newestTime,
      newestLat: this.#newestLat,
      newestLon: this.#newestLon,
    };
  }

  #shapes(bytes: Uint8Array, start: number, { codec, n, offsets }: AvlColumns): void {
    for (let i = 0; i < n; i++) {
      const shape = recordShape(codec, bytes, start + offsets[i]!);
      if (shape === 0) continue;
      if (this.#shape !== 0 && this.#shape !== shape) this.#hasShapes = true;
      this.#shape = shape;
    }
  }

  #fix(bytes: Uint8Array, at: number, time: number, bounds: MovementBounds): void {
    const [lat, lon] = [i32(bytes, at + LATITUDE), i32(bytes, at + LONGITUDE)];
    if (this.#fixes === 0) {
      this.#fixes = 1;
      this.#firstTime = time;
      this.#firstLat = lat;
      this.#firstLon = lon;
    } else if (impossibleKm(this.#newestTime, this.#newestLat, this.#newestLon, time, lat, lon, bounds) > 0) this.#isSteady = false;
    this.#newestTime = time;
    this.#newestLat = lat;
    this.#newestLon = lon;
  }
}
