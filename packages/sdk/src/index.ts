export { createTaskWorker, type TaskRequester } from "./broadcast.ts";
export type {
  AcceptedTask,
  BroadcastRequest,
  Mandate,
  MandateRequest,
  OpenTask,
  Task,
  TaskQuery,
  TaskResult,
  TaskWorker,
  Verdict,
  WaitOptions,
} from "./broadcast-types.ts";
export { currentChainId, inChain } from "./chain.ts";
export { ProviderError, RequestError } from "./errors.ts";
export { connectProvider } from "./provider.ts";
export type {
  ApartPlaces,
  ConnectProvider,
  FileLimits,
  ProviderConnection,
  ProviderFile,
  ProviderHandlers,
  ProviderOptions,
  ProviderState,
  RunContext,
  RunOutput,
  TaskContext,
  TaskOffer,
  TaskOutput,
} from "./provider-types.ts";
export { createRequester } from "./requester.ts";
export type {
  Account,
  CapabilityMeta,
  Card,
  Credits,
  InvokeRequest,
  InvokeResult,
  Receipt,
  ReceiptPage,
  ReceiptQuery,
  Requester,
  RequesterOptions,
  SearchQuery,
  UploadFile,
} from "./requester-types.ts";
export {
  type Bill,
  type ClosedSession,
  type HistoryMessage,
  type Quote,
  SessionDeclined,
  type SessionFacts,
  type SessionHandlers,
  type SessionMessage,
  type TurnContext,
} from "./session-types.ts";
