/** A database that is slow at one statement: what others do meanwhile is the test's to say. */
import type { Database } from "../../src/store/database.ts";

type Moment = "before" | "after";

export interface LateDatabase extends Database {
  /**
   * Once, at the next statement that has these words: before it is done, or after that and before its answer
   * is heard.
   */
  meanwhile(words: string, work: () => Promise<unknown>, moment?: Moment): void;
}

export function answerLate(database: Database): LateDatabase {
  const waiting: { readonly words: string; readonly moment: Moment; work(): Promise<unknown> }[] =
    [];

  async function pause(text: string, at: Moment): Promise<void> {
    const index = waiting.findIndex(({ words, moment }) => moment === at && text.includes(words));
    if (index >= 0) await waiting.splice(index, 1)[0]?.work();
  }

  return {
    host: database.host,
    async query<Row extends object>(text: string, parameters?: readonly unknown[]): Promise<Row[]> {
      await pause(text, "before");
      const rows = await database.query<Row>(text, parameters);
      await pause(text, "after");
      return rows;
    },
    script: (text) => database.script(text),
    transaction: (work) => database.transaction(work),
    pool: () => database.pool(),
    close: () => database.close(),
    meanwhile: (words, work, moment = "after") => void waiting.push({ words, moment, work }),
  };
}
