/** The parts of the page that are plain arithmetic: its connection's state, metrics, the map's projection, trails, words. */
import { describe, expect, test } from "bun:test";
import { happeningOf, Happenings } from "../../../src/http/dashboard/page/happenings.ts";
import { Link } from "../../../src/http/dashboard/page/link.ts";
import { parseMetrics, quantile, type Sample, Series } from "../../../src/http/dashboard/page/metrics.ts";
import { Trail } from "../../../src/http/dashboard/page/trail.ts";
import { ago, heading, latency, rate } from "../../../src/http/dashboard/page/words.ts";
import { clampView, emptyBox, extend, fit, latOf, lonOf, scaleOf, worldX, worldY, zoomAt } from "../../../src/http/dashboard/page/world.ts";

describe("dashboard link", () => {
  test("an open stream is live, and stale when nothing was heard for longer than a heartbeat", () => {
    const link = new Link();
    expect(link.words(0)).toBe("Connecting");
    link.hydrating(0);
    expect(link.words(0)).toBe("Reading devices");
    link.opened(1000);
    expect(link.state(20_000)).toBe("live");
    expect(link.words(22_000)).toBe("Stale: silent for 21 s");
    link.heard(22_000);
    expect(link.state(22_000)).toBe("live");
  });

  test("a loss is counted down to the next attempt, and its length is told once", () => {
    const link = new Link();
    link.opened(0);
    link.lost("connection refused", 2500, 1000);
    expect(link.words(1000)).toBe("Reconnecting in 3 s");
    expect(link.words(3500)).toBe("Reconnecting");
    link.lost("connection refused", 4000, 3500);
    link.opened(7000);
    expect([link.takeOutage(7000), link.takeOutage(7000), link.losses]).toEqual([6000, null, 1]);
  });

  test("old events mean that it is catching up, for as long as they come", () => {
    const link = new Link();
    link.opened(0);
    link.event(60_000, 100);
    expect(link.words(200)).toBe("Catching up, 60 s behind");
    link.event(50, 300);
    expect(link.state(2200)).toBe("live");
  });

  test("a stream that was ended for its age is renewed without an alarm, unless that fails", () => {
    const link = new Link();
    link.opened(0);
    link.bye("age");
    link.lost("the gateway ended the stream", 1000, 100);
    expect([link.state(200), link.losses]).toEqual(["renewing", 0]);
    link.opened(300);
    expect(link.takeOutage(300)).toBeNull();
    link.bye("age");
    link.lost("the gateway ended the stream", 1000, 400);
    link.lost("connection refused", 1000, 1400);
    expect([link.state(1500), link.losses]).toEqual(["reconnecting", 1]);
    link.opened(2400);
    expect(link.takeOutage(2400)).toBe(1000);
    link.bye("shutdown");
    link.lost("the gateway ended the stream", 1000, 2500);
    expect([link.state(2600), link.reason, link.losses]).toEqual(["reconnecting", "it was stopped", 2]);
  });

  test("a browser's words for a loss become plain ones, the gateway's stay", () => {
    const link = new Link();
    const said = ["Failed to fetch", "network error", "Cannot reach http://127.0.0.1:1: Load failed", "503 too many subscriptions"].map(
      (reason) => {
        link.lost(reason, 0, 0);
        return link.reason;
      },
    );
    expect(said).toEqual(["it does not answer", "the connection broke", "it does not answer", "503 too many subscriptions"]);
  });

  test("a refusal stays", () => {
    const link = new Link();
    link.refused("401");
    expect(link.words(0)).toBe("Refused");
  });
});

const sampleOf = (stored: number, counts: number[]): Sample => ({
  stored,
  acked: counts.at(-1) ?? 0,
  connections: 0,
  takeovers: 0,
  bounds: [0.001, 0.01, Infinity],
  counts,
});

describe("dashboard metrics", () => {
  test("reads what it needs out of the text", () => {
    const text = [
      "# TYPE berth_records_total counter",
      'berth_records_total{outcome="stored"} 12',
      'berth_records_total{outcome="duplicate"} 3',
      "berth_connections 2",
      'berth_takeovers_total{policy="takeover",outcome="admitted"} 4',
      'berth_takeovers_total{policy="reject",outcome="refused"} 9',
      'berth_ack_seconds_bucket{le="0.001"} 5',
      'berth_ack_seconds_bucket{le="+Inf"} 7',
      "berth_ack_seconds_count 7",
    ].join("\n");
    expect(parseMetrics(text)).toEqual({ stored: 12, acked: 7, connections: 2, takeovers: 4, bounds: [0.001, Infinity], counts: [5, 7] });
  });

  test("a quantile lies inside its bucket, of what came between two looks", () => {
    expect(Math.abs(quantile(0.5, null, sampleOf(0, [10, 10, 10]))! - 0.0005)).toBeLessThan(1e-6);
    expect(Math.abs(quantile(0.5, sampleOf(0, [10, 10, 10]), sampleOf(0, [10, 20, 20]))! - 0.0055)).toBeLessThan(1e-6);
    expect(quantile(0.99, null, sampleOf(0, [0, 0, 5]))).toBe(0.01);
    expect(quantile(0.5, sampleOf(0, [1, 1, 1]), sampleOf(0, [1, 1, 1]))).toBeNull();
  });

  test("rates come from two looks, and a restart of the gateway is a gap", () => {
    const series = new Series();
    series.push(1000, sampleOf(100, [1, 1, 1]));
    series.push(2000, sampleOf(150, [2, 2, 2]));
    series.push(4000, sampleOf(250, [3, 3, 3]));
    expect(series.rate).toEqual([50, 50]);
    series.push(5000, sampleOf(10, [0, 0, 0]));
    series.push(6000, sampleOf(30, [1, 1, 1]));
    expect(series.rate).toEqual([50, 50, null, 20]);
    series.gap(7000);
    series.push(8000, sampleOf(90, [1, 1, 1]));
    expect(series.rate).toEqual([50, 50, null, 20, null]);
  });

  test("old looks go", () => {
    const series = new Series();
    for (let i = 0; i < 2000; i++) series.push(i * 1000, sampleOf(i, [i, i, i]));
    expect([series.times.length, series.rate.length, series.p99.length]).toEqual([600, 600, 600]);
  });
});

describe("dashboard map", () => {
  const size = { width: 800, height: 500 };

  test("degrees to world units and back", () => {
    for (const [lon, lat] of [[0, 0], [25.2797, 54.6872], [-179.9, -80], [151.2, -33.9]] as const) {
      expect(Math.abs(lonOf(worldX(lon)) - lon)).toBeLessThan(1e-9);
      expect(Math.abs(latOf(worldY(lat)) - lat)).toBeLessThan(1e-9);
    }
    expect(Math.abs(worldY(90))).toBeLessThan(1e-4);
  });

  test("a fit shows all of the fleet, and never zooms into one yard without end", () => {
    const box = emptyBox();
    for (const [lon, lat] of [[24, 54], [26, 55]] as const) extend(box, worldX(lon), worldY(lat));
    const view = fit(box, size, 40);
    const scale = scaleOf(view.zoom);
    for (const [x, y] of [[box.minX, box.minY], [box.maxX, box.maxY]] as const) {
      expect(Math.abs((x - view.x) * scale)).toBeLessThanOrEqual(360.001);
      expect(Math.abs((y - view.y) * scale)).toBeLessThanOrEqual(210.001);
    }
    const point = emptyBox();
    extend(point, 0.5, 0.5);
    expect(fit(point, size, 40).zoom).toBe(15);
  });

  test("zooming keeps the place under the pointer", () => {
    const view = { x: 0.55, y: 0.33, zoom: 8 };
    const next = zoomAt(view, size, 700, 100, 1.5);
    const at = ({ x, zoom }: typeof view): number => x + (700 - 400) / scaleOf(zoom);
    expect(next.zoom).toBe(9.5);
    expect(Math.abs(at(next) - at(view))).toBeLessThan(1e-12);
  });

  test("a view never leaves the world", () => {
    const view = clampView({ x: -3, y: 9, zoom: -5 }, size);
    const scale = scaleOf(view.zoom);
    expect(scale).toBeGreaterThanOrEqual(800 - 1e-6);
    expect(Math.abs(view.x * scale - 400)).toBeLessThan(1e-6);
    expect((1 - view.y) * scale).toBeGreaterThanOrEqual(250 - 1e-6);
  });

  test("a trail keeps its newest places in order and leaves out what is old or where the device stands", () => {
    const trail = new Trail();
    for (let i = 0; i < 500; i++) trail.push(i, i / 2, 1000 + i);
    trail.push(499 + 1e-9, 249.5, 2000);
    trail.push(3, 3, 900);
    const { length } = trail;
    const xs = Array.from({ length }, (_, i) => trail.x(i));
    expect(xs).toEqual(Array.from({ length }, (_, i) => 500 - length + i));
    expect(trail.y(length - 1)).toBe(249.5);
  });
});

describe("dashboard happenings", () => {
  test("a takeover is told with both addresses and how silent the old one was", () => {
    const old = { origin: { address: "10.0.0.2", port: 40 }, lastByteAt: 4000, closing: false };
    const data = { device: "a", at: 10_000, policy: "takeover", origin: { address: "fe80::1", port: 50 }, old, durationMs: 60_000 };
    expect(happeningOf("replaced", data)).toMatchObject({
      kind: "takeover",
      device: "a",
      text: "10.0.0.2:40 → [fe80::1]:50",
      detail: "takeover, old one silent for 6.0 s, held 60 s",
    });
    expect(happeningOf("record", {})).toBeNull();
  });

  test("a conflict and a refusal are told by name", () => {
    const origins = [{ address: "10.0.0.2", port: 1 }, { address: "10.0.0.3", port: 2 }];
    expect(happeningOf("conflict", { device: "a", at: 1, verdict: "nat_rebind", action: "observe", alternations: 3, origins }))
      .toMatchObject({
        text: "Identity conflict: nat rebind",
        detail: "10.0.0.2:1 and 10.0.0.3:2, 3 alternations; observe",
      });
    expect(happeningOf("refused", { id: "b", at: 1, count: 7, reason: "unknown_device" })).toMatchObject({
      device: "b",
      text: "Refused 7 ×: unknown device",
    });
  });

  test("a frame that stands in its device's way is told", () => {
    expect(happeningOf("quarantined", { device: "a", at: 1, reason: "unknown_codec", bytes: 7 })).toMatchObject({
      device: "a",
      text: "A frame cannot be decoded",
      detail: "unknown codec, 7 bytes; not acknowledged, so the device gets no further until it is released",
    });
  });

  test("only the newest are kept", () => {
    const list = new Happenings(3);
    for (let at = 0; at < 9; at++) list.add({ at, kind: "link", device: null, text: "", detail: "" });
    expect(list.list.map(({ at }) => at)).toEqual([8, 7, 6]);
  });
});

describe("dashboard words", () => {
  test("times and numbers are short", () => {
    expect([ago(-500), ago(999), ago(42_000), ago(200_000), ago(7_300_000), ago(400_000_000)]).toEqual([
      "now",
      "now",
      "42 s ago",
      "3 min ago",
      "2 h ago",
      "4 d ago",
    ]);
    expect([rate(0), rate(0.25), rate(12.34), rate(812.4), rate(123_456)]).toEqual(["0", "0.3", "12.3", "812", "123.5 k"]);
    expect([latency(0.00042), latency(0.0123), latency(0.25), latency(2.5)]).toEqual(["0.42 ms", "12.3 ms", "250 ms", "2.5 s"]);
    expect([heading(0), heading(127), heading(359)]).toEqual(["0° N", "127° SE", "359° N"]);
  });
});
