/**
 * What a call of a model costs: so much a million tokens, and perhaps so much a request.
 *
 * Whole micros: the parts are added up exactly, in millionths of a micro, and rounded up once for the
 * whole call, never per token or per part.
 */

/** Prices of one model. All are micros, and none is below zero. */
export interface TokenRates {
  /** For a million tokens of input that the provider had not seen before. */
  readonly inputMicros: bigint;
  /** For a million tokens of input that the provider had kept. */
  readonly cachedMicros: bigint;
  /** For a million tokens of output, reasoning among them. */
  readonly outputMicros: bigint;
  /** For a request, whatever it takes: paid where anything is. */
  readonly requestMicros: bigint;
}

/** What costs nothing. */
export const NO_RATES: TokenRates = {
  inputMicros: 0n,
  cachedMicros: 0n,
  outputMicros: 0n,
  requestMicros: 0n,
};

/** Tokens of one call. */
export interface TokenUsage {
  /** All of the input, what was cached included. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

const MILLION = 1_000_000n;

/** What so many tokens cost. Throws `RangeError` for what is no usage: see `isUsage`. */
export function costMicros(rates: TokenRates, usage: TokenUsage): bigint {
  if (!isUsage(usage)) throw new RangeError("this is no usage of tokens");
  return rates.requestMicros + ceilMillionth(tokenPicos(rates, usage));
}

/** Whether these can be the tokens of a call: whole, not below zero, no more cached than came in. */
export function isUsage({ inputTokens, cachedTokens, outputTokens }: TokenUsage): boolean {
  const all = [inputTokens, cachedTokens, outputTokens];
  return all.every(isCount) && cachedTokens <= inputTokens;
}

/** The most output tokens that can be had, with this input, for `micros`; none where not even one can. */
export function outputTokensFor(
  rates: TokenRates,
  input: Pick<TokenUsage, "inputTokens" | "cachedTokens">,
  micros: bigint,
): number {
  const forTokens = (micros - rates.requestMicros) * MILLION;
  const left = forTokens - tokenPicos(rates, { ...input, outputTokens: 0 });
  if (left < 0n) return 0;
  if (rates.outputMicros === 0n) return Number.MAX_SAFE_INTEGER;
  const tokens = left / rates.outputMicros;
  return tokens > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(tokens);
}

/**
 * About how many tokens so many bytes of UTF-8 come to: four bytes each, as English has it in the common
 * vocabularies. What is counted this way is counted in favour of whoever pays.
 */
export function tokensIn(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** No fewer tokens than so many bytes come to, but for text that is mostly rare characters. */
export function tokensAtMostIn(bytes: number): number {
  return Math.ceil(bytes / 2);
}

/** Millionths of a micro. */
function tokenPicos(rates: TokenRates, usage: TokenUsage): bigint {
  const { inputTokens, cachedTokens, outputTokens } = usage;
  return (
    BigInt(inputTokens - cachedTokens) * rates.inputMicros +
    BigInt(cachedTokens) * rates.cachedMicros +
    BigInt(outputTokens) * rates.outputMicros
  );
}

function ceilMillionth(picos: bigint): bigint {
  return (picos + MILLION - 1n) / MILLION;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
