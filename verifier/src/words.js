// What several parts of a report say alike.

export const UNPROVEN = "signed by the operator, not proven";

// Letters that show nothing, or change the order in which others are shown: marks, embeddings and
// isolates of bidirectional text, line and paragraph separators, what has no width, and controls.
// Joiners (U+200C, U+200D) are left: honest scripts need them, and they change no order.
const UNSEEN = /[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

// The text with an escape in the place of each such letter, as JSON may spell it too.
export const visible = (text) =>
  text.replace(UNSEEN, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const verdict = (check, [outcome, reason]) => ({ check, outcome, reason });

export function utc(milliseconds) {
  if (milliseconds >= 253402300800000) return `${milliseconds} ms after 1970`;
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
