/** Has executions done by a server that speaks OpenAI's chat completions, such as Ollama or vLLM. */
import { request } from "undici";
import { fieldsOf } from "../server.ts";
import type { ExecutionAnswer, ExecutionRequest, Runner, RunnerChoice } from "./runner.ts";

/** Of an answer that was no answer, as much as helps to see why. */
const SHOWN_CHARACTERS = 300;
/** A line of a stream, or an answer, is never longer. */
const CHARACTERS_MAX = 4 * 1024 * 1024;

type Upstream = Extract<RunnerChoice, { readonly kind: "upstream" }>;

export function upstreamRunner(upstream: Upstream): Runner {
  return {
    async run(asked, onText, signal) {
      const { statusCode, body } = await request(`${upstream.url}/chat/completions`, {
        method: "POST",
        signal,
        headers: {
          "content-type": "application/json",
          ...(upstream.key !== undefined && { authorization: `Bearer ${upstream.key}` }),
        },
        body: JSON.stringify(bodyOf(upstream, asked)),
      });
      if (statusCode !== 200) {
        const words = (await textOf(body)).slice(0, SHOWN_CHARACTERS);
        throw new Error(`The upstream answered ${statusCode}: ${words}`);
      }
      if (asked.stream) return readStream(body, onText);
      return readAnswer(await textOf(body));
    },
    close: () => Promise.resolve(),
  };
}

function bodyOf({ model }: Upstream, { instruction, stream, ...asked }: ExecutionRequest): object {
  return {
    // `vendor/name` here; an upstream knows its own models by the name alone.
    model: model ?? asked.model.slice(asked.model.indexOf("/") + 1),
    messages: [{ role: "user", content: instruction }],
    stream,
    ...(stream && { stream_options: { include_usage: true } }),
  };
}

function readAnswer(text: string): ExecutionAnswer {
  const answer = fieldsOf(JSON.parse(text));
  const [choice] = Array.isArray(answer.choices) ? answer.choices : [];
  const { content } = fieldsOf(fieldsOf(choice).message);
  return { output: content ?? "", usage: usageIn(answer.usage) };
}

async function readStream(
  body: AsyncIterable<Uint8Array>,
  onText: (text: string) => Promise<void>,
): Promise<ExecutionAnswer> {
  let output = "";
  let usage: ExecutionAnswer["usage"];
  for await (const line of linesOf(body)) {
    if (!line.startsWith("data:")) continue;
    const data = line.slice("data:".length).trim();
    if (data === "[DONE]") break;
    const frame = fieldsOf(JSON.parse(data));
    if (frame.error !== undefined)
      throw new Error(`The upstream failed: ${JSON.stringify(frame.error)}`);
    usage = usageIn(frame.usage) ?? usage;
    const [choice] = Array.isArray(frame.choices) ? frame.choices : [];
    const { content } = fieldsOf(fieldsOf(choice).delta);
    if (typeof content !== "string" || content === "") continue;
    output += content;
    await onText(content);
  }
  return { output, usage };
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    if (rest.length > CHARACTERS_MAX)
      throw new Error("A line of the upstream's answer has no end.");
    yield* lines;
  }
  yield rest;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > CHARACTERS_MAX) throw new Error("The upstream's answer is too large.");
  }
  return text;
}

function usageIn(usage: unknown): Readonly<Record<string, number>> | undefined {
  if (typeof usage !== "object" || usage === null) return undefined;
  const counts = fieldsOf(usage);
  const cached = fieldsOf(counts.prompt_tokens_details ?? {}).cached_tokens;
  const { prompt_tokens: input, completion_tokens: output } = counts;
  if (typeof input !== "number" || typeof output !== "number") return undefined;
  return {
    input_tokens: input,
    output_tokens: output,
    ...(typeof cached === "number" && { cached_tokens: cached }),
  };
}
