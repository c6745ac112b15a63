import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkLoopbackRequest,
  checkRedirect,
  isVerifier,
  type LoopbackRequest,
  requireOAuthProgram,
} from "./client-program.ts";

const PROGRAM = requireOAuthProgram("linkedclaw-cli");

const REQUEST: LoopbackRequest = {
  clientId: PROGRAM.id,
  redirectUri: "http://127.0.0.1:49152/callback",
  responseType: "code",
  codeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  codeChallengeMethod: "S256",
  state: "af0ifjsldkj",
  scope: "cli",
  label: "",
};

test("a code goes to this machine, at the program's path, on any port", () => {
  for (const good of ["http://127.0.0.1:1/callback", "http://[::1]:65535/callback"]) {
    checkRedirect(PROGRAM, good);
  }
  // biome-ignore format: read as a table
  const WRONG = [
    "", "http://127.0.0.1/callback", "http://127.0.0.1:0/callback", "http://127.0.0.1:65536/callback",
    "http://localhost:8000/callback", "https://127.0.0.1:8000/callback", "http://127.0.0.1:8000/",
    "http://127.0.0.1:8000/callback/", "http://127.0.0.1:8000/callback?x=1", "http://127.0.0.1:8000/callback#x",
    "http://127.0.0.1:8000/x/../callback", "http://127.0.0.1:80@evil.example/callback",
    "http://u@127.0.0.1:8000/callback", "http://127.0.0.1.evil.example:80/callback",
    "http://evil.example/callback", "http://127.0.0.1:8000/callback\n", "javascript:alert(1)", "//127.0.0.1:8000/callback",
  ];
  for (const uri of WRONG) {
    assert.throws(() => checkRedirect(PROGRAM, uri), { code: "invalid_request" }, uri);
  }
});

test("a request has to be PKCE with S256 and a state", () => {
  checkLoopbackRequest(PROGRAM, REQUEST);
  checkLoopbackRequest(PROGRAM, { ...REQUEST, scope: "" });
  // biome-ignore format: read as a table
  const WRONG: readonly (readonly [field: string, change: Partial<LoopbackRequest>])[] = [
    ["response_type",         { responseType: "token" }],
    ["response_type",         { responseType: "" }],
    ["code_challenge_method", { codeChallengeMethod: "plain" }],
    ["code_challenge_method", { codeChallengeMethod: "" }],
    ["code_challenge",        { codeChallenge: "" }],
    ["code_challenge",        { codeChallenge: "a".repeat(42) }],
    ["code_challenge",        { codeChallenge: `${"a".repeat(42)}=` }],
    ["state",                 { state: "" }],
    ["state",                 { state: "a\r\nb" }],
    ["state",                 { state: "a".repeat(513) }],
    ["scope",                 { scope: "admin" }],
  ];
  for (const [field, change] of WRONG) {
    assert.throws(
      () => checkLoopbackRequest(PROGRAM, { ...REQUEST, ...change }),
      { code: "invalid_request", facts: { field } },
      JSON.stringify(change),
    );
  }
});

test("an unknown program is refused", () => {
  for (const id of ["", "evil", "__proto__", "toString"]) {
    assert.throws(() => requireOAuthProgram(id), { code: "invalid_request" });
  }
});

test("what can be a verifier", () => {
  assert.ok(isVerifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
  for (const bad of ["", "a".repeat(42), "a".repeat(129), `${"a".repeat(43)} `]) {
    assert.ok(!isVerifier(bad));
  }
});
