/** What a server's codes mean, in plain words, and what may be tried (contract §2.1, R5). */

const ROUTING = "Try other labels, another provider, or neither: then the server chooses.";
const TASK = "Check that kind is video, and the shape of input.";

// biome-ignore format: read as a table
const EXPLANATIONS: Readonly<Record<string, string>> = {
  missing_api_key:               "No API key came with the request.",
  invalid_api_key:               "The server does not know this API key.",
  api_key_inactive:              "This API key is revoked or disabled.",
  workspace_missing:             "The workspace of this API key is gone.",
  account_missing:               "The owner of this workspace is gone.",
  invalid_request:               "The request is not as it has to be.",
  invalid_routing_labels:        `The labels are malformed. ${ROUTING}`,
  provider_unavailable:          `The provider is not connected at the moment. ${ROUTING}`,
  provider_label_mismatch:       `The provider does not have the labels that were asked for. ${ROUTING}`,
  execution_kind_not_available:  `The provider does not do executions of this kind. ${ROUTING}`,
  execution_provider_not_found:  `No provider fits the request. ${ROUTING}`,
  execution_provider_ambiguous:  "Several providers fit, and the server does not choose: give narrower labels, or name a provider.",
  execution_failed:              "The provider failed.",
  execution_timeout:             "The provider took longer than timeout_ms allows.",
  task_executor_not_found:       `Nothing on this server does tasks of this kind. ${TASK}`,
  task_not_found:                "The server knows no such task of this workspace.",
  topup_session_not_found:       "The server knows no such top-up of this workspace.",
  idempotency_conflict:          "This idempotency key was used for another request: take another, or none.",
  insufficient_balance:          "The balance does not suffice; a top-up mends that.",
  budget_exceeded:               "A budget would be overshot; its owner can raise it.",
  ceiling_exceeded:              "The ceiling of this work would be overshot; a person has to raise it first.",
  spend_limit_reached:           "A spending limit of this key or workspace is used up; its owner can raise it.",
  payload_too_large:             "The request is larger than the server takes.",
  rate_limited:                  "That was asked too often; try again a little later.",
  overloaded:                    "The server has too much to do; try again in a few seconds.",
  internal_error:                "The server made a mistake.",
  not_found:                     "There is no such thing on this server: is it an OpenMarlin server?",
};

/** Codes whose remedy differs for tasks: nothing about where one goes can be chosen. */
const OF_TASKS: Readonly<Record<string, string>> = { invalid_request: TASK };

export function explain(code: string | undefined, isTask: boolean): string {
  const known = code !== undefined && Object.hasOwn(EXPLANATIONS, code) ? EXPLANATIONS[code] : "";
  const words = known || "The server refused the request.";
  const more = isTask && Object.hasOwn(OF_TASKS, code ?? "") ? OF_TASKS[code ?? ""] : undefined;
  return more === undefined ? words : `${words} ${more}`;
}
