/**
 * The text of /metrics: prom-client over collectors that sum the shared counters of all threads at scrape. Any http
 * thread. Prometheus text by default, OpenMetrics when asked for.
 */
import { type Metric as ClientMetric, Registry } from "prom-client";
import { VERSION } from "../base/version.ts";
import { sumOf } from "./counters.ts";
import { type Metric, type MetricName, METRICS, slot } from "./slots.ts";

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What prom-client asks of a metric when it writes the text. OpenMetrics makes it rename counters. */
class Collector {
  name: string;
  readonly help: string;
  readonly type: string;
  readonly #samples: () => Sample[];

  constructor(name: string, help: string, type: string, samples: () => Sample[]) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.#samples = samples;
  }

  get(): Promise<{ name: string; help: string; type: string; values: Sample[] }> {
    const { name, help, type } = this;
    return Promise.resolve({ name, help, type, values: this.#samples() });
  }
}

export interface Exposition {
  readonly contentType: string;
  readonly body: Promise<string>;
}

/** Makes the writer of /metrics. `memory`: the counters of all threads. */
export function exposition(memory: SharedArrayBuffer): (openMetrics: boolean) => Exposition {
  const plain = registryOf(memory, Registry.PROMETHEUS_CONTENT_TYPE);
  const open = registryOf(memory, Registry.OPENMETRICS_CONTENT_TYPE);
  return (openMetrics) => {
    const registry = openMetrics ? open : plain;
    return { contentType: registry.contentType, body: registry.metrics() };
  };
}

type ContentType = typeof Registry.PROMETHEUS_CONTENT_TYPE | typeof Registry.OPENMETRICS_CONTENT_TYPE;

function registryOf(memory: SharedArrayBuffer, contentType: ContentType): Registry<ContentType> {
  const registry = new Registry<ContentType>();
  registry.setContentType(contentType);
  const add = (collector: Collector): void => registry.registerMetric(collector as unknown as ClientMetric);
  for (const metric of METRICS) add(new Collector(metric.name, metric.help, metric.type, () => samplesOf(metric, memory)));
  const build = [{ labels: { version: VERSION }, value: 1 }];
  add(new Collector("berth_build_info", "Which Berth this is.", "gauge", () => build));
  return registry;
}

function samplesOf(metric: Metric, memory: SharedArrayBuffer): Sample[] {
  const name = metric.name as MetricName;
  if (metric.type === "histogram") return histogramOf(metric, slot(name), memory);
  return metric.values.map((value) => {
    const parts = value.split(",");
    const labels = Object.fromEntries(metric.labels.map((label, index) => [label, parts[index] ?? ""]));
    return { labels, value: sumOf(memory, slot(name, value)) };
  });
}

/** Slots hold each bucket on its own; the text wants them added up. */
function histogramOf(metric: Metric, first: number, memory: SharedArrayBuffer): Sample[] {
  const samples: Sample[] = [];
  let below = 0;
  metric.buckets.forEach((bound, index) => {
    below += sumOf(memory, first + index);
    samples.push({ metricName: `${metric.name}_bucket`, labels: { le: bound }, value: below });
  });
  const end = first + metric.buckets.length;
  samples.push({ metricName: `${metric.name}_bucket`, labels: { le: "+Inf" }, value: below + sumOf(memory, end) });
  samples.push({ metricName: `${metric.name}_sum`, labels: {}, value: sumOf(memory, end + 1) });
  samples.push({ metricName: `${metric.name}_count`, labels: {}, value: sumOf(memory, end + 2) });
  return samples;
}
