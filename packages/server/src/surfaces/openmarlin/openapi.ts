/**
 * This wire as an OpenAPI document, for `GET /openapi.json` (contract §4.3): programs fetch it to find
 * out whether a server is there. What bodies look like comes from the schemas that decode them.
 */
import { z } from "zod";
import { CompleteDevice, IssueKey, OpenTopup, StartRegistration } from "./decode.ts";
import { ExecutionBody } from "./decode-execution.ts";
import { TaskBody } from "./decode-task.ts";

interface Operation {
  readonly summary: string;
  readonly body?: z.ZodType;
  /** The status of success, and what it tells. */
  readonly answers: readonly [status: number, meaning: string];
  /** Statuses of refusals, each with `error` and `message`. */
  readonly refuses: readonly number[];
  /** Whether a key has to be shown. */
  readonly isOpen?: boolean;
}

// biome-ignore format: read as a table
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  "POST /v1/registration/sessions":                      { summary: "Start a registration",            body: StartRegistration, answers: [201, "The registration session"], refuses: [400, 413, 429],           isOpen: true },
  "GET /v1/registration/sessions/:id":                   { summary: "How a registration stands",                                answers: [200, "The registration session"], refuses: [404],                     isOpen: true },
  "POST /v1/registration/sessions/:id/api-keys":         { summary: "Fetch the API key, once",         body: IssueKey,          answers: [201, "The API key and its secret"], refuses: [400, 403, 404, 409, 410], isOpen: true },
  "POST /v1/registration/sessions/:id/device/complete":  { summary: "Approve, on a development server", body: CompleteDevice,   answers: [200, "The registration session"], refuses: [400, 403, 404, 410],      isOpen: true },
  "GET /v1/balance":                                     { summary: "What is available",               answers: [200, "The balance"],                              refuses: [] },
  "GET /v1/usage-events":                                { summary: "What work cost",                  answers: [200, "The newest 200 works"],                     refuses: [] },
  "POST /v1/topup/sessions":                             { summary: "Open a top-up",                   body: OpenTopup,         answers: [201, "The top-up, and where it is paid"], refuses: [400, 409, 413, 503] },
  "GET /v1/topup/sessions/:id":                          { summary: "How a top-up stands",             answers: [200, "The top-up"],                              refuses: [404] },
  "GET /v1/referrals/me":                                { summary: "A code to bring others by, and who came", answers: [200, "The code and the counts"],       refuses: [] },
  "GET /v1/models":                                      { summary: "Models, and who offers them",     answers: [200, "The models"],                               refuses: [] },
  "POST /v1/executions":                                 { summary: "Have an instruction carried out", body: ExecutionBody,     answers: [200, "The answer, or server-sent events"], refuses: [400, 402, 404, 409, 413, 429, 502, 503, 504] },
  "POST /v1/tasks":                                      { summary: "Submit a task",                   body: TaskBody,          answers: [202, "The task; 200 where it was submitted before"], refuses: [400, 402, 409, 413, 429, 503] },
  "GET /v1/tasks/:id":                                   { summary: "How a task stands",               answers: [200, "The task"],                                 refuses: [404] },
  "GET /v1/ledger":                                      { summary: "What the balance is made of",     answers: [200, "The newest 200 entries"],                   refuses: [] },
};

export function openapiDocument(publicUrl: string, version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const [method = "", path = ""] = name.split(" ");
    const template = path.replace(/:(\w+)/g, "{$1}");
    paths[template] = { ...paths[template], [method.toLowerCase()]: describe(path, operation) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "OpenMarlin wire of Guildhall", version },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: {
        Refusal: {
          type: "object",
          required: ["error", "message"],
          properties: {
            error: { type: "string" },
            message: { type: "string" },
            details: { type: "object" },
          },
        },
      },
    },
  };
}

function describe(path: string, { summary, body, answers, refuses, isOpen }: Operation): object {
  const [status, meaning] = answers;
  const statuses = isOpen ? refuses : [401, 403, ...refuses];
  const refusals = [...new Set(statuses)].map((code) => [code, REFUSAL] as const);
  const parameters = [...path.matchAll(/:(\w+)/g)].map(([, name]) => {
    return { name, in: "path", required: true, schema: { type: "string" } };
  });
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: true, content: json(z.toJSONSchema(body, { io: "input" })) },
    }),
    responses: {
      [status]: { description: meaning, content: json({ type: "object" }) },
      ...Object.fromEntries(refusals),
    },
    security: isOpen ? [] : [{ key: [] }],
  };
}

const REFUSAL = {
  description: "Refused",
  content: json({ $ref: "#/components/schemas/Refusal" }),
};

function json(schema: object): object {
  return { "application/json": { schema } };
}
