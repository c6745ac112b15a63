/** The models that there are, one line a model and provider (contract §5). */
import { fieldsOf, itemsOf, type Json } from "./json.ts";
import { lineOfJson } from "./json-text.ts";
import { wordOf } from "./output.ts";

export function modelLines(models: readonly Json[]): string[] {
  return models.flatMap((model) => {
    const { id, providers } = fieldsOf(model);
    return itemsOf(providers).map((provider) => {
      const { provider_id, model_providers, labels } = fieldsOf(provider);
      const advertised = itemsOf(model_providers);
      const isOnlyThis = advertised.length === 1 && advertised[0] === id;
      const hasLabels = Object.keys(fieldsOf(labels)).length > 0;
      return [
        `- ${wordOf(id)} via ${wordOf(provider_id)}`,
        ...(isOnlyThis ? [] : [`advertises=${lineOfJson(advertised)}`]),
        ...(hasLabels ? [`labels=${lineOfJson(labels ?? null)}`] : []),
      ].join(" ");
    });
  });
}
