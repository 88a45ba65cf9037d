// Opens reports in Chromium the way a reader would, and keeps what a page did that it should not do.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
      "--disable-sync", "--disable-quic",
    ],
    env: { ...process.env, HOME: mkdtempSync(join(tmpdir(), "casefile-browser-")) },
  });
}

// Runs `look` on a report in a context of its own. `page.did` lists requests, console lines, errors, dialogs and navigations.
export async function visit(browser, file, options, look) {
  const { hash = "", width = 1280, height = 900, js = true, print = false, drawers = false, url, ...rest } = options;
  const context = await browser.newContext({
    viewport: { width, height }, javaScriptEnabled: js, permissions: ["clipboard-read", "clipboard-write"], ...rest,
  });
  try {
    const page = await context.newPage();
    page.did = { requests: [], console: [], dialogs: [], frames: [] };
    page.on("request", (request) => page.did.requests.push(request.url()));
    page.on("console", (line) => page.did.console.push(line.text()));
    page.on("pageerror", (error) => page.did.console.push(String(error)));
    page.on("dialog", (dialog) => { page.did.dialogs.push(dialog.message()); dialog.dismiss(); });
    page.on("framenavigated", (frame) => page.did.frames.push(frame.url()));
    await page.goto((url ?? pathToFileURL(file).href) + hash, { waitUntil: "load" });
    if (print) await page.emulateMedia({ media: "print" });
    if (drawers) await page.evaluate(() => { for (const drawer of document.querySelectorAll("details")) drawer.open = true; });
    return await look(page);
  } finally {
    await context.close();
  }
}
