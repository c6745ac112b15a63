import assert from "node:assert/strict";
import { test } from "node:test";
import { type Environment, readConfig } from "./config.ts";
import { ConfigError } from "./config-values.ts";

const SECRET = "s".repeat(32);
const PRODUCTION = {
  GUILDHALL_MODE: "production",
  PUBLIC_URL: "https://hall.example.org",
  GUILDHALL_SECRET_KEY: SECRET,
};

test("without any setting it is a development server on loopback", () => {
  const config = readConfig({});
  assert.equal(config.mode, "development");
  assert.equal(config.host, "127.0.0.1");
  assert.equal(config.port, 8787);
  assert.equal(config.signup, "open");
  assert.equal(config.mayFetchLoopback, false);
  assert.equal(config.isHouseOn, true);
  assert.equal(config.databaseUrl, undefined);
});

test("what is bound to the world is production, and invites", () => {
  const config = readConfig({ ...PRODUCTION, GUILDHALL_MODE: undefined, HOST: "0.0.0.0" });
  assert.equal(config.mode, "production");
  assert.equal(config.signup, "invite");
  assert.equal(config.publicUrl, "https://hall.example.org");
});

test("a loopback server with a public address is production too", () => {
  assert.equal(readConfig({ ...PRODUCTION, GUILDHALL_MODE: "" }).mode, "production");
});

// biome-ignore format: read as a table
const REFUSED: readonly [string, Environment, RegExp][] = [
  ["development on all addresses",     { GUILDHALL_MODE: "development", HOST: "0.0.0.0" },      /HOST/],
  ["development on a network address", { GUILDHALL_MODE: "development", HOST: "192.168.1.2" },  /HOST/],
  ["development on a name like 127",   { GUILDHALL_MODE: "development", HOST: "127.evil.example" }, /HOST/],
  ["development with a public address", { GUILDHALL_MODE: "development", PUBLIC_URL: "https://a.example" }, /PUBLIC_URL/],
  ["the world without an address",     { HOST: "0.0.0.0" },                                     /PUBLIC_URL/],
  ["production without a secret",      { ...PRODUCTION, GUILDHALL_SECRET_KEY: undefined },      /GUILDHALL_SECRET_KEY/],
  ["production with a short secret",   { ...PRODUCTION, GUILDHALL_SECRET_KEY: "short" },        /32/],
  ["an address that is none",          { PUBLIC_URL: "hall.example.org" },                      /PUBLIC_URL/],
  ["an address of another kind",       { PUBLIC_URL: "ftp://hall.example.org" },                /PUBLIC_URL/],
  ["an address with a path",           { ...PRODUCTION, PUBLIC_URL: "https://a.example/hall" }, /path/],
  ["a mode that there is not",         { GUILDHALL_MODE: "staging" },                           /development, production/],
  ["a port beyond ports",              { PORT: "65536" },                                       /PORT/],
  ["a port with a sign",               { PORT: "-1" },                                          /PORT/],
  ["a port in another notation",       { PORT: "0x50" },                                        /PORT/],
  ["a port with a fraction",           { PORT: "80.5" },                                        /PORT/],
  ["all of each payment as fee",       { GUILDHALL_FEE_BASIS_POINTS: "10000" },                 /FEE/],
  ["one connection",                   { DATABASE_CONNECTIONS: "1" },                           /DATABASE_CONNECTIONS/],
  ["a switch that is neither",         { GUILDHALL_HOUSE: "yes" },                              /GUILDHALL_HOUSE/],
  ["a log level that there is not",    { GUILDHALL_LOG_LEVEL: "loud" },                         /GUILDHALL_LOG_LEVEL/],
  ["a sign-up that there is not",      { GUILDHALL_SIGNUP: "maybe" },                           /GUILDHALL_SIGNUP/],
  ["a limit of no group",              { GUILDHALL_RATE_LIMITS: "everything=1" },               /everything/],
  ["a limit named like Object's own",  { GUILDHALL_RATE_LIMITS: "constructor=1" },              /constructor/],
  ["a limit without a number",         { GUILDHALL_RATE_LIMITS: "invoke" },                     /invoke/],
  ["half of what Stripe needs",        { STRIPE_SECRET_KEY: "sk_test_1" },                       /STRIPE_WEBHOOK_SECRET/],
  ["real money beside play money",     { STRIPE_SECRET_KEY: "sk_live_1", STRIPE_WEBHOOK_SECRET: "whsec_1" }, /test key/],
  ["a reward below nothing",           { GUILDHALL_REFERRAL_REWARD_USD: "-1" },                  /REFERRAL/],
  ["a reward that is no amount",       { GUILDHALL_REFERRAL_REWARD_USD: "1e3" },                 /REFERRAL/],
  ["a credit that needs rounding",     { OPENMARLIN_CREDIT_MICROS: "30000" },                    /OPENMARLIN_CREDIT_MICROS/],
  ["a credit without hundredths",      { OPENMARLIN_CREDIT_MICROS: "50" },                       /OPENMARLIN_CREDIT_MICROS/],
  ["half a client of GitHub's",        { GITHUB_CLIENT_ID: "a" },                               /GITHUB_CLIENT_SECRET/],
  ["embeddings of no model",           { EMBEDDINGS_URL: "http://127.0.0.1:1" },                /EMBEDDINGS_MODEL/],
  ["a client of no issuer",            { OIDC_CLIENT_ID: "a", OIDC_CLIENT_SECRET: "b" },        /OIDC_ISSUER/],
];

test("bringing others is worth nothing where anybody may make up accounts, unless it is set", () => {
  const rewardOf = (environment: Environment) => readConfig(environment).referralRewardMicros;
  const open = { ...PRODUCTION, GUILDHALL_SIGNUP: "open" };
  assert.deepEqual(
    [rewardOf({}), rewardOf(PRODUCTION), rewardOf(open)],
    [1_000_000n, 1_000_000n, 0n],
  );
  assert.equal(rewardOf({ ...open, GUILDHALL_REFERRAL_REWARD_USD: "0.5" }), 500_000n);
});

for (const [what, environment, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => readConfig(environment),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

test("a limit that is changed leaves the others as they are", () => {
  const { rateLimits } = readConfig({ GUILDHALL_RATE_LIMITS: " invoke = 5 , search=0" });
  assert.equal(rateLimits.invoke, 5);
  assert.equal(rateLimits.search, 0);
  assert.equal(rateLimits.files, readConfig({}).rateLimits.files);
});

test("blanks count as unset", () => {
  assert.equal(readConfig({ PORT: "  ", PUBLIC_URL: "" }).port, 8787);
});

test("nothing can be changed afterwards", () => {
  assert.throws(() => Object.assign(readConfig({}), { mode: "production" }), TypeError);
});
