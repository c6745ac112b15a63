import { setTimeout as delay } from "node:timers/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { arrayIn } from "../pages.ts";
import { COUNTS, type Count, drawTask, drawTasks, fetchTask, progressOf, taskOf } from "./task.ts";

export function addGet(gigTask: Command, cli: Cli): void {
  gigTask
    .command("get")
    .description("Show a task with all of its results")
    .argument("<task_id>", "gig_…")
    .action(async (taskId: string) => {
      const answer = await fetchTask(await openApi(cli), taskId);
      cli.terminal.answer(answer, (value, page) => drawTask(page, value));
    });
}

export function addList(gigTask: Command, cli: Cli): void {
  gigTask
    .command("list")
    .description("List the tasks that you opened, the newest first")
    .addOption(new Option("--status <status>", "only those in this state").choices(STATUSES))
    .action(async ({ status }: { status?: string }) => {
      const api = await openApi(cli);
      const found = await arrayIn(api, "/gig-tasks", { status }, "tasks");
      cli.terminal.answer(found, (all, page) => drawTasks(page, all));
    });
}

interface WaitOptions {
  readonly until: Target;
  readonly totalSeconds: number;
  readonly pollSeconds: number;
}

interface Target {
  readonly count: Count;
  readonly value: number;
}

const WAIT_SECONDS_DEFAULT = 600;
const STATUSES = ["open", "completed", "cancelled", "expired"];
const WAIT_SECONDS_MAX = 86_400;
const POLL_SECONDS_DEFAULT = 5;

export function addWait(gigTask: Command, cli: Cli): void {
  const command = gigTask
    .command("wait")
    .description("Wait until enough was accepted or answered; a timeout is no failure")
    .argument("<task_id>", "gig_…")
    .addOption(
      new Option("--until <count=n>", `one of ${COUNTS.join(", ")}`)
        .argParser(target)
        .default({ count: "completed_count", value: 1 } satisfies Target, "completed_count=1"),
    )
    .option(
      "--total-seconds <n>",
      "how long",
      wholeNumber(0, WAIT_SECONDS_MAX),
      WAIT_SECONDS_DEFAULT,
    )
    .option(
      "--poll-seconds <n>",
      "how often it is looked",
      wholeNumber(1, 600),
      POLL_SECONDS_DEFAULT,
    )
    .action(async (taskId: string, options: WaitOptions) => {
      const api = await openApi(cli);
      let label = "waiting for providers";
      const waited = waitFor(api, taskId, options, (text) => {
        label = text;
      });
      const answer = await cli.terminal.waiting(() => label, waited);
      cli.terminal.answer(answer, (value, page) => {
        const late = value.timed_out ? `\n${page.paint.warning("Not there yet.")}` : "";
        return drawTask(page, value) + late;
      });
    });
  addExamples(command, cli, [
    ["gig-task wait gig_… --until accepted_count=3 --total-seconds 30", "three have taken it"],
    ["gig-task wait gig_… --until approved_count=1", "the first good answer"],
  ]);
}

/** Looks until the count is reached or the task is over; its record, and whether time ran out. */
async function waitFor(
  api: Api,
  taskId: string,
  { until, totalSeconds, pollSeconds }: WaitOptions,
  onProgress: (text: string) => void,
) {
  const endMs = performance.now() + totalSeconds * 1000;
  for (;;) {
    const answer = fieldsOf(await fetchTask(api, taskId));
    const task = taskOf(answer);
    onProgress(progressOf(task));
    const isReached = task[until.count] >= until.value;
    const leftMs = endMs - performance.now();
    if (isReached || task.status !== "open" || leftMs <= 0) {
      return { ...answer, reached: isReached, timed_out: !isReached && task.status === "open" };
    }
    await delay(Math.min(pollSeconds * 1000, leftMs));
  }
}

function target(text: string): Target {
  const [, name, value] = /^(\w+)=(\d{1,6})$/.exec(text) ?? [];
  const count = COUNTS.find((one) => one === name);
  if (count !== undefined && value !== undefined) return { count, value: Number(value) };
  throw new InvalidArgumentError(`It looks like ${COUNTS[1]}=3; counts are ${COUNTS.join(", ")}.`);
}
