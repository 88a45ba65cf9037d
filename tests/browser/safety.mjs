// H1 to H11, H22, H39: what a page loads, runs and shows of hostile text.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename } from "node:path";
import { forms } from "./planted.mjs";
import { visit } from "./pages.mjs";

const sha = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;

export default function safety({ browser, each, check, pages, hostile }) {
  check("H1", "a page requests nothing but itself", () => each(pages, (report) => visit(browser, report.file, {}, async (page) => {
    await page.waitForTimeout(100);
    return page.did.requests.length === 1 ? [] : page.did.requests.slice(1);
  })));

  check("H2", "no address of a network in src, href, srcset, url() or @import", () => each(pages, (report) =>
    [...report.html.matchAll(/(?:src|href|srcset)\s*=\s*["']?\s*(?:https?:)?\/\/|url\(\s*["']?https?:|@import/gi)]
      .filter((hit) => inMarkup(report.html, hit.index)).map((hit) => hit[0])));

  check("H3", "the console stays empty", () => each(pages, (report) => visit(browser, report.file, { drawers: true }, (page) => page.did.console)));

  check("H4", "the policy refuses inline script, style attributes, images and fetch", () => each(pages.slice(0, 2), (report) =>
    visit(browser, report.file, {}, async (page) => {
      const { directives, ran, fetched } = await page.evaluate(async () => {
        const directives = [];
        document.addEventListener("securitypolicyviolation", (event) => directives.push(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.__probe = 1";
        document.body.append(script);
        const styled = document.createElement("p");
        styled.setAttribute("style", "color: red");
        document.body.append(styled);
        const image = document.createElement("img");
        image.src = "https://evil.example/x.png";
        document.body.append(image);
        const fetched = await fetch("https://evil.example/").then(() => true, () => false);
        await new Promise((done) => setTimeout(done, 100));
        return { directives, ran: window.__probe === 1, fetched };
      });
      const missing = ["script-src-elem", "style-src-attr", "img-src", "connect-src"].filter((name) => !directives.includes(name));
      return [...missing.map((name) => `no violation of ${name}`), ...(ran ? ["an inline script ran"] : []), ...(fetched ? ["fetched"] : [])];
    })));

  check("H5", "the hashes in the policy are those of the style and the script", () => each(pages, ({ html }) => {
    const policy = html.match(/Content-Security-Policy" content="([^"]*)"/)?.[1].replaceAll("&#x27;", "'").replaceAll("&#39;", "'") ?? "";
    const style = html.match(/<style>([\s\S]*?)<\/style>/)?.[1];
    const script = html.match(/<script>([\s\S]*?)<\/script>/)?.[1];
    return [["style-src", style], ["script-src", script]]
      .filter(([directive, text]) => !policy.includes(`${directive} '${sha(text ?? "")}'`)).map(([directive]) => directive);
  }));

  check("H6", "nothing of the hostile bundle runs, asks or navigates", () => each(hostile, (report) =>
    visit(browser, report.file, { drawers: true }, async (page) => {
      await page.mouse.wheel(0, 100000);
      await page.waitForTimeout(500);
      const pwned = await page.evaluate(() => window.__pwned !== undefined);
      return [...(pwned ? ["a payload ran"] : []), ...page.did.dialogs, ...page.did.frames.slice(1), ...page.did.requests.slice(1)];
    })));

  check("H7", "one script, and no element that loads or sends", () => each(pages, (report) => visit(browser, report.file, {}, (page) =>
    page.evaluate(() => {
      const scripts = document.querySelectorAll("script").length;
      const others = [...document.querySelectorAll("img,iframe,object,embed,link,base,meta[http-equiv=refresh],form,video,audio,foreignObject")];
      return [...(scripts === 1 ? [] : [`${scripts} scripts`]), ...others.map((element) => element.outerHTML.slice(0, 80))];
    }))));

  check("H8", "no on*, style, srcdoc or xlink:href attribute", () => each(pages, (report) => visit(browser, report.file, { js: false }, (page) =>
    page.evaluate(() => [...document.querySelectorAll("*")].flatMap((element) =>
      [...element.attributes].filter(({ name }) => /^on|^style$|^srcdoc$|^xlink:href$/i.test(name)).map(({ name, value }) => `${name}=${value}`))))));

  check("H9", "every href stays in the page", () => each(pages, (report) => visit(browser, report.file, {}, (page) =>
    page.evaluate(() => [...document.querySelectorAll("[href]")].map((link) => link.getAttribute("href")).filter((href) => !href.startsWith("#"))))));

  check("H10", "a hostile line is there to read, as text", () => each(hostile, (report) => visit(browser, report.file, {}, async (page) => {
    const text = await page.evaluate(() => document.body.textContent);
    return ["<script>window.__pwned=1</script>", "<img src=x onerror="].filter((part) => !text.includes(part)).map((part) => `not shown: ${part}`);
  })));

  check("H11", "no bidirectional, zero-width or control character is shown raw", () => each(pages, (report) =>
    visit(browser, report.file, { js: false }, (page) => page.evaluate(() => {
      const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
      const found = new Set();
      const raw = /[\u0000-\u0008\u000b\u000c\u000d-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const hit = node.data.match(raw);
        if (hit) found.add(`U+${hit[0].codePointAt(0).toString(16).toUpperCase()}`);
      }
      return [...found];
    }))));

  check("H22", "under Jenkins' policy, without styles and scripts, all text is there", () => each(pages, (report) => served(report.html, (url) =>
    visit(browser, report.file, { url }, async (page) => {
      const seen = await page.evaluate(() => ({
        text: document.body.textContent,
        blanks: [...document.querySelectorAll("[data-blank]")].every((blank) => blank.textContent.trim() !== ""),
        findings: document.querySelectorAll(".finding h3").length,
        matrix: [...document.querySelectorAll(".matrix td")].every((cell) => cell.textContent.trim() !== ""),
        buttons: document.querySelectorAll("button").length,
      }));
      const wanted = report.json.findings.length > 0 && seen.findings === 0 ? ["no findings"] : [];
      if (!seen.blanks) wanted.push("an empty blank");
      if (!seen.matrix) wanted.push("an empty cell of the matrix");
      if (seen.buttons > 0) wanted.push("the script ran");
      return wanted;
    }))));

  check("H39", "planted secrets are in no report, in any encoding", () => each(hostile, (report) => {
    const texts = [report.html, JSON.stringify(report.json), report.markdown, basename(report.file)];
    return forms.filter((form) => texts.some((text) => text.includes(form))).map((form) => `found: ${form.slice(0, 12)}…`);
  }));
}

// Whether a place of the HTML lies inside a tag or inside the style, and not in text, where addresses are harmless.
function inMarkup(html, index) {
  const before = html.slice(0, index);
  return before.lastIndexOf("<") > before.lastIndexOf(">") || before.lastIndexOf("<style>") > before.lastIndexOf("</style>");
}

// Serves one page with the header that Jenkins sets on artifacts.
async function served(html, look) {
  const server = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.setHeader("Content-Security-Policy", "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self'");
    response.end(request.url === "/" ? html : "");
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    return await look(`http://127.0.0.1:${server.address().port}/`);
  } finally {
    server.close();
  }
}
