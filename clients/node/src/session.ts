/** One call of a client, with what the client knows about its server and its own requests. */

import { setTimeout as sleep } from "node:timers/promises";

import { Aborted } from "./abort.js";
import { ClientError } from "./errors.js";
import { asObject, isObject, type JsonObject } from "./json.js";
import type { RetryPolicy } from "./retry_policy.js";
import type { Answer, Transport } from "./transport.js";

/** What all calls of one client share. */
interface State {
  models: ReadonlyMap<string, JsonObject> | null;
  clockAheadS: number;
  honoursKeys: boolean | null;
  /** Ids of videos that belong to requests of ours. */
  readonly known: Set<string>;
  /** Creates that are being sent, by their prompt. */
  readonly inFlight: Map<string, number>;
}

export class Session {
  readonly #state: State;

  /** `honoursKeys`: whether the server honours `Idempotency-Key`. null: find out with `GET /models`. */
  constructor(
    readonly transport: Transport,
    readonly retries: RetryPolicy,
    honoursKeys: boolean | null,
    readonly signal?: AbortSignal,
    state?: State,
  ) {
    this.#state = state ?? { models: null, clockAheadS: 0, honoursKeys, known: new Set(), inFlight: new Map() };
  }

  /** The same session for one call, which ends with `Aborted` when the signal is aborted. */
  withSignal(signal: AbortSignal | undefined): Session {
    if (signal === undefined) return this;
    return new Session(this.transport.withSignal(signal), this.retries, null, signal, this.#state);
  }

  /** Models as the server lists them, by id; null until they were asked for. */
  get models(): ReadonlyMap<string, JsonObject> | null {
    return this.#state.models;
  }

  /** Seconds that the clock of the server is ahead of ours. */
  get clockAheadS(): number {
    return this.#state.clockAheadS;
  }

  get honoursKeys(): boolean | null {
    return this.#state.honoursKeys;
  }

  /** Seconds on a clock that never jumps. */
  clock(): number {
    return performance.now() / 1000;
  }

  /** Seconds since 1970. */
  wallClock(): number {
    return Date.now() / 1000;
  }

  async pause(seconds: number): Promise<void> {
    try {
      await sleep(seconds * 1000, undefined, this.signal ? { signal: this.signal } : {});
    } catch (error) {
      throw this.signal?.aborted ? new Aborted(this.signal) : error;
    }
  }

  /** Notes that a create with this prompt is being sent. */
  begin(prompt: string): void {
    this.#state.inFlight.set(prompt, (this.#state.inFlight.get(prompt) ?? 0) + 1);
  }

  end(prompt: string): void {
    const { inFlight } = this.#state;
    const left = (inFlight.get(prompt) ?? 1) - 1;
    if (left > 0) inFlight.set(prompt, left);
    else inFlight.delete(prompt);
  }

  /** Whether no other create with this prompt is being sent. */
  isOnlyOne(prompt: string): boolean {
    return this.#state.inFlight.get(prompt) === 1;
  }

  /** Notes that a video belongs to a request of ours. False if it already belonged to one. */
  claim(videoId: string): boolean {
    const isNew = !this.#state.known.has(videoId);
    this.#state.known.add(videoId);
    return isNew;
  }

  isKnown(videoId: string): boolean {
    return this.#state.known.has(videoId);
  }

  /** Learns how far the clock of the server is ahead, from the header `date`. */
  learnClock(answer: Answer): void {
    const moment = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(moment)) this.#state.clockAheadS = moment / 1000 - this.wallClock();
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
      if (answer.status < 500 && answer.status !== 429) this.#state.models = new Map();
      return;
    }
    const models = rows.filter(isObject);
    this.#state.models = new Map(models.map((row) => [String(row["id"]), row]));
    this.#state.honoursKeys ??= models.some((row) => isObject(row["safelight"]));
  }
}
