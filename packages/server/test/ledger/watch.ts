import type { Database } from "../../src/store/database.ts";

/** The same database, and whoever watches hears the code of each error that it answers. */
export function watchErrors(database: Database, hear: (code: string) => void): Database {
  return {
    ...database,
    async query(text, parameters) {
      try {
        return await database.query(text, parameters);
      } catch (error) {
        hear(String((error as { code?: unknown }).code ?? error));
        throw error;
      }
    },
  };
}
