/** Reads values of JSON that a server sent: nothing about them is certain. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as an object; an empty one if it is none. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A text or a number as text without space at its ends; empty for anything else. */
export function readText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
}

/** A finite number of 0 or more, also as text; null for anything else. */
export function readNumber(value: unknown): number | null {
  const isDecimal = typeof value === "string" && /^\s*\+?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(value);
  const number = typeof value === "number" || isDecimal ? Number(value) : NaN;
  return Number.isFinite(number) && number >= 0 ? number : null;
}
