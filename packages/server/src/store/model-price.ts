/** What calls of models cost. */
import type { TokenRates } from "../domain/token-price.ts";
import type { Tx } from "./database.ts";

export interface ModelPrice extends TokenRates {
  readonly model: string;
}

/** All of them, by the model's name. */
export async function listModelPrices(tx: Tx): Promise<ModelPrice[]> {
  return tx.query<ModelPrice & Record<string, unknown>>(
    `select model, input_micros as "inputMicros", cached_micros as "cachedMicros",
            output_micros as "outputMicros", request_micros as "requestMicros"
       from model_prices order by model`,
  );
}

export async function findModelPrice(tx: Tx, model: string): Promise<ModelPrice | undefined> {
  return (await listModelPrices(tx)).find((price) => price.model === model);
}

/** Sets a model's prices. Who sells it has changed by that: nobody may rely on the prices before. */
export async function upsertModelPrice(tx: Tx, price: ModelPrice, at: Date): Promise<void> {
  const { model, inputMicros, cachedMicros, outputMicros, requestMicros } = price;
  await tx.query(
    `insert into model_prices(model, input_micros, cached_micros, output_micros, request_micros, updated_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (model) do update
       set input_micros = excluded.input_micros, cached_micros = excluded.cached_micros,
           output_micros = excluded.output_micros, request_micros = excluded.request_micros,
           updated_at = excluded.updated_at`,
    [model, inputMicros, cachedMicros, outputMicros, requestMicros, at],
  );
  await touchNodes(tx);
}

/** `false` where the model has no price. */
export async function deleteModelPrice(tx: Tx, model: string): Promise<boolean> {
  const rows = await tx.query("delete from model_prices where model = $1 returning model", [model]);
  await touchNodes(tx);
  return rows.length > 0;
}

/** Prices change seldom, and a revision too many does no harm: whoever is hiring looks again. */
async function touchNodes(tx: Tx): Promise<void> {
  await tx.query(
    `update agents set revision = nextval('agents_revision')
      where id in (select agent_id from nodes)`,
  );
}
