// H20, H21, H23 to H25, H32 to H38, H40 to H42: what a page holds, with and without scripts and styles, in both languages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, serialize } from "parse5";
import { visit } from "./pages.mjs";

export default function content({ browser, each, check, pages, one, healthy, again }) {
  check("H20", "a filter hides exactly its findings, and the counter follows", () => each([one], (report) => visit(browser, report.file, {}, async (page) => {
    const wrong = [];
    for (const id of await page.evaluate(() => [...document.querySelectorAll(".filters input")].map((input) => input.id))) {
      await page.locator(`#${id}`).uncheck();
      const seen = await page.evaluate((name) => {
        const all = [...document.querySelectorAll(".finding")];
        const hidden = all.filter((finding) => !finding.checkVisibility());
        const meant = all.filter((finding) => finding.matches(`.l-${name}, .q-${name}`));
        return {
          same: hidden.length === meant.length && hidden.every((finding) => meant.includes(finding)),
          counter: document.querySelector(".filters .more").textContent,
          expected: `${all.length - meant.length} / ${all.length}`,
        };
      }, id.slice(2));
      if (!seen.same) wrong.push(`${id} hides others`);
      if (!seen.counter.endsWith(seen.expected)) wrong.push(`${seen.counter}, not ${seen.expected}`);
      await page.locator(`#${id}`).check();
    }
    return wrong;
  })));

  check("H21", "without JavaScript the same text, and filters and drawers that work", () => each(pages, async (report) => {
    const text = (js) => visit(browser, report.file, { js }, (page) => page.evaluate(() => {
      const copy = document.body.cloneNode(true);
      for (const extra of copy.querySelectorAll(".copy, .said, .filters > .more, script")) extra.remove();
      return copy.textContent.replace(/\s+/g, " ");
    }));
    const [dead, live] = [await text(false), await text(true)];
    const wrong = dead === live ? [] : ["other text"];
    if (!report.json.findings.length) return wrong;
    return visit(browser, report.file, { js: false }, async (page) => {
      const input = page.locator(".filters input").first();
      const name = (await input.getAttribute("id")).slice(2);
      await input.uncheck();
      if (await page.locator(`.finding.l-${name}:visible`).count() > 0) wrong.push("a filter hides nothing");
      await input.check();
      const summary = page.locator("article summary").first();
      await summary.click();
      if (!await summary.evaluate((element) => element.parentElement.open)) wrong.push("a drawer stays closed");
      if (await page.locator("button").count() > 0) wrong.push("a dead button");
      return wrong;
    });
  }));

  check("H23", "without styles, order and text still make sense", () => each(pages, (report) => visit(browser, report.file, { drawers: true }, (page) =>
    page.evaluate(() => {
      for (const sheet of document.styleSheets) sheet.disabled = true;
      const text = document.body.innerText;
      let from = text.indexOf(document.querySelector("h1").innerText);
      const lost = [];
      for (const heading of document.querySelectorAll("main h2, main h3, main h4")) {
        const at = text.indexOf(heading.innerText, from);
        if (at < from) lost.push(heading.innerText);
        else from = at;
      }
      const chapters = [...document.querySelectorAll("main h2")].map((heading) => heading.innerText.match(/^(\d|[^\d\s]+ ?[A-H](?= ))/)?.[0]).filter(Boolean);
      const sorted = [...chapters].sort((a, b) => (/^\d/.test(a) ? 0 : 1) - (/^\d/.test(b) ? 0 : 1) || (a < b ? -1 : 1));
      return chapters.join() === sorted.join() ? lost : [...lost, `order ${chapters.join()}`];
    }))));

  check("H24", "a copy button copies the command alone, and says so", () => each([one], (report) => visit(browser, report.file, {}, async (page) => {
    const wrong = [];
    const buttons = page.locator("button.copy:visible");
    for (let i = 0; i < await buttons.count(); i += 1) {
      await buttons.nth(i).click();
      const [copied, command] = await buttons.nth(i).evaluate(async (button) =>
        [await navigator.clipboard.readText(), button.parentElement.querySelector("code").textContent]);
      if (copied !== command) wrong.push(`copied ${JSON.stringify(copied.slice(0, 40))}`);
      if (/^\s*[$#] /.test(copied) || /^\s*\d+\s/.test(copied)) wrong.push(`a prompt or number: ${copied.slice(0, 40)}`);
    }
    await page.waitForTimeout(120);
    if (await page.locator("[role=status]").textContent() === "") wrong.push("nothing is said");
    if (await buttons.count() === 0) wrong.push("no buttons");
    return wrong;
  })));

  check("H25", "a selected excerpt has no line numbers", () => each([one], (report) => visit(browser, report.file, { drawers: true }, (page) =>
    page.evaluate(() => [...document.querySelectorAll("pre.quote")].slice(0, 5).filter((quote) => {
      const range = document.createRange();
      range.selectNodeContents(quote);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      const squeezed = (text) => text.replace(/\s+/g, "");
      return squeezed(getSelection().toString()) !== squeezed([...quote.querySelectorAll(".line")].map((line) => line.textContent).join(""));
    }).map((quote) => quote.textContent.slice(0, 40))))));

  check("H32", "ids are unique, links lead somewhere, and every [E…] is a link", () => each(pages, (report) => visit(browser, report.file, {}, (page) =>
    page.evaluate(() => {
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      const wrong = ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `twice: ${id}`);
      for (const link of document.querySelectorAll("a[href^='#']")) if (!document.getElementById(link.getAttribute("href").slice(1))) wrong.push(`dead: ${link.getAttribute("href")}`);
      const walker = document.createTreeWalker(document.querySelector(".page"), NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (/\[[EK]\d+\]/.test(node.data) && !node.parentElement.closest("a, pre, code, svg")) wrong.push(`no link: ${node.data.trim().slice(0, 60)}`);
      }
      return wrong;
    }))));

  check("H33", "blanks in the page, in the banner and in the JSON agree", () => each(pages, (report) => visit(browser, report.file, {}, async (page) => {
    const [marked, banner] = await page.evaluate(() =>
      [new Set([...document.querySelectorAll("[data-blank]")].map((blank) => blank.dataset.blank)).size, document.querySelector(".banner").textContent]);
    const told = Number(banner.match(/(?:待人工填写|blanks to fill:) ?(\d+)/)?.slice(1).find(Boolean) ?? 0);
    const blanks = report.json.blanks.length;
    return marked === blanks && told === blanks ? [] : [`${marked} marked, ${told} told, ${blanks} in the JSON`];
  })));

  check("H34", "every finding has a level, a confidence and a citation", () => each(pages, (report) => visit(browser, report.file, {}, (page) =>
    page.evaluate(() => [...document.querySelectorAll(".finding")].filter((finding) =>
      !finding.querySelector(".level")?.textContent.trim() || !finding.querySelector(".badge")?.textContent.trim() || !finding.querySelector("a.ref[href^='#x-e']"))
      .map((finding) => finding.querySelector("h3").textContent.slice(0, 60))))));

  check("H35", "no cell of a matrix is empty", () => each(pages, (report) => visit(browser, report.file, {}, (page) =>
    page.evaluate(() => [...document.querySelectorAll(".matrix td, .matrix th, .hypotheses td")].filter((cell) => cell.textContent.trim() === "").map(() => "an empty cell")))));

  check("H36", "an ordinary page is below 300 KB and 5,000 elements", () => each(pages.filter((report) => report.ordinary), (report) =>
    visit(browser, report.file, {}, async (page) => {
      const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
      const bytes = Buffer.byteLength(report.html);
      return [...(bytes > 300 * 1024 ? [`${bytes} bytes`] : []), ...(nodes >= 5000 ? [`${nodes} elements`] : [])];
    })));

  check("H37", "a second run writes the same bytes", () => each(pages.filter((report) => report.ordinary), (report) =>
    (readFileSync(join(again, report.base), "utf8") === report.html ? [] : ["differs"])));

  check("H38", "both languages have the same structure, and no string is left in the other", () => each(pages, async (report) => {
    const other = pages.find(({ name }) => name === report.name.replace(/\.zh$/, ".en"));
    const seen = await visit(browser, report.file, { js: false }, (page) => page.evaluate(structure));
    if (report.name.endsWith(".en")) return seen.texts.filter((text) => /[\u3040-\u9fff\uff01-\uff60\u3000-\u303f]/.test(text));
    const wrong = seen.words.filter((text) => !/[\u4e00-\u9fff]/.test(text) && /[A-Za-z]{3}/.test(text));
    if (other) {
      const english = await visit(browser, other.file, { js: false }, (page) => page.evaluate(structure));
      const i = seen.tree.findIndex((tag, at) => tag !== english.tree[at]);
      if (i >= 0 || seen.tree.length !== english.tree.length) wrong.push(`${seen.tree[i]} is ${english.tree[i]} in English (element ${i})`);
    }
    return wrong;
  }));

  check("H40", "a healthy bundle has no cause, no level, and says what was not judged", () => each(healthy, (report) => visit(browser, report.file, {}, async (page) => {
    const seen = await page.evaluate(() => ({ text: document.body.textContent, grades: document.querySelectorAll(".grade, svg.graph, #c3-1, #c2-4").length }));
    const words = report.name.endsWith(".zh") ? /未发现异常/ : /No anomaly/i;
    return [...(words.test(seen.text) ? [] : ["the words are missing"]), ...(seen.grades ? [`${seen.grades} parts of an incident`] : [])];
  })));

  check("H41", "the HTML parses without an error and comes back the same", () => each(pages, ({ html }) => {
    const errors = [];
    const tree = parse(html, { sourceCodeLocationInfo: true, onParseError: (error) => errors.push(`${error.code} at line ${error.startLine}`) });
    const once = serialize(tree);
    return serialize(parse(once)) === once ? errors : [...errors, "the second parse differs"];
  }));

  check("H42", "opens from a folder with spaces and Chinese letters in its name", () => each([one], (report) =>
    (/ /.test(report.file) && /[\u4e00-\u9fff]/.test(report.file) ? [] : ["the folder has a plain name"])));
}

// In the page: the tree of tags and classes, all text outside of quotes, and the words of labels that every report has.
function structure() {
  const skip = "pre, code, svg, script, style, title, .quote, .snippet, .evidence, .hash";
  // Class names of counted widths and the pictures depend on the length of words; what stands in them is compared as text.
  const tree = [...document.querySelectorAll("body *")].filter((element) => !element.closest("svg, script, style") || element.tagName === "svg")
    .map((element) => `${element.tagName}.${element.getAttribute("class") ?? ""}`);
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) if (node.data.trim() && !node.parentElement.closest(skip)) texts.push(node.data.trim().slice(0, 80));
  const words = [...document.querySelectorAll("h2, h3, h4, thead th, dt, legend, .tag, .badge, .level, .outcome, .risk, .impact, .kind, button")]
    .filter((element) => !element.querySelector("code") && !element.closest(".finding h3, .matrix, .evidence") && !element.matches(".finding h3"))
    .map((element) => element.textContent.trim()).filter((text) => !/^(?:[EKFCAPN]\d+|[\d\W]+)$/.test(text));
  return { tree, texts, words };
}
