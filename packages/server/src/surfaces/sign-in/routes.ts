/** The pages for people. To be mounted at the root: the paths are whole. */
import { Hono } from "hono";
import { deriveSecret } from "../../lib/seal.ts";
import { authorizeRoutes } from "./authorize.ts";
import { chainPageRoutes } from "./chains.ts";
import type { Desk, SignInCore, SignInOptions } from "./desk.ts";
import { deviceRoutes } from "./device.ts";
import { enterRoutes } from "./enter.ts";
import { answerFault } from "./errors.ts";
import { createForms } from "./form.ts";
import { keyRoutes, oneKeyRoutes } from "./keys.ts";
import { lazyAuth } from "./lazy-auth.ts";
import { MARK_SVG, STYLE, STYLE_PATH } from "./pages/layout.ts";
import { createPeople } from "./people.ts";
import { createVisits, referralRoutes, withArrivals } from "./referral.ts";
import { registerRoutes } from "./register.ts";
import { homeRoutes, inviteRoutes, spendingRoutes } from "./settings.ts";
import { topupRoutes } from "./topup.ts";
import { walletRoutes } from "./wallet.ts";

const FOREVER = "public, max-age=31536000, immutable";
const A_DAY = "public, max-age=86400";

export function signInRoutes(core: SignInCore, options: SignInOptions): Hono {
  const isSecure = options.mode === "production";
  const secret = deriveSecret(options.secretKey, "sign-in sessions").toString("base64");
  const auth = lazyAuth(core.members, { ...options, secret });
  const forms = createForms(
    deriveSecret(options.secretKey, "sign-in forms"),
    options.random,
    isSecure,
  );
  const visits = createVisits(deriveSecret(options.secretKey, "referral visits"), isSecure);
  const people = withArrivals(createPeople(auth, core.callers), visits, core.referrals, options);
  const desk: Desk = { core, options, auth, forms, people };

  const routes = new Hono();
  routes.onError((error, c) => answerFault(c, error, options.log));
  routes.get(STYLE_PATH, (c) => {
    c.header("cache-control", FOREVER);
    return c.body(STYLE, 200, { "content-type": "text/css; charset=utf-8" });
  });
  routes.get("/app/hall.svg", (c) => {
    c.header("cache-control", A_DAY);
    return c.body(MARK_SVG, 200, { "content-type": "image/svg+xml" });
  });
  for (const part of PARTS) routes.route("/", part(desk));
  routes.route("/", referralRoutes(desk, visits));
  return routes;
}

const PARTS = [
  enterRoutes,
  deviceRoutes,
  authorizeRoutes,
  registerRoutes,
  homeRoutes,
  walletRoutes,
  keyRoutes,
  oneKeyRoutes,
  spendingRoutes,
  chainPageRoutes,
  inviteRoutes,
  topupRoutes,
];
