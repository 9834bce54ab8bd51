/** Verifies webhook messages in the format of Standard Webhooks: those of Safelight and of OpenAI. */

import { createHmac, timingSafeEqual } from "node:crypto";

import { SignatureInvalid } from "./errors.js";
import { makeExplanation } from "./explanation.js";
import { isObject } from "./json.js";

/** A message may be this much older or newer than our clock. */
const TOLERANCE_S = 300;
/** Bytes that Standard Webhooks requires of a secret, at least. With an empty one anybody could sign. */
const LEAST_KEY = 24;

/** The event in a message, as the sender wrote it: usually with `id`, `type` and `data`. */
export type WebhookEvent = Readonly<Record<string, unknown>>;
/** The headers of a request: those of `fetch`, or the object of Node and Express. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The event in a message. Throws `SignatureInvalid` unless one of the signatures is valid.
 *
 * Throws `TypeError` if a secret is missing, too short, or not in base64.
 *
 * `body`: the bytes as received, before any JSON parser. `secret`: `whsec_...`; during a rotation several.
 * `nowS`: the time in seconds since 1970, for tests. A sender may repeat a message: ignore an event whose `id`
 * you have seen.
 */
export function verifyWebhook(
  body: Uint8Array | string,
  headers: WebhookHeaders,
  secret: string | readonly string[],
  nowS: number = Date.now() / 1000,
): WebhookEvent {
  const keys = (typeof secret === "string" ? [secret] : secret).map(readKey);
  if (keys.length === 0) throw new TypeError("no webhook secret is given");
  const data = typeof body === "string" ? Buffer.from(body) : body;
  const id = findHeader(headers, "webhook-id");
  const stamp = findHeader(headers, "webhook-timestamp");
  if (!id || !/^[0-9]{1,12}$/.test(stamp)) throw makeInvalid("It has no id or no time.");
  if (Math.abs(nowS - Number(stamp)) > TOLERANCE_S) throw makeInvalid("It is too old, or its time is in the future.");
  const signatures = findHeader(headers, "webhook-signature")
    .split(/\s+/)
    .map((word) => Buffer.from(word.replace(/^v1,/, "")));
  const isSigned = keys.some((key) => {
    const right = createHmac("sha256", key).update(`${id}.${stamp}.`).update(data).digest("base64");
    return signatures.some((one) => one.length === right.length && timingSafeEqual(one, Buffer.from(right)));
  });
  if (!isSigned) throw makeInvalid("No signature is valid.");
  let event: unknown = null;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch {
    // Not JSON.
  }
  if (!isObject(event)) throw makeInvalid("Its body is not a JSON object.");
  return event;
}

function findHeader(headers: WebhookHeaders, name: string): string {
  if (headers instanceof Headers) return headers.get(name) ?? "";
  const found = Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1];
  return typeof found === "string" ? found : (found?.join(" ") ?? "");
}

/** The key in a secret. The error does not contain the secret, because errors are logged. */
function readKey(secret: string): Buffer {
  const text = secret.trim().replace(/^whsec_/, "");
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new TypeError("a webhook secret is `whsec_` and a text in base64");
  }
  const key = Buffer.from(text, "base64");
  if (key.length < LEAST_KEY) throw new TypeError(`a webhook secret has at least ${LEAST_KEY} bytes`);
  return key;
}

function makeInvalid(reason: string): SignatureInvalid {
  const message = `The webhook message is not accepted. ${reason}`;
  const explanation = makeExplanation({
    kind: "auth",
    stage: "unknown",
    charged: "no",
    retry: "never",
    nextStep: "Answer with status 400, and compare the secret with that of the endpoint.",
    message,
    code: "signature_invalid",
  });
  return new SignatureInvalid(message, { explanation });
}
