// The page: takes the files, verifies, hands over to what shows the result.

import { TrustFile } from "./trust.js";
import { verifyDossier } from "./run.js";
import { Fault } from "./faults.js";
import { shown } from "./show.js";

const $ = (id) => document.getElementById(id);
const MAX_BLOCKS = 64;

// What was put in beside the dossier is not what it should be.
class InputError extends Error {}

const chosen = { dossier: null, trust: null };
let isBusy = false;

function choose(kind, file) {
  chosen[kind] = file;
  $(`${kind}-name`).textContent = file ? `${file.size.toLocaleString("en")} bytes` : "";
  $(kind).title = file ? file.name : "";
  enable();
}

// One check at a time: files that are put in meanwhile are for the next one.
function enable() {
  $("verify").disabled = isBusy || !chosen.dossier;
}

// The field shows a dropped file as it shows one that was picked.
function put(kind, file) {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  $(kind).files = transfer.files;
  choose(kind, file);
}

// Dropped files are told apart by what they are called: a trust file is JSON.
function drop(event) {
  event.preventDefault();
  hover(false);
  if (!takesFiles(event)) return;
  const files = [...event.dataTransfer.files];
  const trusts = files.filter((file) => file.name.toLowerCase().endsWith(".json"));
  const dossiers = files.filter((file) => !trusts.includes(file));
  if (trusts.length > 1 || dossiers.length > 1) {
    say("Drop one dossier, and one trust file (.json).");
    return;
  }
  for (const file of trusts) put("trust", file);
  for (const file of dossiers) put("dossier", file);
  say("");
  (chosen.dossier ? $("verify") : $("dossier")).focus();
}

const takesFiles = (event) => [...event.dataTransfer.types].includes("Files");
const hover = (isOver) => $("drop").classList.toggle("over", isOver);

const BLOCK = /^(\d{1,15}:)?[0-9a-f]{64}$/;

function readBlocks() {
  const words = $("blocks").value.split(/[\s,;]+/).filter(Boolean);
  const blocks = words.map((word) => word.toLowerCase().replace(/^(\d{1,15}:)?0x/, "$1"));
  if (blocks.length > MAX_BLOCKS || blocks.some((block) => !BLOCK.test(block))) {
    throw new InputError(
      "A block hash is 64 hexadecimal digits, or NUMBER:HASH; separate several by spaces.",
    );
  }
  return blocks;
}

async function run() {
  const { dossier } = chosen;
  if (isBusy || !dossier) return;
  isBusy = true;
  enable();
  $("result").replaceChildren();
  $("form").setAttribute("aria-busy", "true");
  say("Checking …");
  try {
    const blocks = readBlocks();
    const trust = chosen.trust ? await readTrust(chosen.trust) : null;
    const report = await verified(dossier, { trust, blocks, tell });
    $("result").replaceChildren(...shown(report, { file: dossier, trust, blocks }));
    $("headline").focus();
    say(`Done: ${report.outcome}`);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    say(error.message);
  } finally {
    $("progress").hidden = true;
    $("form").removeAttribute("aria-busy");
    isBusy = false;
    enable();
  }
}

// Whatever stops the page is told as why the file was not checked: it is never taken for VALID.
async function verified(dossier, given) {
  try {
    return await verifyDossier(dossier, given);
  } catch (error) {
    const reason = `this page cannot check it (${error.name}: ${error.message}); the command line may`;
    return { outcome: "UNKNOWN", refused: { code: "not-checked", where: "", reason } };
  }
}

// The bar moves; the words change only with what is being done, so that they can be read out.
function tell(what, done, total) {
  Object.assign($("progress"), { hidden: false, value: total ? done / total : 0 });
  if (!$("status").textContent.startsWith(what)) say(`${what} …`);
}

async function readTrust(file) {
  try {
    return TrustFile.decode(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    const why = error instanceof Fault ? "is not a trust file" : "cannot be read";
    throw new InputError(`${file.name} ${why}: ${error.message}`);
  }
}

const say = (text) => ($("status").textContent = text);

for (const kind of ["dossier", "trust"]) {
  $(kind).addEventListener("change", () => choose(kind, $(kind).files[0] ?? null));
  // A browser may remember what was picked before the page was loaded again.
  choose(kind, $(kind).files[0] ?? null);
}
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  hover(takesFiles(event));
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) hover(false);
});
document.addEventListener("drop", drop);
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
