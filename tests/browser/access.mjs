// H12 to H19, H26, H27, H31: accessibility, pictures, keyboard and narrow screens.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { visit } from "./pages.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// What axe cannot judge, and why that is no loss: text in pictures (measured by H13 itself), overlap by the sticky contents, glyphs beyond
// the basic plane, and text too short or cut to have a background of its own.
const KNOWN = ["imgNode", "bgOverlap", "nonBmp", "shortTextContent", "elmPartiallyObscured", "elmPartiallyObscuring", "pseudoContent"];
const MODES = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px", { width: 320 }],
];

export default function access({ browser, each, check, pages, one }) {
  const incomplete = [];
  check("H12", "axe-core finds nothing: light, dark, 320 px, drawers open", () => each(pages, async (report) => {
    const found = [];
    // Both languages have one structure (H38): the second one is judged once.
    for (const [mode, options] of report.name.endsWith(".zh") ? MODES : MODES.slice(0, 1)) {
      await visit(browser, report.file, { ...options, drawers: true }, async (page) => {
        await page.evaluate(axe);
        const result = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ["violations", "incomplete"] }), TAGS);
        for (const rule of result.violations) found.push(`${mode}: ${rule.id} ${rule.nodes[0]?.html.slice(0, 100)} (${rule.nodes.length})`);
        for (const rule of result.incomplete) {
          for (const node of rule.nodes) {
            const key = [...node.any, ...node.all, ...node.none].map((part) => part.data?.messageKey).find(Boolean);
            incomplete.push({ report: report.name, mode, rule: rule.id, key, html: node.html.slice(0, 100) });
          }
        }
      });
    }
    return found;
  }));

  check("H13", "what axe leaves undecided is of known kinds, and text in pictures has contrast 4.5:1", async () => {
    const strange = incomplete.filter(({ key }) => !KNOWN.includes(key)).map((item) => `${item.report} ${item.mode}: ${item.rule} ${item.key} ${item.html}`);
    const contrast = await each(pages, async (report) => {
      const low = [];
      for (const colorScheme of ["light", "dark"]) {
        low.push(...await visit(browser, report.file, { colorScheme }, (page) => page.evaluate(lowContrast)));
      }
      return low;
    });
    return [...new Set(strange), ...contrast];
  });

  check("H14", "one h1, no skipped level, main, nav with a name, lang, title", () => each(pages, (report) => visit(browser, report.file, {}, (page) =>
    page.evaluate(() => {
      const levels = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((heading) => Number(heading.tagName[1]));
      const wrong = [];
      if (levels.filter((level) => level === 1).length !== 1) wrong.push("not one h1");
      levels.forEach((level, i) => { if (i > 0 && level > levels[i - 1] + 1) wrong.push(`h${levels[i - 1]} to h${level}`); });
      if (document.querySelectorAll("main").length !== 1) wrong.push("main");
      if (!document.querySelector("nav[aria-label]:not([aria-label=''])")) wrong.push("nav");
      if (!document.documentElement.lang) wrong.push("lang");
      if (!document.title) wrong.push("title");
      return wrong;
    }))));

  check("H15", "each picture has a title and a description, and its content follows as table or list", () => each(pages, (report) =>
    visit(browser, report.file, {}, (page) => page.evaluate(() => [...document.querySelectorAll("svg")].flatMap((svg) => {
      const next = svg.closest("figure")?.nextElementSibling;
      const wrong = [];
      if (svg.getAttribute("role") !== "img" || !svg.querySelector("title")?.textContent || !svg.querySelector("desc")?.textContent) wrong.push("no words");
      if (!next?.matches("ol, .scroll:has(table)")) wrong.push("nothing equivalent follows");
      return wrong.map((what) => `${svg.getAttribute("class")}: ${what}`);
    })))));

  check("H16", "labels of pictures lie inside them and do not overlap", () => each(pages, async (report) => {
    const wrong = [];
    for (const width of [1280, 320]) wrong.push(...await visit(browser, report.file, { width }, (page) => page.evaluate(labels)));
    return wrong;
  }));

  check("H17", "Tab walks everything in order, visibly, and out again", () => each([one], (report) => visit(browser, report.file, {}, async (page) => {
    const wanted = await page.evaluate(() => {
      const all = [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")].filter((element) => element.checkVisibility());
      all.forEach((element, i) => { element.dataset.stop = String(i); });
      return all.length;
    });
    const walked = [];
    for (let i = 0; i < wanted + 1; i += 1) {
      await page.keyboard.press("Tab");
      walked.push(await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        return { stop: element.dataset.stop, skip: element.className, seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 };
      }));
    }
    const wrong = [];
    if (walked[0].skip !== "skip") wrong.push("the first stop is not the skip link");
    for (let i = 0; i < wanted; i += 1) {
      if (walked[i].stop !== String(i)) { wrong.push(`stop ${i} is ${walked[i].stop}`); break; }
      if (!walked[i].seen) wrong.push(`no outline at stop ${i}`);
    }
    if (walked[wanted].stop !== undefined && walked[wanted].stop !== "0") wrong.push("Tab does not leave");
    return wrong;
  })));

  check("H18", "Enter and Space open drawers, Space sets filters", () => each([one], (report) => visit(browser, report.file, {}, async (page) => {
    const wrong = [];
    const summary = page.locator("article summary").first();
    const open = () => summary.evaluate((element) => element.parentElement.open);
    await summary.focus();
    await page.keyboard.press("Enter");
    if (!await open()) wrong.push("Enter does not open");
    await page.keyboard.press("Space");
    if (await open()) wrong.push("Space does not close");
    const filter = page.locator(".filters input").first();
    await filter.focus();
    await page.keyboard.press("Space");
    if (await filter.isChecked()) wrong.push("Space does not set a filter");
    return wrong;
  })));

  check("H19", "a link to evidence opens its drawer and shows it", () => each([one], (report) => visit(browser, report.file, { hash: "#x-e3" }, async (page) => {
    await page.waitForTimeout(100);
    return page.evaluate(() => {
      const target = document.getElementById("x-e3");
      const box = target.getBoundingClientRect();
      const closed = [];
      for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS" && !node.open) closed.push("a drawer is closed");
      if (box.top < 0 || box.top > innerHeight) closed.push(`out of view at ${box.top}`);
      return closed;
    });
  })));

  check("H26", "no sideways scrolling at 320, 375, 768, 1280 px and at 200 %", () => each(pages, async (report) => {
    const wide = [];
    for (const [width, deviceScaleFactor] of [[320, 1], [375, 1], [768, 1], [1280, 1], [640, 2]]) {
      await visit(browser, report.file, { width, deviceScaleFactor, drawers: true }, async (page) => {
        const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
        if (scroll > width) wide.push(`${scroll} at ${width}`);
      });
    }
    return wide;
  }));

  check("H27", "everything that can be pressed is 24 px high and wide", () => each(pages, async (report) => {
    const small = [];
    for (const width of [1280, 320]) {
      small.push(...await visit(browser, report.file, { width, drawers: true }, (page) => page.evaluate(() =>
        [...document.querySelectorAll("a[href], button, input, summary")].filter((element) => element.checkVisibility() && element.className !== "skip")
          .map((element) => [element, element.getBoundingClientRect()]).filter(([, box]) => box.width < 24 || box.height < 24)
          .map(([element, box]) => `${element.outerHTML.slice(0, 60)} ${box.width.toFixed(0)}×${box.height.toFixed(0)}`))));
    }
    return small;
  }));

  check("H31", "nothing moves for who asked for that, and levels are words in forced colours", () => each([one], async (report) => [
    ...await visit(browser, report.file, { reducedMotion: "reduce" }, (page) => page.evaluate(() =>
      [...document.querySelectorAll("*")].filter((element) => {
        const style = getComputedStyle(element);
        return style.transitionDuration !== "0s" || style.animationName !== "none";
      }).map((element) => element.tagName))),
    ...await visit(browser, report.file, { forcedColors: "active" }, (page) => page.evaluate(() =>
      [...document.querySelectorAll(".finding .level, .badge, .outcome")].filter((element) => element.checkVisibility() && element.textContent.trim() === "")
        .map((element) => element.outerHTML))),
  ]));
}

// In the page: labels of pictures with less contrast than 4.5:1 against the box they stand in.
function lowContrast() {
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).map((part) => { const c = part / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const solid = (colour) => colour !== "none" && !(parse(colour).length === 4 && parse(colour)[3] === 0);
  return [...document.querySelectorAll("svg text")].flatMap((text) => {
    const box = text.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const under = [...text.ownerSVGElement.querySelectorAll("rect, polygon, path")].filter((shape) => {
      const area = shape.getBoundingClientRect();
      const fill = getComputedStyle(shape).fill;
      return fill.startsWith("rgb") && solid(fill) && area.left <= x && x <= area.right && area.top <= y && y <= area.bottom
        && shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
    }).at(-1);
    let behind = under ? getComputedStyle(under).fill : null;
    for (let node = text.ownerSVGElement; !behind && node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (solid(colour)) behind = colour;
    }
    const value = ratio(getComputedStyle(text).fill, behind ?? "rgb(255, 255, 255)");
    return value < 4.5 ? [`${text.textContent.slice(0, 30)} ${value.toFixed(2)}`] : [];
  });
}

// In the page: labels that stick out of their picture, and labels over one another.
function labels() {
  return [...document.querySelectorAll("svg")].flatMap((svg) => {
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll("text")].map((text) => [text.textContent.slice(0, 30), text.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
    const out = boxes.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
      .map(([text]) => `${text} sticks out`);
    boxes.forEach(([text, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > Math.min(a.height, b.height) * 0.3) out.push(`${text} over ${other}`);
    }));
    return out;
  });
}
