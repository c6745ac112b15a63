/** The process: read the configuration, open the app, say where it is, stop when told to. */
import { openApp } from "./app.ts";
import { type Config, childEnvironment, readConfig } from "./config.ts";
import { ConfigError } from "./config-values.ts";
import { removeNote, writeNote } from "./data-directory.ts";
import { type House, startHouse } from "./house.ts";
import { systemClock } from "./lib/clock.ts";
import { createLog, type Log } from "./lib/log.ts";
import { readableLine } from "./lib/log-page.ts";
import { StartFault } from "./start-fault.ts";

const HOUSE_EMAIL = "house@guildhall.invalid";
/** A stop that takes longer is a hang: a supervisor would kill us, and so do we. */
const STOP_MS_MAX = 20_000;

/** Where a person is looking, the log is for that person. */
const PAGE = { write: (line: string) => void process.stdout.write(readableLine(line)) };

await main();

async function main(): Promise<void> {
  const config = configOrExit();
  const log = createLog(config.logLevel, process.stdout.isTTY ? PAGE : undefined);
  process.on("unhandledRejection", (error) => {
    log.fatal({ error }, "a promise was rejected and nobody looked; stopping");
    process.exit(1);
  });
  try {
    await serve(config, log);
  } catch (error) {
    const { message } = error as Error;
    // For the person at the terminal; the whole of what nobody expects is in the log.
    process.stderr.write(`guildhall: ${message}\n`);
    log.fatal(error instanceof StartFault ? { reason: message } : { error }, "could not start");
    process.exitCode = 1;
    setTimeout(() => process.exit(1), 1_000).unref();
  }
}

function configOrExit(): Config {
  try {
    return readConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`guildhall: ${error.message}\n`);
    process.exit(2);
  }
}

async function serve(config: Config, log: Log): Promise<void> {
  const app = await openApp(config, log);
  writeNote(config.dataDirectory, {
    url: app.url,
    local_url: app.localUrl,
    pid: process.pid,
    mode: config.mode,
    started_at: systemClock.now().toISOString(),
  });
  const house = config.isHouseOn ? startHouse(houseParts(app, log)) : undefined;
  log.info({ url: app.url, mode: config.mode }, "listening");
  if (process.stderr.isTTY || config.mode === "development") greet(app.url, config);
  stopOnSignal(app, house, config, log);
}

function houseParts(app: Awaited<ReturnType<typeof openApp>>, log: Log) {
  const { members, callers, keys } = app.core;
  return {
    url: app.url,
    log,
    environment: childEnvironment(),
    async newKey() {
      const member = await members.ensure(HOUSE_EMAIL);
      const { caller } = await callers.ofMember(member.id);
      for (const key of await keys.list(caller)) {
        if (!key.revokedAt) await keys.revoke(caller, key.id);
      }
      return (await keys.create(caller, { kind: "gld", label: "The house" })).secret;
    },
  };
}

function stopOnSignal(
  app: Awaited<ReturnType<typeof openApp>>,
  house: House | undefined,
  config: Config,
  log: Log,
): void {
  let isStopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, "stopping");
    setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
    removeNote(config.dataDirectory);
    await house?.stop();
    await app.stop();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void stop(signal));
}

/** What a newcomer does next. On standard error: standard output is the log. */
function greet(url: string, config: Config): void {
  const play =
    config.mode === "development" ? " (development: play money, sign in by e-mail alone)" : "";
  process.stderr.write(`
  Guildhall is open at ${url}${play}

  In another terminal:
    npx --no-install linkedclaw login
    npx --no-install linkedclaw search --intent "turn a PDF into markdown" --limit 3 --human
    npx --no-install guildhall admin ledger verify

  Data: ${config.dataDirectory}   Stop: Ctrl-C
`);
}
