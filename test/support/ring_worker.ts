/** Entry point of a thread that runs one ring job and posts its result. */
import { consume, produce, type RingJob } from "./ring_peer.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<RingJob>): void => {
  self.postMessage(data.role === "produce" ? produce(data) : consume(data));
};
