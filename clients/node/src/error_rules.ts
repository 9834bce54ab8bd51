/**
 * The meaning of errors of servers that do not state it: a table of documented codes and sentences.
 *
 * `error_rules.json` is that of the Python client. `tests/client/error_rules.py` of the repository writes it. The
 * meaning of a body by it is the same as that by the server.
 */

import { readFileSync } from "node:fs";

import { ErrorBody, isSpoken } from "./error_body.js";
import type { Charged, Kind, Retry } from "./explanation.js";
import { asObject, isObject, type JsonObject } from "./json.js";

const MAX_DELAY_S = 86_400;
const UNITS_S: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };
const DELAYS = [
  ["retry-after-ms", 0.001],
  ["retry-after", 1],
  ["retry_after", 1],
  ["retryafter", 1],
] as const;
export const CHARGED: readonly unknown[] = ["yes", "no", "unknown"];
export const RETRIES: readonly unknown[] = ["same", "new_seed", "change_prompt", "never", "unknown"];
/** How to send again what is not a block. */
export const AGAIN: Readonly<Partial<Record<Kind, Retry>>> = {
  rate_limit: "same",
  quota: "never",
  auth: "never",
  transient: "same",
  invalid_request: "never",
  timeout: "same",
};

/** One row of the table: it matches if all its conditions match. */
interface Rule {
  readonly id: string;
  readonly kind: Kind;
  readonly fields?: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly status?: readonly number[];
  readonly empty_lists?: readonly string[];
  /** Whether the conditions are sufficient for any provider. */
  readonly anywhere?: boolean;
  /** Whether the aggregator itself refused, and not a provider behind it. */
  readonly by_relay?: boolean;
  readonly stage?: string;
  readonly category?: string;
  readonly charged?: Charged;
  /** Whether the error states that the request was not accepted. */
  readonly not_taken?: boolean;
  readonly retry?: Retry;
  readonly after_s?: number;
}

/** The rules of a provider, of an aggregator (`relay`), or of nobody (`first`, `shaped`, `last`). */
interface RuleSet {
  readonly role: "first" | "provider" | "relay" | "shaped" | "last";
  readonly name?: string;
  /** A pattern by which the provider is recognized. */
  readonly signs?: string;
  /** Whether it sells the models of others at its own prices. */
  readonly resells?: boolean;
  readonly rules: readonly Rule[];
}

type Pattern =
  | "messages"
  | "output"
  | "input"
  | "either_side"
  | "advice"
  | "parameters"
  | "refunded"
  | "quoted"
  | "category_fields"
  | "reasons";

interface Words extends Readonly<Record<Pattern, string>> {
  readonly echoes: readonly string[];
  readonly waits: readonly string[];
  readonly categories: Readonly<Record<string, string>>;
  readonly category_names: Readonly<Record<string, string>>;
}

interface Document {
  readonly statuses: Readonly<Record<string, string>>;
  readonly codes: Readonly<Record<string, Kind>>;
  readonly words: Words;
  readonly categories: readonly string[];
  readonly gravest: readonly string[];
  readonly products: readonly { readonly name: string; readonly words: string; readonly cased?: boolean }[];
  readonly sets: readonly RuleSet[];
}

export interface Table extends Omit<Document, "statuses" | "codes"> {
  /** The statuses of videos, by the words of all known servers. */
  readonly statuses: ReadonlyMap<string, string>;
  /** The kinds of Safelight's own codes. */
  readonly codes: ReadonlyMap<string, Kind>;
}

/** What an error means. */
export interface Reading {
  /** The rule; empty if none matched. */
  readonly rule: string;
  /** Name of the provider that refused; empty if unknown. */
  readonly provider: string;
  /** Name of the aggregator that passed the error on. */
  readonly via: string;
  readonly kind: Kind;
  readonly stage: string;
  readonly category: string;
  readonly charged: Charged;
  /** Whether the error itself states the charge. */
  readonly isChargeStated: boolean;
  readonly notTaken: boolean;
  readonly retry: Retry;
  readonly afterS: number | null;
  /** Whether the error itself states the delay. */
  readonly isDelayStated: boolean;
}

export const UNKNOWN: Reading = {
  rule: "",
  provider: "",
  via: "",
  kind: "unknown",
  stage: "unknown",
  category: "unknown",
  charged: "unknown",
  isChargeStated: false,
  notTaken: false,
  retry: "unknown",
  afterS: null,
  isDelayStated: false,
};

let loaded: Table | undefined;

/** The generated table, which is read at its first use. */
export function loadTable(): Table {
  if (loaded === undefined) {
    const file = new URL("../error_rules.json", import.meta.url);
    const document = JSON.parse(readFileSync(file, "utf8")) as Document;
    const { statuses, codes } = document;
    loaded = { ...document, statuses: new Map(Object.entries(statuses)), codes: new Map(Object.entries(codes)) };
  }
  return loaded;
}

/** What `\w` is in Python: letters and digits of all scripts, in a form that is compiled fast. */
const WORD =
  "0-9A-Z_a-z\\xaa\\xb2\\xb3\\xb5\\xb9\\xba\\xbc-\\xbe\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u02c1\\u0370-\\u1fff\\u3005-\\u3007" +
  "\\u3041-\\u3096\\u30a1-\\u30fa\\u30fc-\\u30ff\\u3105-\\u312f\\u3400-\\u9fff\\ua000-\\ud7ff\\uf900-\\ufaff" +
  "\\uff10-\\uff19\\uff21-\\uff3a\\uff41-\\uff5a\\uff66-\\uffdc\\u{10000}-\\u{1efff}\\u{20000}-\\u{323af}";
const EDGE = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
const compiled = new Map<string, RegExp>();

/** A pattern of the table. `\b`, `\w` and `.` are those of Python. */
function compile(pattern: string, flags = "giu"): RegExp {
  const key = `${flags} ${pattern}`;
  let found = compiled.get(key);
  if (found === undefined) {
    let isClass = false;
    const source = pattern.replace(/\\.|[[\].]/gsu, (token, place: number) => {
      if (token === "\\b") return readEdge(pattern.slice(0, place), pattern.slice(place + 2));
      if (token === "\\W") return `[^${WORD}]`;
      if (token === "\\w") return isClass ? WORD : `[${WORD}]`;
      if (token === "[" || token === "]") isClass = token === "[";
      return token === "." && !isClass ? "[^\\n]" : token;
    });
    found = new RegExp(source, flags);
    compiled.set(key, found);
  }
  found.lastIndex = 0;
  return found;
}

/** The edge of a word between two parts of a pattern; a letter on one side of it makes it cheap. */
function readEdge(before: string, after: string): string {
  if (/^\w(?![?*{])/.test(after)) return `(?<![${WORD}])`;
  return /(?<!\\)\w$/.test(before) ? `(?![${WORD}])` : EDGE;
}

function isFound(pattern: string | undefined, text: string): boolean {
  return pattern !== undefined && compile(pattern).test(text);
}

function isWhole(pattern: string, text: string): boolean {
  return compile(`^(?:${pattern})$`).test(text);
}

/** The meaning of the body of an error response or a failed video. */
export function readError(body: unknown, status: number | null, headers: Headers): Reading {
  const { words } = loadTable();
  const said = new ErrorBody(body, status, headers, new Set(words.echoes));
  const known = readSets("provider").filter((one) => isFound(one.signs, said.signature));
  const routers = readSets("relay").filter((one) => isFound(one.signs, said.signature));
  for (const [rule, owner] of readCandidates(known, routers)) {
    if (matches(rule, said)) return readAnswer(said, rule, owner, known, routers);
  }
  const isFree = isRefunded(said);
  const provider = known[0]?.name ?? findProduct(said.prose);
  return { ...UNKNOWN, provider, charged: isFree ? "no" : "unknown", isChargeStated: isFree };
}

function readSets(role: RuleSet["role"]): readonly RuleSet[] {
  return loadTable().sets.filter((one) => one.role === role);
}

function matches(rule: Rule, said: ErrorBody): boolean {
  if (rule.status && (said.status === null || !rule.status.includes(said.status))) return false;
  for (const [names, pattern] of Object.entries(rule.fields ?? {})) {
    if (!said.values(names).some((value) => isWhole(pattern, value))) return false;
  }
  if (rule.empty_lists && !rule.empty_lists.some((name) => said.emptyLists.has(name))) return false;
  return rule.text === undefined || isFound(rule.text, said.prose);
}

type Candidate = readonly [rule: Rule, owner: RuleSet];

/**
 * Rules in the order of matching: blocks before other errors, recognized providers before all others, and rules on
 * the HTTP status alone last.
 */
function* readCandidates(known: readonly RuleSet[], routers: readonly RuleSet[]): Generator<Candidate> {
  const every = readSets("provider");
  const shaped = readSets("shaped");
  yield* readRules(readSets("first"));
  yield* readRules(routers, (rule) => isBlock(rule) && rule.by_relay === true);
  yield* readRules(known, isBlock);
  yield* readRules(every, (rule) => isBlock(rule) && rule.anywhere === true);
  yield* readRules(routers, isBlock);
  yield* readRules(shaped, (rule) => rule.fields !== undefined);
  yield* readRules(routers);
  yield* readRules(known, (rule) => rule.fields !== undefined || rule.text !== undefined);
  yield* readRules(shaped);
  yield* readRules([...readSets("relay"), ...every], (rule) => rule.anywhere === true);
  yield* readRules(known);
  yield* readRules(readSets("last"));
}

function isBlock(rule: Rule): boolean {
  return rule.kind === "content_block";
}

function* readRules(owners: readonly RuleSet[], test: (rule: Rule) => boolean = () => true): Generator<Candidate> {
  for (const owner of owners) for (const rule of owner.rules) if (test(rule)) yield [rule, owner];
}

function readAnswer(
  said: ErrorBody,
  rule: Rule,
  owner: RuleSet,
  known: readonly RuleSet[],
  routers: readonly RuleSet[],
): Reading {
  let via = routers[0]?.name ?? "";
  let provider = known[0]?.name ?? "";
  let isResold = false;
  if (owner.role === "relay") {
    if (rule.by_relay) [provider, via] = [owner.name ?? "", ""];
  } else {
    const product = findProduct(said.prose);
    const named = routers.length > 0 ? "" : product;
    provider = owner.name || provider || named;
    isResold = [...known, ...routers].some((one) => one.resells === true && one.name !== provider);
    const onlyWords = owner.name !== undefined && !known.includes(owner) && rule.fields === undefined;
    // Others use the same words.
    if (onlyWords && named === "" && product !== owner.name) provider = "";
  }
  let stage = rule.stage ?? "unknown";
  if (isBlock(rule) && stage === "unknown") stage = readSide(said);
  const category = isBlock(rule) ? rule.category || readCategory(said) : "unknown";
  let charged = isBlock(rule) && isResold ? "unknown" : (rule.charged ?? "unknown");
  let retry = rule.retry ?? readAgain(rule, stage, category);
  const after = retry === "same" ? readDelay(said) : null;
  let isStated = charged === "unknown" && isRefunded(said);
  if (isStated) charged = "no";
  const details = isBlock(rule) ? readDetails(said) : {};
  const cost = isObject(details["charged"])
    ? details["charged"]["charged"] || details["charged"]["upstream"]
    : details["charged"];
  const stated = typeof cost === "boolean" ? (cost ? "yes" : "no") : cost;
  if (CHARGED.includes(stated)) [charged, isStated] = [stated as Charged, true];
  const again = isObject(details["retry"]) ? details["retry"]["action"] : details["retry"];
  if (RETRIES.includes(again) && category !== "sexual/minors") retry = again as Retry;
  return {
    rule: rule.id,
    provider,
    via: via === provider ? "" : via,
    kind: rule.kind,
    stage,
    category,
    charged,
    isChargeStated: isStated,
    notTaken: rule.not_taken === true && !isStated,
    retry,
    afterS: after ?? (retry === "same" ? (rule.after_s ?? null) : null),
    isDelayStated: after !== null,
  };
}

function readAgain(rule: Rule, stage: string, category: string): Retry {
  if (!isBlock(rule)) return AGAIN[rule.kind] ?? "unknown";
  if (category === "sexual/minors") return "never";
  return stage === "output" ? "new_seed" : "change_prompt";
}

/** What a server of Safelight's or OpenAI's format states about a block. */
function readDetails(said: ErrorBody): JsonObject {
  for (const document of said.documents) {
    for (const place of [asObject(document)["error"], document]) {
      const details = asObject(place)["moderation_details"];
      if (isObject(details)) return details;
    }
  }
  return {};
}

function isRefunded(said: ErrorBody): boolean {
  const isFlagged = said.values("credits_refunded|refunded").some((value) => value.toLowerCase() === "true");
  return isFlagged || isFound(loadTable().words.refunded, said.prose);
}

/** Seconds that the error states, at most a day. */
function readDelay(said: ErrorBody): number | null {
  for (const [name, scale] of DELAYS) {
    const value = said.headers.get(name) || said.first(name);
    if (/^\d{1,7}(?:\.\d{1,6})?s?$/.test(value)) return Math.min(Number.parseFloat(value) * scale, MAX_DELAY_S);
  }
  for (const pattern of loadTable().words.waits) {
    const found = compile(pattern).exec(said.prose);
    if (found === null) continue;
    const unit = found[2]!.toLowerCase();
    return Math.min(Number(found[1]) * UNITS_S[unit === "ms" ? unit : unit[0]!]!, MAX_DELAY_S);
  }
  return null;
}

function readSentences(said: ErrorBody): string {
  const found = said.values(loadTable().words.messages).filter(isSpoken).join("\n");
  return (found || said.prose).slice(0, 4000);
}

/** Whether the input or the output was refused. */
function readSide(said: ErrorBody): string {
  const { words } = loadTable();
  const stated = said.first("moderation_stage");
  if (stated === "input" || stated === "output") return stated;
  if (isWhole(words.parameters, said.first("param|parameter"))) return "input";
  const text = readSentences(said).replace(compile(words.advice), "");
  if (isFound(words.either_side, text)) return "unknown";
  return (["output", "input"] as const).find((side) => isFound(words[side], text)) ?? "unknown";
}

/** The provider whose product a text names first; empty if it names none. A quoted prompt does not count. */
function findProduct(text: string): string {
  const { words, products } = loadTable();
  const plain = text.replace(compile(words.quoted), "");
  let place = plain.length;
  let name = "";
  for (const row of products) {
    const found = compile(row.words, row.cased ? "gu" : "giu").exec(plain);
    if (found !== null && found.index < place) [place, name] = [found.index, row.name];
  }
  return name;
}

/** Our category for a block: from its lists, else from its stated reasons, else from its words. */
function readCategory(said: ErrorBody): string {
  const { words } = loadTable();
  const listed = findGravest(said.values(words.category_fields)) || findGravest([...readFiltered(said)]);
  if (listed) return listed;
  for (const match of said.prose.matchAll(compile(words.reasons))) {
    const reasons = match[1] ?? "";
    const found = findGravest(reasons.split(/,|;|\band\b|\bor\b/)) || findSpoken(reasons);
    if (found) return found;
  }
  return findSpoken(readSentences(said)) || "unknown";
}

/** The gravest category that the words of a message name; empty if they name none. */
function findSpoken(text: string): string {
  const named = Object.entries(loadTable().words.categories);
  return named.find(([, pattern]) => isFound(pattern, text))?.[0] ?? "";
}

/** The gravest category of a list; empty if the list has none. */
export function findGravest(listed: readonly string[]): string {
  const { gravest } = loadTable();
  const known = listed.map(readCategoryName).filter((name) => name !== "");
  return gravest.find((name) => known.includes(name)) ?? known[0] ?? "";
}

/** Our category for one word from a provider's list; empty if we have none. */
function readCategoryName(word: string): string {
  const { categories, words } = loadTable();
  const unquoted = word.trim().replace(/^["']+|["']+$/g, "");
  const plain = unquoted.toLowerCase().replace(/[\s-]+/g, "_");
  if (Object.hasOwn(words.category_names, plain)) return words.category_names[plain]!;
  const spellings = [plain, plain.replaceAll("_", "-"), plain.replace("_", "/"), plain.replaceAll("/", "_")];
  return spellings.find((name) => categories.includes(name)) ?? "";
}

/** The filtered categories in Azure's format: `content_filter_result: {violence: {filtered: true}}`. */
function* readFiltered(said: ErrorBody): Generator<string> {
  for (const document of said.documents) {
    for (const result of readFilterResults(document, 0)) {
      for (const [name, state] of Object.entries(result)) if (asObject(state)["filtered"] === true) yield name;
    }
  }
}

function* readFilterResults(value: unknown, depth: number): Generator<JsonObject> {
  if (depth > 8) return;
  if (Array.isArray(value)) {
    for (const inner of value.slice(0, 50)) yield* readFilterResults(inner, depth + 1);
  } else if (isObject(value)) {
    for (const [name, inner] of Object.entries(value)) {
      if (name.startsWith("content_filter_result") && isObject(inner)) yield inner;
      yield* readFilterResults(inner, depth + 1);
    }
  }
}
