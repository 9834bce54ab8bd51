/** Reads the body of an error: its fields and messages, also those of JSON inside its texts. */

import { isObject, type JsonObject } from "./json.js";

/** The server reads longer texts; here a caller waits. */
const MAX_DEPTH = 24;
const MAX_PAIRS = 4000;
const MAX_DOCUMENTS = 24;
const MAX_TRIES = 16;
const MAX_VALUE = 8000;
const MAX_TEXT = 16_384;
const BEGIN = /\{\s{0,9}["'\p{L}\p{N}_$}]|\[\s{0,9}[{[]/gu;
/** Tokens of a literal of JSON, Python or JavaScript. */
const TOKENS = new RegExp(
  [
    /(?<open>[{[(])|(?<close>[}\])])|(?<string>[rbu]?'(?:[^'\\]|\\.)*'|[rbu]?"(?:[^"\\]|\\.)*")/,
    /(?<word>None|True|False|nan|null|true|false|undefined)\b|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/,
    /(?<key>[A-Za-z_$][\w$]*)(?=\s{0,4}:)|(?<mark>[:,])|(?<space>\s+)/,
  ]
    .map((part) => part.source)
    .join("|"),
  "sy",
);
const WORDS = new Map([
  ["None", "null"],
  ["True", "true"],
  ["False", "false"],
  ["nan", "null"],
  ["undefined", "null"],
]);
const ESCAPES = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
]);

type Pair = readonly [name: string, value: string];

/** The body of an error with its status and headers, as the rules see it. */
export class ErrorBody {
  readonly documents: readonly unknown[];
  readonly status: number | null;
  /** The messages. */
  readonly prose: string;
  /** Names and values of fields, in which a provider can be recognized. */
  readonly signature: string;
  /** Names of the empty lists at the top of the documents. */
  readonly emptyLists: ReadonlySet<string>;
  readonly #byName = new Map<string, string[]>();

  /** `echoes`: names of the fields in which a response repeats the request. */
  constructor(
    body: unknown,
    status: number | null,
    readonly headers: Headers,
    echoes: ReadonlySet<string>,
  ) {
    const documents = [body];
    for (const [, value] of readScalars(body)) {
      if (value.includes("{") && documents.length < MAX_DOCUMENTS) {
        documents.push(...readDocuments(value));
      }
    }
    this.documents = documents;
    const pairs = [...take(filterPairs(documents, echoes), MAX_PAIRS)];
    for (const [name, value] of pairs) {
      const values = this.#byName.get(name);
      if (values === undefined) this.#byName.set(name, [value]);
      else values.push(value);
    }
    const words = pairs.map(([, value]) => value).filter((value) => value.length > 3 || isSpoken(value));
    this.prose = words.join("\n").slice(0, MAX_TEXT);
    const names = take(readNamesOfAll(documents), MAX_PAIRS);
    const lines = pairs.map(([name, value]) => `"${name}": "${value}"`);
    this.signature = [...names, ...lines].join("\n").slice(0, MAX_TEXT);
    const tops = documents.filter(isObject).flatMap((document) => Object.entries(document));
    this.emptyLists = new Set(tops.filter(([, value]) => isEmptyList(value)).map(([name]) => name));
    const repeated = this.values("status_code|statuscode|httpstatus|http_status|status|code");
    const number = repeated.find((value) => /^[45]\d\d$/.test(value));
    this.status = status ?? (number === undefined ? null : Number(number));
  }

  /** Values of fields with one of these names (`code|type`), in the order of the names. */
  values(names: string): readonly string[] {
    return names.split("|").flatMap((name) => this.#byName.get(name.toLowerCase()) ?? []);
  }

  first(names: string): string {
    return this.values(names)[0] ?? "";
  }
}

/** Whether a value is words, and not a code. */
export function isSpoken(value: string): boolean {
  return value.includes(" ") || /[^\0-\x7f]/.test(value);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function* take<T>(values: Iterable<T>, most: number): Generator<T> {
  let count = 0;
  for (const value of values) {
    if (++count > most) return;
    yield value;
  }
}

function* filterPairs(documents: readonly unknown[], echoes: ReadonlySet<string>): Generator<Pair> {
  for (const document of documents) {
    for (const pair of readScalars(document)) if (!echoes.has(pair[0])) yield pair;
  }
}

function* readNamesOfAll(documents: readonly unknown[]): Generator<string> {
  for (const document of documents) yield* readNames(document, 0);
}

function* readNames(value: unknown, depth: number): Generator<string> {
  if (depth > MAX_DEPTH) return;
  if (Array.isArray(value)) {
    for (const inner of value.slice(0, 200)) yield* readNames(inner, depth + 1);
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      yield key;
      yield* readNames(inner, depth + 1);
    }
  }
}

function* readScalars(value: unknown, name = "", depth = 0): Generator<Pair> {
  if (depth > MAX_DEPTH) return;
  if (Array.isArray(value)) {
    for (const inner of value.slice(0, 200)) yield* readScalars(inner, name, depth + 1);
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) yield* readScalars(inner, key.toLowerCase(), depth + 1);
  } else if (typeof value === "string") {
    yield [name, value.slice(0, MAX_VALUE)];
  } else if (typeof value === "number" || typeof value === "boolean") {
    yield [name, String(value)];
  }
}

/** Objects in a text, also in the notation of Python, and inside the texts of these objects. */
function* readDocuments(text: string, depth = 0): Generator<unknown> {
  let position = 0;
  let found = 0;
  for (let tries = 0; tries < MAX_TRIES && found < MAX_DOCUMENTS; tries++) {
    BEGIN.lastIndex = position;
    const begin = BEGIN.exec(text);
    if (begin === null) return;
    const [value, length] = readValue(text.slice(begin.index));
    position = begin.index + Math.max(length, 1);
    if (!isObject(value) && !(Array.isArray(value) && value.some(isObject))) continue;
    found++;
    yield value;
    if (depth >= 3) continue;
    for (const [, inner] of readScalars(value)) {
      if (inner.includes("{")) yield* readDocuments(inner, depth + 1);
    }
  }
}

/** The value at the start of a text, and its length; null and 0 if there is none. */
function readValue(text: string): readonly [value: unknown, length: number] {
  const literal = convertLiteral(text);
  if (literal === null) return [null, 0];
  for (const spelled of [text.slice(0, literal.length), literal.json]) {
    try {
      return [JSON.parse(spelled), literal.length];
    } catch {
      // Not JSON, or nested too deeply.
    }
  }
  return [null, 0];
}

/** The JSON of the literal at the start of a text, and its length; null if there is none. */
function convertLiteral(text: string): { readonly json: string; readonly length: number } | null {
  const parts: string[] = [];
  let depth = 0;
  TOKENS.lastIndex = 0;
  for (let token = TOKENS.exec(text); token !== null; token = TOKENS.exec(text)) {
    const found = token[0];
    const kind = token.groups as JsonObject;
    if (kind["open"] !== undefined) {
      depth++;
      parts.push(found === "(" ? "[" : found);
    } else if (kind["close"] !== undefined) {
      depth--;
      if (parts.at(-1) === ",") parts.pop();
      parts.push(found === ")" ? "]" : found);
      if (depth === 0) return { json: parts.join(""), length: TOKENS.lastIndex };
    } else if (kind["string"] !== undefined) {
      parts.push(JSON.stringify(unescape(found.replace(/^[rbu]+/, "").slice(1, -1))));
    } else if (kind["key"] !== undefined) {
      parts.push(JSON.stringify(found));
    } else if (kind["space"] === undefined) {
      parts.push(WORDS.get(found) ?? found);
    }
  }
  return null;
}

function unescape(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/gs, (_, code: string) =>
    code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES.get(code) ?? code),
  );
}
