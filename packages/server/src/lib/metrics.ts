/** What operators watch, in Prometheus' text format. One registry a server, so that tests can have many. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  /** The whole page. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Adds to a counter; made on first use. */
  count(name: string, help: string, labels?: Readonly<Record<string, string>>, by?: number): void;
  /** Notes a duration in milliseconds; shown in seconds, as is usual there. */
  time(name: string, help: string, ms: number, labels?: Readonly<Record<string, string>>): void;
  /** Asks for a value each time the page is read. */
  gauge(name: string, help: string, read: () => number): void;
}

/** From a twentieth of a millisecond, a step in memory, to the longest run. */
const SECONDS_BUCKETS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
  5, 10, 30, 60, 300,
];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    count(name, help, labels = {}, by = 1) {
      const labelNames = Object.keys(labels);
      const counter = counters.get(name) ?? new Counter({ name, help, labelNames, registers });
      counters.set(name, counter);
      counter.inc(labels, by);
    },
    time(name, help, ms, labels = {}) {
      const labelNames = Object.keys(labels);
      const buckets = SECONDS_BUCKETS;
      const histogram =
        histograms.get(name) ?? new Histogram({ name, help, labelNames, buckets, registers });
      histograms.set(name, histogram);
      histogram.observe(labels, ms / 1000);
    },
    gauge(name, help, read) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        collect: () => {
          gauge.set(read());
        },
      });
    },
  };
}
