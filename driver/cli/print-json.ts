/** JSON of what the library answers: whole numbers too large for JSON's readers become strings. */
export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? each.toString() : each), indent);
}
