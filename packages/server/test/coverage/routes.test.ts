/** Every route of every surface: no two answer the same request, and each but a few asks who is there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { createLog } from "../../src/lib/log.ts";
import { testDataDirectory } from "../support/database.ts";

/** What a stranger may ask, and why. The list may only shrink, or say why it grew. */
// biome-ignore format: read as a table
const PUBLIC = new Map([
  ["GET /healthz",                                  "is it alive"],
  ["GET /readyz",                                   "is it ready"],
  ["GET /metrics",                                  "for this machine; elsewhere it needs a token of its own"],
  ["GET /.well-known/guildhall-keys.json",          "receipts are checked by anyone"],
  ["GET /.well-known/oauth-authorization-server",   "RFC 8414"],
  ["GET /cli.tgz",                                  "who has no key yet needs the command that gets one"],
  ["GET /files/:id",                                "asks for a signature instead of a key"],
  ["GET /schemas/:name{.+\\.json}",                 "a capability's schema is as public as its listing"],
  ["POST /api/v1/oauth/device_authorization",       "a sign-in begins without a key"],
  ["POST /api/v1/oauth/token",                      "a sign-in ends with one"],
  ["GET /oauth/authorize",                          "refuses a broken request before it asks who is there"],
  ["GET /openapi.json",                             "programs look whether a server is there"],
  ["POST /v1/registration/sessions",                "a registration begins without a key"],
  ["GET /v1/registration/sessions/:id",             "the id is the proof"],
  ["POST /v1/registration/sessions/:id/api-keys",   "a registration ends with a key"],
  ["POST /v1/registration/sessions/:id/device/complete", "for development servers: nothing is there elsewhere"],
  ["POST /api/guildhall/v1/webhooks/stripe",        "Stripe shows a signature instead of a key"],
  ["GET /dev/topup/:id",                            "for development servers: nothing is there elsewhere"],
  ["POST /dev/topup/:id/pay",                       "for development servers: nothing is there elsewhere"],
  ["POST /dev/topup/:id/fail",                      "for development servers: nothing is there elsewhere"],
  ["GET /r/:code",                                  "whoever is told a code is nobody yet"],
  ["GET /app/topup/paid",                           "where payers come back to, whoever they are"],
  ["GET /app/topup/cancelled",                      "where payers come back to, whoever they are"],
  ["GET /",                                         "leads to the pages"],
  ["GET /app/hall.css",                             "how pages look"],
  ["GET /app/hall.svg",                             "how pages look"],
  ["GET /app/sign-in",                              "where strangers begin"],
  ["POST /app/sign-in",                             "where strangers begin"],
  ["GET /app/sign-in/with/:provider",               "where strangers begin"],
  ["GET /app/auth/callback/:provider",              "where they come back from elsewhere"],
  ["GET /app/auth/oauth2/callback/:provider",       "where they come back from elsewhere"],
  ["GET /app/sign-up",                              "where strangers begin"],
  ["POST /app/sign-up",                             "where strangers begin"],
  ["GET /app/forgot",                               "who forgot a password is nobody yet"],
  ["POST /app/forgot",                              "who forgot a password is nobody yet"],
  ["GET /app/link",                                 "a link in a mail is the proof"],
  ["POST /app/link",                                "a link in a mail is the proof"],
  ["POST /app/sign-out",                            "who is not signed in is signed out"],
]);

/** What OpenAI's and Anthropic's clients ask for stands beside it under the same name. */
const OTHERS_V1 = /^\/v1\/(?:chat\/completions|responses|embeddings|messages)$/;

const PARAMETER = /:\w+(?:\{[^}]*\})?/g;

/** Where paths may begin (docs/ARCHITECTURE.md): what other wires and pages claim stays free. */
const FIRST_PARTS =
  /^\/(?:$|api\/|app(?:\/|$)|chains(?:\/|$)|device|settings\/|oauth\/|r\/|dev\/topup\/|files\/|schemas\/|\.well-known\/|cli\.tgz$|openapi\.json$|v1\/|healthz$|readyz$|metrics$)/;

test("the routes of all surfaces", async (t) => {
  const GUILDHALL_DATA_DIR = await testDataDirectory(t);
  const config = readConfig({ GUILDHALL_DATA_DIR, PORT: "0", GUILDHALL_HOUSE: "off" });
  const app = await openApp(config, createLog("silent"));
  t.after(() => app.stop());
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  assert.ok(routes.length > 50, `only ${routes.length} routes: is everything mounted?`);

  await t.test("no two of them answer the same request", () => {
    // A route with several handlers is listed once for each, one after the other.
    const shapes = routes.map(({ method, path }) => `${method} ${shapeOf(path)}`);
    const once = shapes.filter((shape, index) => shape !== shapes[index - 1]);
    assert.deepEqual(
      once.filter((shape, index) => once.indexOf(shape) !== index),
      [],
    );
  });

  await t.test("paths begin where they may", () => {
    const strays = routes.filter(({ path }) => !FIRST_PARTS.test(path));
    assert.deepEqual(strays, []);
  });

  const names = new Set(routes.map(({ method, path }) => `${method} ${withoutHash(path)}`));
  await t.test("OpenMarlin's document has every path of its wire, and no other", async () => {
    const response = await fetch(`${app.url}/openapi.json`);
    const { paths } = (await response.json()) as { paths: Record<string, object> };
    const told = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const own = routes.filter(({ path }) => path.startsWith("/v1/") && !OTHERS_V1.test(path));
    const there = own.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    assert.deepEqual(told.sort(), [...new Set(there)].sort());
  });

  await t.test("the list of public routes names only what is there", () => {
    const gone = [...PUBLIC.keys()].filter((name) => !names.has(name));
    assert.deepEqual(gone, []);
  });

  for (const name of names) {
    if (PUBLIC.has(name)) continue;
    const [method = "", path = ""] = name.split(" ");
    await t.test(`a stranger gets nothing of ${name}`, async () => {
      const response = await fetch(app.url + path.replace(PARAMETER, "0".repeat(24)), {
        method,
        redirect: "manual",
        headers: { "content-type": "application/json" },
        ...(method !== "GET" && { body: "{}" }),
      });
      await response.arrayBuffer();
      const location = response.headers.get("location") ?? "";
      const isSentToSignIn = response.status === 303 && location.startsWith("/app/sign-in?");
      assert.ok(
        isSentToSignIn || response.status === 401 || response.status === 403,
        `${response.status} ${location}`,
      );
    });
  }
});

/** The path with every parameter alike, since their names do not tell requests apart. */
function shapeOf(path: string): string {
  return path.replace(PARAMETER, ":");
}

/** A style sheet is named after its content, so that it can be kept for ever. */
function withoutHash(path: string): string {
  return path.replace(/\.[0-9a-f]{12}(?=\.css$)/, "");
}
