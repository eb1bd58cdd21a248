// The page: takes the files, shows what was found. Text of a dossier is only ever set as text.

import { TrustFile } from "./trust.js";
import { utc, verifyDossier } from "./run.js";
import { Fault } from "./faults.js";

const $ = (id) => document.getElementById(id);
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
  history: "Is the whole history of each subject here, in order and without gaps?",
};
const MAX_BLOCKS = 64;
const chosen = { dossier: null, trust: null };

function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

const badge = (outcome) =>
  element("span", [element("span", SYMBOLS[outcome], { "aria-hidden": "true" }), ` ${outcome}`], {
    class: `badge ${outcome.toLowerCase()}`,
  });

function table(caption, heads, rows) {
  const head = element("tr", heads.map((text) => element("th", text, { scope: "col" })));
  const body = rows.map((cells) =>
    element("tr", cells.map((cell, at) => element("td", cell, { "data-label": heads[at] }))),
  );
  return element("table", [
    element("caption", caption),
    element("thead", head),
    element("tbody", body),
  ]);
}

function choose(kind, file) {
  chosen[kind] = file;
  $(`${kind}-name`).textContent = file ? `${file.name}, ${file.size.toLocaleString("en")} bytes` : "";
  $("verify").disabled = !chosen.dossier;
}

// Dropped files are told apart by what they are: a trust file is JSON.
function drop(event) {
  event.preventDefault();
  $("drop").classList.remove("over");
  for (const file of event.dataTransfer.files) {
    choose(file.name.toLowerCase().endsWith(".json") ? "trust" : "dossier", file);
  }
}

function readBlocks() {
  const words = $("blocks").value.split(/[\s,;]+/).filter(Boolean);
  const hashes = words.map((word) => word.toLowerCase().replace(/^0x/, ""));
  if (hashes.length > MAX_BLOCKS || hashes.some((hash) => !/^[0-9a-f]{64}$/.test(hash))) {
    throw new Error("A block hash is 64 hexadecimal digits; separate several by spaces.");
  }
  return hashes;
}

async function run() {
  $("result").replaceChildren();
  $("verify").disabled = true;
  say("Checking …");
  try {
    const blocks = readBlocks();
    const trust = chosen.trust ? await readTrust(chosen.trust) : null;
    const progress = (done, total) => say(`Hashing ${Math.round((100 * done) / total)} % …`);
    const report = await verifyDossier(chosen.dossier, { trust, blocks, progress });
    show(report, trust, blocks);
    say(`Done: ${report.outcome}`);
  } catch (error) {
    say(error.message);
  } finally {
    $("verify").disabled = false;
  }
}

async function readTrust(file) {
  try {
    return TrustFile.decode(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    if (error instanceof Fault) throw new Error(`${file.name} is not a trust file: ${error.message}`);
    throw error;
  }
}

const say = (text) => ($("status").textContent = text);

function show(report, trust, blocks) {
  const { outcome } = report;
  const banner = element(
    "section",
    [
      element("p", [element("span", SYMBOLS[outcome], { "aria-hidden": "true" }), ` ${outcome}`], {
        class: "verdict",
      }),
      element("h2", HEADLINES[outcome], { tabindex: "-1", id: "headline" }),
      element("p", EXPLANATIONS[outcome]),
      ...(report.qualifications ?? []).map((text) => element("p", text, { class: "said" })),
    ],
    { class: `banner ${outcome.toLowerCase()}`, "aria-labelledby": "headline" },
  );
  const parts = report.refused ? [refusal(report.refused)] : details(report, trust, blocks);
  const json = element("details", [
    element("summary", "Result for programs (JSON)"),
    element("pre", JSON.stringify(report, null, 1), { id: "json", tabindex: "0" }),
  ]);
  $("result").replaceChildren(banner, ...parts, json);
  $("headline").focus();
}

function refusal({ code, where, reason, offset }) {
  const place = offset === undefined ? [] : [["Byte", String(offset)]];
  return table("Why the file is refused", ["What", "Found"], [
    ["Where", where || "the file as a whole"],
    ...place,
    ["Reason", reason],
    ["Code", code],
  ]);
}

function details(report, trust, blocks) {
  const parts = [about(report.about, trust, blocks)];
  if (report.misconduct.length) parts.push(misconduct(report.misconduct));
  parts.push(
    table("What was checked", ["Check", "Verdict", "Found"], report.checks.map(checkRow)),
    table("Files", ["File", "Verdict", "Found"], report.files.map(fileRow)),
    table("Histories", ["Subject", "Verdict", "Found"], report.trails.map(trailRow)),
    entries(report.receipts),
  );
  return parts;
}

function about(found, trust, blocks) {
  const rows = [
    ["Written", utc(found.created_at)],
    ["Log", found.origins.join(", ")],
    ["Subjects", found.subjects.join(", ")],
    ["Entries", String(found.entries)],
  ];
  if (found.case) rows.push(["Case", `${found.case.id}: ${found.case.type}, ${found.case.state}`]);
  rows.push(
    ["Operator, by your trust file", trust ? trust.operator : "no trust file was given"],
    ["Blocks that you trust", blocks.join(" ") || "none"],
    ["SHA-256 of the manifest", found.manifest_sha256],
  );
  return table("What it is", ["What", "Value"], rows);
}

const checkRow = ({ check, outcome, reason }) => [
  [element("strong", check), element("span", ASKS[check], { class: "hint" })],
  badge(outcome),
  reason,
];

function fileRow({ name, title, code, size, outcome, reason }) {
  const facts = [title, code && `code ${code}`, size !== undefined && `${size.toLocaleString("en")} bytes`];
  const hint = element("span", facts.filter(Boolean).join(" · "), { class: "hint" });
  return [[element("strong", name), hint], badge(outcome), reason];
}

const trailRow = ({ subject, trail, outcome, reason }) => [
  subject ?? `unnamed (${trail.slice(0, 16)}…)`,
  badge(outcome),
  reason,
];

function entries(receipts) {
  const items = receipts.map(({ index, subject, outcome, verdicts }) =>
    element("details", [
      element("summary", [badge(outcome), ` Entry ${index}`, subject ? ` of ${subject}` : ""]),
      table(`Verdicts on entry ${index}`, ["Check", "Verdict", "Found"], verdicts.map(
        ({ check, outcome: found, reason }) => [check, badge(found), reason],
      )),
    ]),
  );
  return element("section", [element("h3", `Entries (${receipts.length})`), ...items], {
    class: "entries",
  });
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

for (const kind of ["dossier", "trust"]) {
  $(kind).addEventListener("change", () => choose(kind, $(kind).files[0] ?? null));
}
$("drop").addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").classList.add("over");
});
$("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", drop);
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
