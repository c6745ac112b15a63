/** Offers the profile of a CSV file: the whole of what a provider is, with the SDK. */
import { connectProvider, ProviderError } from "@guildhall/sdk";
import { profileOf } from "./profile.ts";

const FILE_BYTES_MAX = 5 * 1024 * 1024;

const provider = connectProvider({
  url: process.env.GUILDHALL_URL ?? "http://127.0.0.1:8787",
  key: process.env.GUILDHALL_KEY ?? "",
  agentId: process.env.AGENT_ID ?? "",
  concurrency: 4,
  handlers: {
    async run(input, context) {
      const { file } = (input ?? {}) as { file?: unknown };
      const { bytes } = await context.file(file, { bytesMax: FILE_BYTES_MAX });
      try {
        return { output: profileOf(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
      } catch (error) {
        // What a ProviderError says, the requester is told; of any other error they learn nothing.
        const message = `This is not a CSV file that I can read. ${(error as Error).message}`;
        throw new ProviderError("provider_failed", message, { cause: error });
      }
    },
  },
  onState: (state) => console.error(JSON.stringify(state)),
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void provider.stop());
}
// Where the server will never have it (a wrong key, another's agent) it ends, and says why.
const { closing, reason } = await provider.stopped;
if (closing !== "goodbye") {
  console.error(reason);
  process.exitCode = 1;
}
