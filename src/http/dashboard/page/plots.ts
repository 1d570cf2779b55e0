/** The two plots: records stored a second, and how long acknowledgements took. Owned by the page. */
import UPlot from "uplot";
import type { Colours } from "./colours.ts";
import { byId, setText } from "./element.ts";
import type { Series } from "./metrics.ts";
import { clock, count, latency, rate } from "./words.ts";

/** The plots show this much, however short the page has been open. */
const WINDOW_S = 300;
const FONT = "11px system-ui, sans-serif";

type Values = (number | null)[];

const axis = (colours: Colours): UPlot.Axis => ({
  stroke: colours.muted,
  font: FONT,
  grid: { stroke: colours.grid, width: 1 },
  ticks: { show: false },
});

/** The window ends now, or at the newest value there is. */
function range(_plot: UPlot, _min: number | null, max: number | null): [number, number] {
  const end = max ?? Date.now() / 1000;
  return [end - WINDOW_S, end];
}

function optionsOf(host: HTMLElement, colours: Colours, series: UPlot.Series[], y: UPlot.Axis, scale: UPlot.Scale): UPlot.Options {
  return {
    width: host.clientWidth,
    height: host.clientHeight,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    padding: [8, 18, 0, 0],
    scales: { x: { range }, y: scale },
    axes: [{
      ...axis(colours),
      size: 24,
      space: 60,
      incrs: [60, 120, 300],
      values: (_plot, splits) => splits.map((at) => clock(at * 1000).slice(0, 5)),
    }, {
      ...axis(colours),
      ...y,
    }],
    series: [{}, ...series],
  };
}

const line = (colour: string, fill = ""): UPlot.Series => ({
  stroke: colour,
  width: 1.75,
  spanGaps: false,
  points: { show: false },
  ...(fill === "" ? {} : { fill }),
});

/** One decade at least; a log scale of milliseconds. */
function latencyRange(_plot: UPlot, min: number | null, max: number | null): [number, number] {
  const low = min ?? 0.0005;
  const high = max ?? 0.005;
  return [10 ** Math.floor(Math.log10(Math.max(low, 1e-5)) - 0.01), 10 ** Math.ceil(Math.log10(Math.max(high, 1e-4)) + 0.01)];
}

export class Plots {
  readonly #series: Series;
  #rate: UPlot | null = null;
  #acks: UPlot | null = null;
  #shown = 0;

  constructor(series: Series) {
    this.#series = series;
  }

  /** Makes both anew: their colours are fixed when they are made. */
  make(colours: Colours): void {
    this.#rate?.destroy();
    this.#acks?.destroy();
    const rateHost = byId("rate-plot");
    const y: UPlot.Axis = { size: 44, space: 28, values: (_plot, splits) => splits.map(count) };
    const fill = `color-mix(in srgb, ${colours.rate} 16%, transparent)`;
    const up: UPlot.Scale = { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.15)] };
    this.#rate = new UPlot(optionsOf(rateHost, colours, [line(colours.rate, fill)], y, up), this.#rateData(), rateHost);
    const acksHost = byId("acks-plot");
    const ms: UPlot.Axis = {
      size: 56,
      splits: (_plot, _axis, min, max) => decades(min, max),
      values: (_plot, splits) => splits.map(decade),
    };
    const log: UPlot.Scale = { distr: 3, log: 10, range: latencyRange };
    const lines = [line(colours.p50), line(colours.p99)];
    this.#acks = new UPlot(optionsOf(acksHost, colours, lines, ms, log), this.#acksData(), acksHost);
  }

  listen(): void {
    const resize = (plot: UPlot | null, host: HTMLElement): void => {
      if (plot !== null && host.clientWidth > 0) plot.setSize({ width: host.clientWidth, height: host.clientHeight });
    };
    const observer = new ResizeObserver(() => {
      resize(this.#rate, byId("rate-plot"));
      resize(this.#acks, byId("acks-plot"));
    });
    observer.observe(byId("rate-plot"));
    observer.observe(byId("acks-plot"));
  }

  draw(): void {
    const { times, rate: rates, p50, p99 } = this.#series;
    const newest = times.at(-1) ?? 0;
    if (newest === this.#shown) return;
    this.#shown = newest;
    this.#rate?.setData(this.#rateData());
    this.#acks?.setData(this.#acksData());
    const text = (value: number | null | undefined, words: (value: number) => string): string =>
      value === null || value === undefined ? "–" : words(value);
    setText(byId("rate-now"), text(rates.at(-1), rate));
    setText(byId("p50-now"), text(p50.at(-1), latency));
    setText(byId("p99-now"), text(p99.at(-1), latency));
  }

  #rateData(): UPlot.AlignedData {
    return [this.#series.times, this.#series.rate as Values];
  }
  #acksData(): UPlot.AlignedData {
    return [this.#series.times, this.#series.p50 as Values, this.#series.p99 as Values];
  }
}

/** Every power of ten from `min` to `max`. */
function decades(min: number, max: number): number[] {
  const first = Math.round(Math.log10(min));
  return Array.from({ length: Math.round(Math.log10(max)) - first + 1 }, (_, i) => 10 ** (first + i));
}

const decade = (seconds: number): string => (seconds >= 1 ? `${Math.round(seconds)} s` : `${Number((seconds * 1000).toPrecision(1))} ms`);
