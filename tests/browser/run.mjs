// Checks the HTML reports in a folder in headless Chromium, one line per check.
//
// usage: node run.mjs REPORTS AGAIN SHOTS [CHECK…]
// REPORTS holds NAME.LANG.{html,json,md}; AGAIN holds the HTML of a second run; pictures go to SHOTS.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import access from "./access.mjs";
import content from "./content.mjs";
import { launch } from "./pages.mjs";
import printing from "./printing.mjs";
import safety from "./safety.mjs";

const [reports, again, shots, ...only] = process.argv.slice(2);
// The index is a page of another kind: it has no findings, blanks and evidence that the checks look for.
const isReport = (name) => name.endsWith(".html") && !/^index(-[a-z]+)?\.html$/.test(name);
const pages = readdirSync(reports).filter(isReport).sort().reverse().map((base) => {
  const name = base.slice(0, -".html".length);
  const read = (extension) => readFileSync(join(reports, `${name}.${extension}`), "utf8");
  return { name, base, file: join(reports, base), html: read("html"), json: JSON.parse(read("json")), markdown: read("md"), ordinary: !name.startsWith("hostile") };
});
const named = (start) => pages.filter(({ name }) => name.startsWith(start));
const one = pages.find(({ name }) => name === "share-mnt.zh");
if (!one) throw new Error(`no share-mnt.zh.html in ${reports}`);

const checks = [];
// A browser that the machine ended (memory) is started again; what a page does to it fails twice.
let running = await launch();
const browser = {
  async newContext(options) {
    if (!running.isConnected()) running = await launch();
    return running.newContext(options);
  },
};
const each = async (list, look) => {
  const wrong = [];
  if (list.length === 0) wrong.push("no report to look at");
  for (const report of list) wrong.push(...(await look(report)).map((what) => `${report.name}: ${what}`));
  return wrong;
};
const setting = {
  browser, pages, one, again, shots, each, hostile: named("hostile"), healthy: named("healthy"),
  budget: { body: 4, pages: 40 },
  check: (id, title, look) => checks.push({ id, title, look }),
};
for (const part of [safety, access, content, printing]) part(setting);
checks.sort((a, b) => (Number(a.id.slice(1)) || 99) - (Number(b.id.slice(1)) || 99));

let failed = 0;
const wanted = checks.filter((item) => only.length === 0 || only.includes(item.id));
for (const { id, title, look } of wanted) {
  let wrong;
  for (const last of [false, true]) {
    try {
      wrong = await look();
      break;
    } catch (error) {
      wrong = [`stopped: ${error.stack ?? error}`];
      if (last || running.isConnected()) break;
      console.log(`        the browser ended during ${id}; once more`);
    }
  }
  console.log(`${wrong.length === 0 ? "ok    " : "FAILED"} ${id.padEnd(4)} ${title}`);
  for (const what of wrong.slice(0, 12)) console.log(`         ${what}`);
  if (wrong.length > 12) console.log(`         and ${wrong.length - 12} more`);
  failed += wrong.length === 0 ? 0 : 1;
}
await running.close();
console.log(failed === 0 ? `all ${wanted.length} checks passed on ${pages.length} reports` : `${failed} checks failed`);
process.exit(failed === 0 ? 0 : 1);
