// H28 to H30, and the pictures that people look at.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { visit } from "./pages.mjs";

const squeeze = (text) => text.normalize("NFKC").replace(/\s+/g, "");
const tool = (name, ...args) => execFileSync(name, args, { encoding: "utf8", maxBuffer: 1 << 28 });

export default function printing({ browser, each, check, pages, one, shots, budget }) {
  const work = mkdtempSync(join(tmpdir(), "casefile-print-"));
  process.on("exit", () => rmSync(work, { recursive: true, force: true }));

  const print = (report, options) => visit(browser, report.file, options, async (page) => {
    const file = join(work, `${report.name}.${options.colorScheme ?? "light"}.pdf`);
    writeFileSync(file, await page.pdf({ format: "A4", preferCSSPageSize: true, printBackground: true, tagged: true, outline: true }));
    return file;
  });

  check("H28", `printed on A4: all headings and excerpts, no controls, tagged, body within ${budget.body} pages`, () => each(pages, async (report) => {
    const file = await print(report, {});
    const text = squeeze(tool("pdftotext", "-layout", file, "-"));
    const reading = squeeze(tool("pdftotext", "-raw", file, "-"));
    const wanted = await visit(browser, report.file, { js: false }, (page) => page.evaluate(() => ({
      headings: [...document.querySelectorAll("main h2, main h3, main h4")].map((heading) => heading.textContent),
      lines: [...document.querySelectorAll("pre.quote .line")].map((line) => line.textContent),
      // The body ends where the first appendix begins; the runbook begins on a page of its own.
      first: document.querySelector("#runbook, #details, #findings").textContent,
      alone: document.querySelector("#runbook") !== null,
    })));
    const has = (part) => text.includes(squeeze(part)) || reading.includes(squeeze(part));
    // Fonts lack glyphs for some hostile characters, and pdftotext joins columns: a line counts when its words are there.
    const words = (line) => line.match(/[A-Za-z0-9_./:-]{6,60}/g) ?? [];
    const wrong = wanted.headings.filter((heading) => !has(heading) && words(heading).some((word) => !has(word))).map((heading) => `no heading ${heading.trim().slice(0, 50)}`);
    wrong.push(...wanted.lines.filter((line) => words(line).some((word) => !has(word))).map((line) => `no line ${line.trim().slice(0, 60)}`));
    const controls = await visit(browser, report.file, { print: true }, (page) => page.evaluate(() =>
      [...document.querySelectorAll(".copy, .filters, nav, .skip")].filter((control) => control.checkVisibility()).map((control) => control.className || control.tagName)));
    wrong.push(...controls.map((control) => `printed: ${control}`));
    const info = tool("pdfinfo", file);
    if (!/Tagged:\s+yes/.test(info)) wrong.push("not tagged");
    const total = Number(info.match(/Pages:\s+(\d+)/)[1]);
    if (report.ordinary && total > budget.pages) wrong.push(`${total} pages`);
    const body = [...Array(total).keys()].map((i) => i + 1).find((page) =>
      squeeze(tool("pdftotext", "-f", String(page), "-l", String(page), file, "-")).includes(squeeze(wanted.first)));
    const last = wanted.alone ? body - 1 : body;
    if (report.ordinary && !(last <= budget.body)) wrong.push(`the body ends on page ${last}`);
    return wrong;
  }));

  check("H29", "nothing is cut at the right edge of a printed page", () => each(pages, async (report) => {
    const file = await print(report, {});
    return raster(file, work).flatMap(({ width, height, pixels, number }) => {
      const margin = Math.floor((8 / 210) * width);
      for (let y = 0; y < height; y += 1) for (let x = width - margin; x < width; x += 1) if (pixels[y * width + x] < 250) return [`page ${number}`];
      return [];
    });
  }));

  check("H30", "printed from a dark screen, paper stays white", () => each([one], async (report) => {
    const file = await print(report, { colorScheme: "dark" });
    return raster(file, work).filter(({ pixels }) => pixels.filter((pixel) => pixel > 235).length < pixels.length * 0.6).map(({ number }) => `page ${number} is dark`);
  }));

  check("pictures", `light, dark, 320 px and the first printed page are in ${shots}`, async () => {
    mkdirSync(shots, { recursive: true });
    for (const report of pages) {
      for (const [mode, options] of [["light", {}], ["dark", { colorScheme: "dark" }], ["narrow", { width: 320 }]]) {
        await visit(browser, report.file, options, (page) => page.screenshot({ path: join(shots, `${report.name}.${mode}.png`), fullPage: true }));
      }
      tool("pdftoppm", "-r", "70", "-png", "-f", "1", "-l", "1", "-singlefile", await print(report, {}), join(shots, `${report.name}.print`));
    }
    return [];
  });
}

// The pages of a PDF as grey pixels.
function raster(file, work) {
  const prefix = join(mkdtempSync(join(work, "r-")), "p");
  tool("pdftoppm", "-r", "36", "-gray", file, prefix);
  const names = tool("ls", join(prefix, "..")).trim().split("\n");
  return names.map((name, i) => {
    const bytes = readFileSync(join(prefix, "..", name));
    const head = bytes.subarray(0, 40).toString("latin1").match(/^P5\s+(\d+)\s+(\d+)\s+\d+\s/);
    return { width: Number(head[1]), height: Number(head[2]), pixels: bytes.subarray(head[0].length), number: i + 1 };
  });
}
