/** Calls that end early because a signal of the caller was aborted. */

import type { Submission } from "./plan.js";

/**
 * The signal of a call was aborted. `cause` is its reason.
 *
 * Not a `ClientError`: nothing is known to be wrong. As in the APIs of the platform, its `name` is `AbortError`.
 */
export class Aborted extends Error {
  override readonly name = "AbortError";
  /** The key of a create that may have made a video, which may be charged; empty if nothing was sent. */
  idempotencyKey = "";
  /** The video that was waited for. It goes on, and may be charged; empty if there was none. */
  videoId = "";
  /** The creates of the plan so far. */
  submissions: readonly Submission[] = [];

  /** Whether the server may have received the request that was aborted. */
  readonly isSent: boolean;

  constructor(signal: AbortSignal, { isSent = false } = {}) {
    super("The call was aborted.", { cause: signal.reason });
    this.isSent = isSent;
  }
}
