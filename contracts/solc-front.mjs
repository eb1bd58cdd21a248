#!/usr/bin/env node
// Gives npm's solc (solcjs) the two parts of solc's command line that forge and py-solc-x call:
// `--version`, and `--standard-json` from standard input. solcjs itself prints a banner before its
// JSON. There is no import callback: every source has to be inline in the input.
import { readFileSync } from "node:fs";
import solc from "solc";

const args = process.argv.slice(2);
if (args.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (args.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error("solc-front: only --version and --standard-json are supported");
  process.exitCode = 2;
}
