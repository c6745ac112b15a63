/**
 * The thread of the embedded database. PostgreSQL blocks its thread for as long as a statement runs,
 * so it has one of its own; `host.ts` is the other side.
 */
import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { createDatabase, type Engine, type EngineHooks, openEngine } from "./engine.ts";
import { keepHouse } from "./housekeeping.ts";
import { Multiplexer } from "./multiplexer.ts";
import {
  ACTIVITY,
  type FromWorker,
  PULSE,
  type ToWorker,
  type WorkerOptions,
} from "./worker-messages.ts";

assert(parentPort, "worker.ts runs in a worker");
const host = parentPort;
const options = workerData as WorkerOptions;
const pulse = new Int32Array(options.pulse);

const hooks: EngineHooks = {
  onLine: (line) => tell({ kind: "log", level: "debug", message: line }),
  onBroken(error) {
    tell({ kind: "log", level: "error", message: "the embedded database broke", facts: { error } });
    return process.exit(1);
  },
};

if (options.task === "create") await createDatabase(options.directory, hooks.onLine);
else serve(withPulse(await openEngine(options.directory, hooks)));

function serve(engine: Engine): void {
  const multiplexer = new Multiplexer(engine, (reason) =>
    tell({ kind: "log", level: "warn", message: "a connection was ended", facts: { reason } }),
  );
  const stopHousekeeping = keepHouse({
    engine,
    schedule: (task) => multiplexer.schedule(task),
    idleMs: () => multiplexer.idleMs,
    onDone: (what, tookMs) =>
      tell({ kind: "log", level: "debug", message: "housekeeping", facts: { what, tookMs } }),
    onFailed: (error) =>
      tell({ kind: "log", level: "warn", message: "housekeeping failed", facts: { error } }),
  });
  host.on("message", (message: ToWorker) => {
    if (message.kind === "connect") return multiplexer.connect(message.port);
    stopHousekeeping();
    multiplexer.stop();
    void engine.close().then(() => process.exit(0));
  });
  tell({ kind: "ready" });
}

/** The same engine, showing the host when it starts on something and when it is done with it. */
function withPulse(engine: Engine): Engine {
  const during = async <T>(activity: number, work: () => Promise<T>) => {
    Atomics.add(pulse, PULSE.count, 1);
    Atomics.store(pulse, PULSE.activity, activity);
    try {
      return await work();
    } finally {
      Atomics.store(pulse, PULSE.activity, ACTIVITY.none);
    }
  };
  return {
    ...engine,
    run: (messages) => during(ACTIVITY.client, () => engine.run(messages)),
    query: (text) => during(ACTIVITY.housekeeping, () => engine.query(text)),
  };
}

function tell(message: FromWorker): void {
  host.postMessage(message);
}
