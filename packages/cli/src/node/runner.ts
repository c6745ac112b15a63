/** Whatever does an execution: a program, or a server that speaks OpenAI's interface. */

/** What a node is asked to do (OpenMarlin contract §9, `execution.request`). */
export interface ExecutionRequest {
  readonly request_id: string;
  readonly kind: string;
  readonly instruction: string;
  readonly model: string;
  readonly stream: boolean;
  readonly timeout_ms: number;
  readonly agent_id?: string;
  readonly session_key?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What came of it. */
export interface ExecutionAnswer {
  readonly output: unknown;
  readonly metadata?: unknown;
  /** Tokens, by the names that the wire has for them. */
  readonly usage?: Readonly<Record<string, number>> | undefined;
}

export interface Runner {
  /**
   * Does one execution. `onText` takes output as it comes, and resolves when more is wanted. Rejects
   * with why it failed, or with the signal's reason.
   */
  run(
    request: ExecutionRequest,
    onText: (text: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<ExecutionAnswer>;
  close(): Promise<void>;
}

/** Which one is to be used. */
export type RunnerChoice =
  | { readonly kind: "cmd"; readonly command: string }
  | {
      readonly kind: "upstream";
      /** Without a slash at its end. */
      readonly url: string;
      readonly key: string | undefined;
      /** Its own name of the model, where it has one for all. */
      readonly model: string | undefined;
    };
