/** What a requester says of results, and of a task as a whole. */
import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { jsonObject, textOrStdin, wholeNumber } from "../../input.ts";
import { openApi, pathPart } from "../api.ts";
import { addExamples } from "../help.ts";
import { drawTask, taskPath } from "./task.ts";

/** Judging pays, or gives back: it waits for a turn of the ledger. */
const JUDGE_TIMEOUT_MS = 60_000;

interface VerifyOptions {
  readonly verdict: string;
  readonly qualityScore?: number;
  readonly notes?: string;
}

export function addVerify(gigTask: Command, cli: Cli): void {
  const verify = gigTask
    .command("verify")
    .description("Approve or reject a result, with a score in percent; approving pays it")
    .argument("<task_id>", "gig_…")
    .argument("<result_id>", "res_…")
    .addOption(verdict(["approved", "rejected"]))
    .option("--quality-score <n>", "0 to 100", wholeNumber(0, 100))
    .option("--notes <json>", "why, a JSON object; - reads it from stdin")
    .action(async (taskId: string, resultId: string, options: VerifyOptions) => {
      const { notes, verdict: word, qualityScore } = options;
      const json = {
        verdict: word,
        quality_score: qualityScore,
        notes: notes === undefined ? undefined : jsonObject(await textOrStdin(notes), "--notes"),
      };
      await judge(cli, taskId, resultId, "verify", json);
    });
  addExamples(verify, cli, [
    ["gig-task verify gig_… res_… --verdict approved --quality-score 90", "pays the provider"],
    [
      `gig-task verify gig_… res_… --verdict rejected --notes '{"why":"off topic"}'`,
      "the slot is free again",
    ],
  ]);
}

interface ReviewOptions {
  readonly verdict: string;
  readonly qualityScore?: number;
  readonly note?: string;
}

export function addReview(gigTask: Command, cli: Cli): void {
  const review = gigTask
    .command("review")
    .description("Approve or reject a result, with one to five stars; approving pays it")
    .argument("<task_id>", "gig_…")
    .argument("<result_id>", "res_…")
    .addOption(verdict(["approve", "reject"]))
    .option("--quality-score <n>", "1 to 5", wholeNumber(1, 5))
    .option("--note <text>", "why")
    .action(async (taskId: string, resultId: string, options: ReviewOptions) => {
      const { verdict: word, qualityScore, note } = options;
      await judge(cli, taskId, resultId, "review", {
        verdict: word,
        quality_score: qualityScore,
        note,
      });
    });
  addExamples(review, cli, [
    ["gig-task review gig_… res_… --verdict approve --quality-score 5", "pays the provider"],
  ]);
}

function verdict(words: readonly string[]): Option {
  return new Option("--verdict <verdict>", "your verdict").choices(words).makeOptionMandatory();
}

async function judge(
  cli: Cli,
  taskId: string,
  resultId: string,
  verb: "verify" | "review",
  json: object,
): Promise<void> {
  const api = await openApi(cli);
  const path = taskPath(taskId, `/results/${pathPart(resultId)}/${verb}`);
  const asked = api.ask({ method: "POST", path, json, timeoutMs: JUDGE_TIMEOUT_MS });
  const answer = await cli.terminal.waiting("settling", asked);
  cli.terminal.answer(answer, (value, page) => drawTask(page, value));
}

export function addCancelTask(gigTask: Command, cli: Cli): void {
  gigTask
    .command("cancel")
    .description("Cancel a task: what nobody has answered yet comes back")
    .argument("<task_id>", "gig_…")
    .action(async (taskId: string) => {
      const api = await openApi(cli);
      const path = taskPath(taskId, "/cancel");
      const asked = api.ask({ method: "POST", path, json: {}, timeoutMs: JUDGE_TIMEOUT_MS });
      const answer = await cli.terminal.waiting("cancelling", asked);
      cli.terminal.answer(answer, (value, page) => drawTask(page, value));
    });
}
