import type { Auth } from "./auth.ts";
import type { Admission, AuthOptions } from "./auth-settings.ts";

/** People's sign-in, loaded when it is first asked for. */
export function lazyAuth(admission: Admission, options: AuthOptions): () => Promise<Auth> {
  let loading: Promise<Auth> | undefined;
  return () => {
    loading ??= import("./auth.ts").then(({ createAuth }) => createAuth(admission, options));
    return loading;
  };
}
