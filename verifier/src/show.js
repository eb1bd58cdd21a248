// What was found, as a page. Text of a dossier is only ever set as text, without letters that change
// how others are read; what nothing but the operator's signature holds says so, and stands by
// itself. What can be long is made when somebody looks at it: a large dossier has ten thousand entries with nine verdicts each.

import { UNPROVEN, utc, visible } from "./words.js";

const SYMBOLS = { VALID: "✓", INVALID: "✕", UNKNOWN: "?" };
const HEADLINES = {
  VALID: "This dossier holds",
  INVALID: "This dossier does not hold",
  UNKNOWN: "Not everything could be checked",
};
const EXPLANATIONS = {
  VALID: "Every required check was carried out and nothing contradicts what was anchored.",
  INVALID: "Something in it is not what was recorded, signed or anchored. See below what and where.",
  UNKNOWN: "Nothing is wrong with what could be checked, but that was not all. It is no weak VALID.",
};
const ASKS = {
  container: "Is the file, byte for byte, what a dossier may be?",
  signature: "Did a key that you trust sign the list of parts?",
  files: "Is each part the one that was listed, and each document the one that was recorded?",
  closing: "Does the trusted contract hold a checkpoint that covers every entry?",
  case: "Do type and state of the case follow from its acts? What does not is the operator's word.",
  timestamps: "By when did the log stand so, as others say? Never needed for VALID.",
  history: "Is the whole history of each subject here, in order and without gaps?",
};
const AT_ONCE = 100;
const PAIRS = { class: "pairs" };

export function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat().map((part) => (typeof part === "string" ? visible(part) : part)));
  return made;
}

// Elements of the result, the banner first; its headline takes the focus. `given` is what was put
// in: the file, the trust file, the block hashes.
export function shown(report, given) {
  const parts = report.refused ? [refusal(report.refused, given)] : details(report, given);
  return [banner(report), ...parts, forPrograms(report)];
}

function banner({ outcome, qualifications }) {
  return element(
    "section",
    [
      element("p", [element("span", SYMBOLS[outcome], { "aria-hidden": "true" }), ` ${outcome}`], {
        class: "verdict",
      }),
      element("h2", HEADLINES[outcome], { tabindex: "-1", id: "headline" }),
      element("p", EXPLANATIONS[outcome]),
      ...(qualifications ?? []).map((text) => element("p", text, { class: "said" })),
    ],
    { class: `banner ${outcome.toLowerCase()}`, "aria-labelledby": "headline" },
  );
}

const badge = (outcome) =>
  element("span", [element("span", SYMBOLS[outcome], { "aria-hidden": "true" }), ` ${outcome}`], {
    class: `badge ${outcome.toLowerCase()}`,
  });

function table(caption, heads, rows, attributes = {}) {
  const head = element("tr", heads.map((text) => element("th", text, { scope: "col" })));
  const body = element("tbody", rows.slice(0, AT_ONCE).map(row));
  const parts = [element("caption", caption), element("thead", head), body];
  const made = element("table", parts, attributes);
  if (rows.length <= AT_ONCE) return made;
  return element("section", [made, more(rows, row, body)], { class: "long" });
}

const row = (cells) => element("tr", cells.map((cell) => element("td", cell)));

// A button that puts the next ones of a long list into `place`, and goes when all are there.
function more(items, make, place, shownAlready = AT_ONCE) {
  let next = shownAlready;
  const button = element("button", "", { type: "button", class: "more" });
  const label = () => {
    const left = items.length - next;
    button.textContent = `Show ${Math.min(AT_ONCE, left)} more of ${left.toLocaleString("en")}`;
    button.dataset.onPaper = `and ${left.toLocaleString("en")} more that are not shown`;
  };
  button.addEventListener("click", () => {
    const fresh = items.slice(next, next + AT_ONCE).map(make);
    place.append(...fresh);
    next += fresh.length;
    if (next >= items.length) button.remove();
    else label();
  });
  label();
  return button;
}

// What tells one check from another on paper.
const circumstances = ({ file }) => [
  ["File", `${file.name}, ${file.size.toLocaleString("en")} bytes`],
  ["Checked", `${utc(Date.now())}, by the clock of this device`],
];

function refusal({ code, where, reason, offset }, given) {
  const place = offset === undefined ? [] : [["Byte", offset.toLocaleString("en")]];
  const rows = [
    ["Where", where || "the file as a whole"],
    ...place,
    ["Reason", reason],
    ["Code", code],
    ...circumstances(given),
  ];
  return table("Why the file is refused", ["What", "Found"], rows, PAIRS);
}

function details(report, given) {
  const ofCase = report.checks.find(({ check }) => check === "case");
  const parts = [about(report.about, ofCase?.outcome === "VALID", given)];
  if (report.misconduct.length) parts.push(misconduct(report.misconduct));
  parts.push(
    table("What was checked", ["Check", "Verdict", "Found"], report.checks.map(checkRow)),
    table("Files", ["File", "Verdict", "Found"], wrongFirst(report.files).map(fileRow)),
    table("Histories", ["Subject", "Verdict", "Found"], wrongFirst(report.trails).map(trailRow)),
    entries(report.receipts),
  );
  return parts;
}

const RANK = { INVALID: 0, UNKNOWN: 1, VALID: 2 };
const wrongFirst = (items) =>
  [...items].sort((one, other) => RANK[one.outcome] - RANK[other.outcome]);

function about(found, isCaseProven, given) {
  const { trust, blocks } = given;
  const rows = [
    ...circumstances(given),
    ["Written", [utc(found.created_at), unproven()]],
    ["Log", found.origins.join(", ")],
    ["Subjects", listed(found.subjects)],
  ];
  // Where nothing but signature and hashes was looked at, nobody counted them.
  if (found.entries !== undefined) rows.push(["Entries", found.entries.toLocaleString("en")]);
  if (found.case) rows.push(["Case", [...ofCase(found.case), ...(isCaseProven ? [] : [unproven()])]]);
  rows.push(
    ["Operator, by your trust file", trust ? trust.operator : "no trust file was given"],
    ["Blocks that you trust", listed(blocks) || "none"],
    ["SHA-256 of the manifest", found.manifest_sha256],
  );
  return table("What it is", ["What", "Value"], rows, PAIRS);
}

const unproven = () => element("span", UNPROVEN, { class: "hint" });
// A text of the operator's, whose direction changes nothing outside of it.
const told = (text) => element("bdi", text);
const ofCase = ({ id, type, state }) => [told(id), ": ", told(type), ", ", told(state)];

function listed(items) {
  const left = items.length - 10;
  return items.slice(0, 10).join(", ") + (left > 0 ? ` and ${left} more` : "");
}

const checkRow = ({ check, outcome, reason }) => [
  [element("strong", check), element("span", ASKS[check], { class: "hint" })],
  badge(outcome),
  reason,
];

function fileRow({ name, title, code, size, outcome, reason }) {
  const facts = [code && `code ${code}`, size !== undefined && `${size.toLocaleString("en")} bytes`];
  const hints = [element("span", facts.filter(Boolean).join(" · "), { class: "hint" })];
  if (title) hints.push(element("span", ["title, not proven: ", told(title)], { class: "hint" }));
  return [[element("strong", name), ...hints], badge(outcome), reason];
}

const trailRow = ({ subject, trail, outcome, reason }) => [
  subject ?? `unnamed (${trail.slice(0, 16)}…)`,
  badge(outcome),
  reason,
];

function entries(receipts) {
  const counts = Object.keys(RANK)
    .map((outcome) => [receipts.filter((item) => item.outcome === outcome).length, outcome])
    .filter(([count]) => count)
    .map(([count, outcome]) => `${count.toLocaleString("en")} ${outcome}`);
  const ordered = wrongFirst(receipts);
  const list = element("div", ordered.slice(0, AT_ONCE).map(entry));
  const parts = [element("h3", `Entries: ${counts.join(", ")}`), list];
  if (ordered.length > AT_ONCE) parts.push(more(ordered, entry, list));
  return element("section", parts, { class: "entries" });
}

function entry({ index, subject, outcome, verdicts }) {
  const summary = [badge(outcome), ` Entry ${index}`, subject ? ` of ${subject}` : ""];
  return opening(element("summary", summary), () =>
    table(
      `Verdicts on entry ${index}`,
      ["Check", "Verdict", "Found"],
      verdicts.map(({ check, outcome: found, reason }) => [check, badge(found), reason]),
    ),
  );
}

function forPrograms(report) {
  return opening(element("summary", "Result for programs (JSON)"), () =>
    element("pre", JSON.stringify(report, null, 1), { id: "json", tabindex: "0" }),
  );
}

// Details whose content is made when they are opened for the first time.
function opening(summary, make) {
  const made = element("details", summary);
  made.addEventListener("toggle", () => made.append(make()), { once: true });
  return made;
}

function misconduct(found) {
  const items = found.map(({ reason, notes }) =>
    element("li", [element("p", reason), ...notes.map((note) => element("pre", note))]),
  );
  const said = "The operator signed both of each pair, and they cannot both be honest. Keep them.";
  return element("section", [element("h3", "Misconduct"), element("p", said), element("ul", items)], {
    class: "misconduct",
  });
}
