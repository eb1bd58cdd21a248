// What several parts of a report say alike.

export const UNPROVEN = "signed by the operator, not proven";

export const verdict = (check, [outcome, reason]) => ({ check, outcome, reason });

export function utc(milliseconds) {
  if (milliseconds >= 253402300800000) return `${milliseconds} ms after 1970`;
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
