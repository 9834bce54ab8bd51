/** What a client knows about its server and its own requests. Shared by all calls of one client. */

import { setTimeout as sleep } from "node:timers/promises";

import { ClientError } from "./errors.js";
import { asObject, isObject, type JsonObject } from "./json.js";
import type { RetryPolicy } from "./retry_policy.js";
import type { Answer, Transport } from "./transport.js";

/** State of one client. */
export class Session {
  /** Models as the server lists them, by id; null until they were asked for. */
  models: ReadonlyMap<string, JsonObject> | null = null;
  /** Seconds that the clock of the server is ahead of ours. */
  clockAheadS = 0;
  readonly #known = new Set<string>();
  readonly #inFlight = new Map<string, number>();

  /** `honoursKeys`: whether the server honours `Idempotency-Key`. null: find out with `GET /models`. */
  constructor(
    readonly transport: Transport,
    readonly retries: RetryPolicy,
    public honoursKeys: boolean | null,
  ) {}

  /** Seconds on a clock that never jumps. */
  clock(): number {
    return performance.now() / 1000;
  }

  /** Seconds since 1970. */
  wallClock(): number {
    return Date.now() / 1000;
  }

  async pause(seconds: number): Promise<void> {
    await sleep(seconds * 1000);
  }

  /** Notes that a create with this prompt is being sent. */
  begin(prompt: string): void {
    this.#inFlight.set(prompt, (this.#inFlight.get(prompt) ?? 0) + 1);
  }

  end(prompt: string): void {
    const left = (this.#inFlight.get(prompt) ?? 1) - 1;
    if (left > 0) this.#inFlight.set(prompt, left);
    else this.#inFlight.delete(prompt);
  }

  /** Whether no other create with this prompt is being sent. */
  isOnlyOne(prompt: string): boolean {
    return this.#inFlight.get(prompt) === 1;
  }

  /** Notes that a video belongs to a request of ours. False if it already belonged to one. */
  claim(videoId: string): boolean {
    const isNew = !this.#known.has(videoId);
    this.#known.add(videoId);
    return isNew;
  }

  isKnown(videoId: string): boolean {
    return this.#known.has(videoId);
  }

  /** Learns how far the clock of the server is ahead, from the header `date`. */
  learnClock(answer: Answer): void {
    const moment = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(moment)) this.clockAheadS = moment / 1000 - this.wallClock();
  }

  /** Asks the server for its models, once. Only a Safelight gateway states more than their ids. */
  async learnServer(): Promise<void> {
    if (this.models !== null) return;
    let answer: Answer;
    try {
      answer = await this.transport.send({ method: "GET", path: "/models" });
    } catch (error) {
      if (error instanceof ClientError) return;
      throw error;
    }
    this.learnClock(answer);
    const rows = asObject(answer.json())["data"];
    if (!answer.isOk || !Array.isArray(rows)) {
      // A server without this list, unless it is only out of order at the moment.
      if (answer.status < 500 && answer.status !== 429) this.models = new Map();
      return;
    }
    this.models = new Map(rows.filter(isObject).map((row) => [String(row["id"]), row]));
    this.honoursKeys ??= [...this.models.values()].some((row) => isObject(row["safelight"]));
  }
}
