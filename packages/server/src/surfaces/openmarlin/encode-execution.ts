/** Models and executions as this wire tells them (contract §5, §6.3, §6.4). */
import { prefixed } from "@guildhall/protocol";
import type { DirectedNode, ExecutionView, OpenCall } from "../../core/index.ts";
import { isObject } from "../shared/check.ts";
import { wordFault } from "../shared/fault-table.ts";
import { OPENMARLIN_ERRORS, type OpenmarlinWord } from "./errors.ts";

/**
 * Every model and who offers it, by name. The same body tells OpenAI's clients what there is: they read
 * `object`, `created` and `owned_by` beside the id.
 */
export function encodeModels(nodes: readonly DirectedNode[]): object {
  const providers = new Map<string, object[]>();
  for (const node of nodes) {
    const names = node.models.map(({ name }) => name);
    for (const name of names) {
      const offer = { provider_id: node.providerId, model_providers: names, labels: node.labels };
      const known = providers.get(name);
      if (known) known.push(offer);
      else providers.set(name, [offer]);
    }
  }
  const data = [...providers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, offered]) => ({
      ...{ id, object: "model", created: 0, owned_by: id.slice(0, id.indexOf("/")) },
      // Nodes come in the order of their names.
      providers: offered,
    }));
  return { object: "list", data };
}

/** What came of an execution. `text` is the part of the answer that was handed on, where it was cut. */
export function encodeExecution({ call, run }: ExecutionView, text?: string): object {
  const { evidence, usage, finishedAt } = run;
  const { createdAt } = call.opened.run;
  const metadata = {
    ...(isObject(evidence) && evidence),
    provider_id: call.node.providerId,
    model: call.model.name,
    duration_ms: Math.max(0, (finishedAt ?? createdAt).getTime() - createdAt.getTime()),
    ...(usage && {
      usage: {
        input_tokens: usage.inputTokens,
        cached_tokens: usage.cachedTokens,
        output_tokens: usage.outputTokens,
      },
    }),
    charged_usd: Number(run.chargedMicros) / 1_000_000,
    ...(text !== undefined && { truncated: "budget" }),
  };
  return { request_id: prefixed("req", call.opened.run.id), output: text ?? run.output, metadata };
}

export function encodeStart({ opened, node, model }: OpenCall): object {
  return {
    request_id: prefixed("req", opened.run.id),
    provider_id: node.providerId,
    model: model.name,
    kind: opened.run.capability,
  };
}

export function encodeChunk(
  runId: string,
  { sequence, text }: { readonly sequence: number; readonly text: string },
): object {
  return { request_id: prefixed("req", runId), sequence, text };
}

/** Why an execution that had begun came to nothing. */
export function encodeFailure(runId: string, error: unknown): object {
  const { word, fault } = wordFault<OpenmarlinWord>(OPENMARLIN_ERRORS, error);
  return {
    request_id: prefixed("req", runId),
    error: word.error,
    message: fault.message,
  };
}
