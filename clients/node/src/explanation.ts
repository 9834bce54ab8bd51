/** What an error or a failed video means: where it happened, what it cost, and whether to send it again. */

export type Kind =
  | "content_block"
  | "rate_limit"
  | "quota"
  | "auth"
  | "transient"
  | "invalid_request"
  | "timeout"
  | "unknown";
export type Charged = "yes" | "no" | "unknown";
export type Retry = "same" | "new_seed" | "change_prompt" | "never" | "unknown";

/** What to do next, for an error that does not state it. */
export const NEXT_STEPS: Readonly<Record<Kind, string>> = {
  content_block: "Change the prompt, or the reference if you sent one. Do not send the same again.",
  rate_limit: "Wait, then send the same request again.",
  quota: "Raise the limit or add credit, then send the same request again.",
  auth: "Check the key, its permissions, and that it belongs to this server.",
  transient: "Check whether a job exists before you send the request again, to avoid paying twice.",
  invalid_request: "Correct the request as the message describes.",
  timeout: "Check whether the job exists before you send the request again, to avoid paying twice.",
  unknown: "Ask the operator of the server.",
};

/** The meaning of one error. What the server does not state or document is `unknown`. */
export interface Explanation {
  readonly kind: Kind;
  /**
   * `admission`: the request was not accepted; `prompt`, `reference`, `input`: refused by a filter before
   * generation; `generation`; `output`: refused after it; `delivery`: while downloading; `unknown`.
   */
  readonly stage: string;
  readonly charged: Charged;
  readonly retry: Retry;
  readonly nextStep: string;
  /** Seconds to wait before a retry, if the server states them. */
  readonly afterS: number | null;
  readonly message: string;
  readonly code: string;
  /** Whether the filter of the provider refused, and not the policy of a Safelight gateway. */
  readonly byProvider: boolean;
  /** Name of the provider in the table of errors; empty if unknown. */
  readonly provider: string;
  /** Category of a block in the words of Safelight, or `unknown`. */
  readonly category: string;
  /** Whether a content filter refused the request or the video. */
  readonly isBlock: boolean;
}

type Optional = "afterS" | "message" | "code" | "byProvider" | "provider" | "category";

/** An explanation with the usual values of what is not given. */
export function makeExplanation(
  given: Omit<Explanation, Optional | "isBlock"> & Partial<Pick<Explanation, Optional>>,
): Explanation {
  const isBlock = given.kind === "content_block";
  const usual = { afterS: null, message: "", code: "", byProvider: true, provider: "", category: "unknown" };
  return Object.freeze({ ...usual, ...given, isBlock });
}

/** The same explanation where nothing is known about the charge, so that nothing is sent again. */
export function unsettle(explanation: Explanation): Explanation {
  const retry = explanation.retry === "same" ? "unknown" : explanation.retry;
  return Object.freeze({ ...explanation, charged: "unknown", retry });
}
