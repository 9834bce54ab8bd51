/** When to try again: delays with full jitter, `Retry-After`, and the limits of both. */

/** Delays and limits. The defaults suit servers that other people use too. */
export class RetryPolicy {
  /** Upper limit of the delay after the first failure; it doubles with each further one up to `maxS`. */
  readonly firstS: number = 0.5;
  readonly maxS: number = 8;
  /** Tries of one request in total. */
  readonly attempts: number = 4;
  /** A `Retry-After` above this is not waited for: a daily quota is not a short limit. */
  readonly maxRetryAfterS: number = 120;
  /** Interval of polls if the server states none. It grows with the age of the video up to `maxPollS`. */
  readonly pollS: number = 1;
  readonly maxPollS: number = 10;
  /** A video has vanished if each poll of this time was answered with 404. A server may restart. */
  readonly vanishedAfterS: number = 30;

  constructor(changes: Partial<Omit<RetryPolicy, "delayS" | "pollDelayS">> = {}) {
    Object.assign(this, changes);
  }

  /**
   * Seconds to wait after this number of failures (1: the first), with full jitter.
   *
   * A delay that the server asked for is kept whole, and the jitter is added to it.
   */
  delayS(failures: number, retryAfterS: number | null = null): number {
    const jitter = Math.random() * Math.min(this.maxS, this.firstS * 2 ** Math.min(failures - 1, 30));
    return retryAfterS === null ? jitter : retryAfterS + Math.min(jitter, this.firstS);
  }

  /** Seconds until the next poll of a video of this age. */
  pollDelayS(ageS: number, statedMs: number | null): number {
    if (statedMs !== null) return Math.min(Math.max(statedMs / 1000, Math.min(this.pollS, 0.1)), 300);
    return Math.min(this.pollS + ageS / 30, this.maxPollS);
  }
}
