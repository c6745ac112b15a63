/**
 * Server-sent events, for readers of every kind.
 *
 * Some clients take every line separator of Unicode for the end of a line (OpenMarlin contract §2,
 * gotcha 2), so what stands in data is escaped where JSON would let it stand.
 */

export interface EventStreamOptions {
  /** A comment is sent this often while there is nothing to say, so that nobody in between hangs up. */
  readonly keepAliveMs: number;
  /** Whoever reads has gone. */
  readonly onGone: () => void;
}

const KEEP_ALIVE = ": keep-alive\n\n";
/** What ends a line somewhere and JSON leaves as it is: NEL, LS, PS. Those below U+0020 it escapes itself. */
const LINE_ENDS = /[\x85\u2028\u2029]/g;

/** One event as text. `data` is sent as JSON. */
export function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${safeJson(data)}\n\n`;
}

/** JSON without any character that ends a line anywhere. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    LINE_ENDS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * The body of an answer from texts, each sent when it comes. The next is asked for once the one before
 * was taken by the network, so that a slow reader slows its source down.
 */
export function eventBody(
  texts: AsyncIterator<string>,
  { keepAliveMs, onGone }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let pending: Promise<IteratorResult<string>> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pending ??= texts.next();
        const next = await within(keepAliveMs, pending);
        if (next === undefined) {
          controller.enqueue(encoder.encode(KEEP_ALIVE));
          return;
        }
        pending = undefined;
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
      cancel() {
        onGone();
        // What is left of it is read to its end, so that nothing stays half done.
        pending = undefined;
        void drain(texts);
      },
    },
    { highWaterMark: 0 },
  );
}

async function drain(texts: AsyncIterator<string>): Promise<void> {
  try {
    while (!(await texts.next()).done);
  } catch {
    // Whoever it concerned has gone.
  }
}

/** What comes in time, or `undefined`. No timer stays behind: a stream has thousands of pieces. */
async function within<T>(ms: number, coming: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  timer.unref();
  try {
    return await Promise.race([coming, late]);
  } finally {
    clearTimeout(timer);
  }
}
