/**
 * The meaning of errors of servers that do not state it: a table of documented codes and sentences.
 *
 * `error_rules.json` is that of the Python client. `tests/client/error_rules.py` of the repository generates it.
 */

import { readFileSync } from "node:fs";

import type { Charged, Kind, Retry } from "./explanation.js";
import { isObject } from "./json.js";

const MAX_DEPTH = 6;
const MAX_TEXT = 8000;
/** Fields that repeat the request. Their words are not those of the server. */
const REQUEST_FIELDS = new Set(["prompt", "negative_prompt", "input", "input_text"]);

/** One row of the table: it matches if all its conditions match. */
export interface ErrorRule {
  readonly id: string;
  readonly kind: Kind;
  readonly stage: string;
  readonly charged: Charged;
  readonly retry: Retry | "";
  readonly fields: readonly (readonly [names: ReadonlySet<string>, pattern: RegExp])[];
  readonly text: RegExp | null;
  readonly status: ReadonlySet<number>;
}

export interface Table {
  readonly rules: readonly ErrorRule[];
  /** The statuses of videos, by the words of all known servers. */
  readonly statuses: ReadonlyMap<string, string>;
  /** The kinds of Safelight's own codes. */
  readonly codes: ReadonlyMap<string, Kind>;
}

interface Row extends Omit<ErrorRule, "fields" | "text" | "status"> {
  readonly fields?: Record<string, string>;
  readonly text?: string;
  readonly status?: number[];
}

interface Document {
  readonly rules: Row[];
  readonly statuses: Record<string, string>;
  readonly codes: Record<string, Kind>;
}

type Pair = readonly [name: string, value: string];

let loaded: Table | undefined;

/** The generated table, which is read at its first use. */
export function loadTable(): Table {
  if (loaded === undefined) {
    const file = new URL("../error_rules.json", import.meta.url);
    const document = JSON.parse(readFileSync(file, "utf8")) as Document;
    loaded = {
      rules: document.rules.map(readRule),
      statuses: new Map(Object.entries(document.statuses)),
      codes: new Map(Object.entries(document.codes)),
    };
  }
  return loaded;
}

function readRule(row: Row): ErrorRule {
  const fields = Object.entries(row.fields ?? {}).map(
    ([names, pattern]) => [new Set(names.split("|")), compile(`^(?:${pattern})$`)] as const,
  );
  return {
    id: row.id,
    kind: row.kind,
    stage: row.stage ?? "unknown",
    charged: row.charged ?? "unknown",
    retry: row.retry ?? "",
    fields,
    text: row.text === undefined ? null : compile(row.text),
    status: new Set(row.status ?? []),
  };
}

/** The patterns are those of Python, where `\A` is the beginning of the text. */
function compile(pattern: string): RegExp {
  return new RegExp(pattern.replaceAll("\\A", "^"), "i");
}

/** The first rule that matches the body of an error response or a failed video; null if none does. */
export function findRule(body: unknown, status: number | null): ErrorRule | null {
  const pairs = [...readPairs(body, 0, "")];
  const words = pairs.filter(([name]) => !REQUEST_FIELDS.has(name)).map(([, value]) => value);
  const text = words.join("\n").slice(0, MAX_TEXT);
  return loadTable().rules.find((rule) => matches(rule, status, pairs, text)) ?? null;
}

function matches(rule: ErrorRule, status: number | null, pairs: readonly Pair[], text: string): boolean {
  if (rule.status.size > 0 && (status === null || !rule.status.has(status))) return false;
  for (const [names, pattern] of rule.fields) {
    if (!pairs.some(([name, value]) => names.has(name) && pattern.test(value))) return false;
  }
  return rule.text === null || rule.text.test(text);
}

function* readPairs(value: unknown, depth: number, name: string): Generator<Pair> {
  if (depth > MAX_DEPTH) return;
  if (Array.isArray(value)) {
    for (const inner of value.slice(0, 20)) yield* readPairs(inner, depth + 1, name);
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) yield* readPairs(inner, depth + 1, key.toLowerCase());
  } else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    yield [name, String(value)];
  }
}
