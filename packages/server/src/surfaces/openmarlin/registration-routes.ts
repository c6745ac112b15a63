/** Registration (contract §4): the first thing that a program without a key does. */
import type { Context, Hono } from "hono";
import { addressGroup } from "../shared/admission.ts";
import { check } from "../shared/check.ts";
import { CompleteDevice, IssueKey, readObject, StartRegistration } from "./decode.ts";
import { encodeIssuedKey, encodeRegistration } from "./encode.ts";
import { REDEMPTION_ERRORS } from "./errors.ts";
import type { OpenmarlinCore, OpenmarlinOptions } from "./routes.ts";

export function registrationRoutes(
  routes: Hono,
  { registrations }: OpenmarlinCore,
  { publicUrl, addressOf }: OpenmarlinOptions,
): void {
  const path = "/v1/registration/sessions";

  routes.post(path, async (c) => {
    const { proof, referralCode } = check(StartRegistration, await readObject(c));
    const address = addressOf(c);
    const label = c.req.header("user-agent") ?? "";
    const network = addressGroup(address);
    const registration = await registrations.start({
      ...{ proof, label, address, network, referralCode },
    });
    return c.json(encodeRegistration(registration, publicUrl), 201, NOT_STORED);
  });

  routes.get(`${path}/:id`, async (c) => {
    const registration = await registrations.require(c.req.param("id"));
    return c.json(encodeRegistration(registration, publicUrl), 200, NOT_STORED);
  });

  routes.post(`${path}/:id/api-keys`, async (c) => {
    const { proof, label } = check(IssueKey, await readObject(c));
    const redemption = await registrations.redeem({ sessionId: c.req.param("id"), proof, label });
    if (redemption.outcome !== "deliver") return refuseRedemption(c, redemption.outcome);
    return c.json(encodeIssuedKey(redemption.key, redemption.secret), 201, NOT_STORED);
  });

  // For tests and demonstrations: what a person does on the page, said by a program.
  routes.post(`${path}/:id/device/complete`, async (c) => {
    const { deviceCode, email } = check(CompleteDevice, await readObject(c));
    const done = await registrations.completeUnproven(c.req.param("id"), deviceCode, email);
    if ("outcome" in done) return refuseRedemption(c, done.outcome);
    return c.json(encodeRegistration(done, publicUrl), 200, NOT_STORED);
  });
}

/** Each answer carries a secret. */
const NOT_STORED = { "cache-control": "no-store" } as const;

function refuseRedemption(c: Context, outcome: keyof typeof REDEMPTION_ERRORS): Response {
  const { status, ...body } = REDEMPTION_ERRORS[outcome];
  return c.json(body, status);
}
