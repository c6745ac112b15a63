/** `/settings/wallet`: what is there, putting more in, and a link to bring others by. */
import { usdOfMicros } from "@guildhall/protocol";
import { type Context, Hono } from "hono";
import { Fault } from "../../domain/fault.ts";
import type { Desk } from "./desk.ts";
import { readAmount } from "./limit-fields.ts";
import { topupPage, walletPage } from "./pages/wallet.ts";
import type { Person } from "./people.ts";
import { sendSettings } from "./send-settings.ts";
import { topupIdOf } from "./topup.ts";

const PATH = "/settings/wallet";
const SHOWN = 20;
const BAD_AMOUNT = "An amount is a number of dollars above zero, such as 5 or 2.50.";

export function walletRoutes(desk: Desk): Hono {
  const routes = new Hono();
  const { core, forms, people } = desk;

  routes.get(PATH, async (c) => showWallet(desk, c, await people.require(c)));

  routes.post(`${PATH}/topups`, async (c) => {
    const person = await people.require(c);
    const form = await forms.read(c, person.sessionId);
    const amountMicros = readAmount(form.get("amount") ?? "");
    if (amountMicros === undefined || amountMicros === "wrong") {
      return showWallet(desk, c, person, form, BAD_AMOUNT);
    }
    return orSay(desk, c, person, form, async () => {
      const topup = await core.topups.open(person.caller, { amountMicros, isPaidLater: true });
      return `${PATH}/topups/${topup.id}`;
    });
  });

  routes.get(`${PATH}/topups/:id`, async (c) => {
    const person = await people.require(c);
    const topup = await core.topups.require(person.caller, topupIdOf(c));
    return sendSettings(desk, c, person, "wallet", "Top-up", () => topupPage(topup));
  });

  routes.post(`${PATH}/voucher`, async (c) => {
    const person = await people.require(c);
    const form = await forms.read(c, person.sessionId);
    return orSay(desk, c, person, form, async () => {
      const code = form.get("code") ?? "";
      const { amountMicros } = await core.vouchers.redeem(person.caller, code);
      return `${PATH}?redeemed=${usdOfMicros(amountMicros)}`;
    });
  });
  return routes;
}

/** Does what a form asks for and goes on to where that leads; a refusal is said above the form. */
async function orSay(
  desk: Desk,
  c: Context,
  person: Person,
  form: URLSearchParams,
  work: () => Promise<string>,
): Promise<Response> {
  let path: string;
  try {
    path = await work();
  } catch (error) {
    if (!(error instanceof Fault) || error.code === "internal") throw error;
    return showWallet(desk, c, person, form, error.message);
  }
  return c.redirect(path, 303);
}

async function showWallet(
  desk: Desk,
  c: Context,
  person: Person,
  form?: URLSearchParams,
  problem?: string,
): Promise<Response> {
  const { core, options } = desk;
  const { caller } = person;
  const page = { cursor: undefined, limit: SHOWN };
  const [balance, { transfers }, topups, referrals] = await Promise.all([
    core.wallets.balance(caller),
    core.wallets.listTransfers(caller, page),
    core.topups.list(caller, { beforeId: undefined, limit: SHOWN }),
    core.referrals.mine(caller),
  ]);
  const redeemed = c.req.query("redeemed");
  return sendSettings(desk, c, person, "wallet", "Wallet", (token) =>
    walletPage({
      ...{ token, balance, transfers, topups, referrals, problem },
      publicUrl: options.publicUrl,
      canTopUp: core.topups.isOffered,
      typed: { amount: form?.get("amount") ?? "", code: form?.get("code") ?? "" },
      redeemed: redeemed !== undefined && /^\d+(?:\.\d+)?$/.test(redeemed) ? redeemed : undefined,
    }),
  );
}
