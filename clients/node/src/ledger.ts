/** The submissions of one plan, and their worst cost. */

import { ClientError, SpendLimit } from "./errors.js";
import { makeExplanation } from "./explanation.js";
import { asObject, type JsonObject, readNumber } from "./json.js";
import { formatMoney } from "./money.js";
import type { ModelChoice, Plan, Submission } from "./plan.js";
import type { Session } from "./session.js";
import type { Video } from "./video.js";

/** Sums of prices are rounded numbers. */
const TOLERANCE_USD = 1e-9;

export class Ledger {
  readonly submissions: Submission[] = [];
  #spentUsd = 0;

  constructor(
    readonly session: Session,
    readonly plan: Plan,
  ) {}

  /** The highest possible price of a create, or null. Throws `SpendLimit` if it exceeds what is left. */
  reserve(choice: ModelChoice, seconds: unknown): number | null {
    const worst = this.#worst(choice, seconds);
    const limit = this.plan.maxUsd;
    if (limit === undefined) return worst;
    const model = choice.model || "the default model";
    if (worst === null) throw makeSpendLimit(`The price of ${model} is not known.`);
    if (this.#spentUsd + worst > limit + TOLERANCE_USD) {
      const left = formatMoney(limit - this.#spentUsd);
      throw makeSpendLimit(`A video of ${model} may cost ${formatMoney(worst)}, and ${left} are left.`);
    }
    this.#spentUsd += worst;
    return worst;
  }

  /** Throws `SpendLimit` if no choice would be within the limit after the draft. */
  checkDraft(draft: ModelChoice, length: unknown, choices: readonly ModelChoice[], seconds: unknown): void {
    const limit = this.plan.maxUsd;
    const first = this.#worst(draft, length);
    if (limit === undefined || first === null) return;
    const rest = choices.map((choice) => this.#worst(choice, seconds));
    if (!rest.some((worst) => worst !== null && first + worst <= limit + TOLERANCE_USD)) {
      throw makeSpendLimit(`No model stays within ${formatMoney(limit)} after a draft for ${formatMoney(first)}.`);
    }
  }

  /** Records the outcome of a create, and releases what it did not cost. */
  settle(choice: ModelChoice, worst: number | null, video: Video | null, error: unknown): void {
    let charged = error === null && video !== null ? video.charged : "unknown";
    let outcome = error === null ? "completed" : "interrupted";
    if (error instanceof ClientError) {
      charged = error.charged;
      outcome = error.code || error.explanation.kind;
    }
    const isStated = charged === "yes" && video !== null && video.amount !== null && video.currency === "USD";
    const cost = charged === "no" ? 0 : isStated ? (video.amount ?? 0) : (worst ?? 0);
    this.#spentUsd += cost - (worst ?? 0);
    this.submissions.push({ model: choice.model, videoId: video?.id ?? "", outcome, charged, worstUsd: worst });
  }

  /** The shortest length that the server lists for a model. */
  shortest(model: string): string {
    const listed = this.#facts(model)["seconds"];
    const lengths = (Array.isArray(listed) ? listed : []).map(readNumber).filter((one) => one !== null && one > 0);
    if (lengths.length === 0) {
      throw new TypeError(`the server lists no lengths of ${model || "the model"}: set draft.seconds`);
    }
    return String(Math.min(...(lengths as number[])));
  }

  #worst(choice: ModelChoice, seconds: unknown): number | null {
    const price = this.#price(choice);
    const length = readNumber(seconds);
    return price ? (length === null ? null : price * length) : price;
  }

  #price(choice: ModelChoice): number | null {
    if (choice.usdPerSecond !== undefined) return readNumber(choice.usdPerSecond);
    const facts = this.#facts(choice.model);
    return facts["billing"] === "own" ? 0 : readNumber(facts["usd_per_second"]);
  }

  #facts(model: string): JsonObject {
    return asObject(this.session.models?.get(model)?.["safelight"]);
  }
}

function makeSpendLimit(message: string): SpendLimit {
  const explanation = makeExplanation({
    kind: "quota",
    stage: "admission",
    charged: "no",
    retry: "never",
    nextStep: "Raise the limit, shorten the video, or state the price of the model.",
    message,
    code: "spend_limit",
  });
  return new SpendLimit(message, { explanation });
}
