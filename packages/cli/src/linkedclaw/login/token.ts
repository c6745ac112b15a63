/** Asks for a key, and reads what comes: a key, "not yet", or a refusal (RFC 6749 §5). */
import { Failure } from "../../failure.ts";
import { fieldsOf, jsonOf, requestIdOf, type Server } from "../../server.ts";

export interface Authorization {
  readonly key: string;
  readonly userId: string | undefined;
  readonly handle: string | undefined;
}

export type TokenAnswer =
  | { readonly kind: "authorized"; readonly authorization: Authorization }
  | { readonly kind: "refused"; readonly error: string; readonly failure: Failure };

const MESSAGES: Readonly<Record<string, string>> = {
  access_denied: "The login was denied in the browser.",
  expired_token: "Nobody approved the login in time.",
  invalid_grant: "The server does not accept this login any more.",
};

/** One request to the token endpoint. */
export async function askForToken(
  server: Server,
  path: string,
  form: Readonly<Record<string, string>>,
): Promise<TokenAnswer> {
  const answer = await server.exchange({ method: "POST", path, form });
  const body = fieldsOf(jsonOf(answer));
  if (answer.status === 200 && typeof body.access_token === "string") {
    const { access_token: key, user_id: userId, handle } = body;
    return {
      kind: "authorized",
      authorization: {
        key,
        userId: typeof userId === "string" ? userId : undefined,
        handle: typeof handle === "string" ? handle : undefined,
      },
    };
  }
  const error = typeof body.error === "string" ? body.error : `http_${answer.status}`;
  return {
    kind: "refused",
    error,
    failure: loginFailure(error, {
      said: body.error_description,
      facts: { http_status: answer.status, request_id: requestIdOf(answer) },
    }),
  };
}

/** A login that did not come about. */
export function loginFailure(
  error: string,
  { said, facts = {} }: { said?: unknown; facts?: Readonly<Record<string, unknown>> } = {},
): Failure {
  const own = Object.hasOwn(MESSAGES, error) ? MESSAGES[error] : undefined;
  const message =
    own ?? (typeof said === "string" ? said : `The server refused the login: ${error}`);
  return new Failure(error, message, { hint: "Run it again: linkedclaw login", facts });
}
