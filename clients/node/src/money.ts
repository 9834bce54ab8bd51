/** Amounts of money in one form for people. */

/** `$1.20`, `$0.004`: at least two decimals, as many as the amount has, rounded up to a millionth. */
export function formatMoney(usd: number): string {
  const millionths = Math.ceil(Number((Math.abs(usd) * 1e6).toFixed(3)));
  const digits = (millionths / 1e6).toFixed(6).replace(/0{1,4}$/, "");
  return `${usd < 0 ? "-" : ""}$${digits}`;
}
