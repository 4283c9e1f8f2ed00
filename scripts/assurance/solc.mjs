#!/usr/bin/env node
/**
 * The compiler from npm behind the command line that analysis tools expect of a native one: `--version`, and
 * `--standard-json` from standard input to standard output. With LUYA_SOLC_AST=1 it makes no code, which static analysis
 * has no use for: only syntax trees and interfaces, and empty code where a tool asks for some.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version().replace(/\.Emscripten\.clang$/, ".Linux.g++")}`);
} else if (process.argv.includes("--standard-json")) {
  const input = JSON.parse(readFileSync(0, "utf8"));
  const treesOnly = process.env.LUYA_SOLC_AST === "1";
  if (treesOnly) input.settings.outputSelection = { "*": { "": ["ast"], "*": ["abi", "devdoc", "userdoc"] } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (treesOnly) {
    const none = { object: "", sourceMap: "" };
    for (const contracts of Object.values(output.contracts ?? {})) {
      for (const contract of Object.values(contracts)) contract.evm = { bytecode: none, deployedBytecode: none };
    }
  }
  process.stdout.write(JSON.stringify(output));
} else {
  console.error("only --version and --standard-json are spoken here");
  process.exitCode = 1;
}
