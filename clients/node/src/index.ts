/** A client of any `/v1/videos` server: it creates nothing twice and explains every error. */

export { Aborted } from "./abort.js";
export { type CallOptions, Client, type ClientOptions, type CreateFields, type CreateOptions, type WaitOptions } from "./client.js";
export type { Download, Variant } from "./download.js";
export { explain } from "./error_meanings.js";
export * from "./errors.js";
export type { Charged, Explanation, Kind, Retry } from "./explanation.js";
export type { FieldValue } from "./form.js";
export type { ListOptions } from "./management.js";
export { createOnce, type OpenAIClient, wait } from "./openai_helpers.js";
export type { Draft, Generated, ModelChoice, Plan, Submission } from "./plan.js";
export { RetryPolicy } from "./retry_policy.js";
export type { Cancellation, Page, Status, Video, VideoObject } from "./video.js";
export { verifyWebhook, type WebhookEvent, type WebhookHeaders } from "./webhooks.js";
