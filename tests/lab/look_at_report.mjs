// Opens a report in Chromium as its reader does, and prints as JSON what is there to see. Runs in the
// browser's image, with Playwright of that image, in a container that has no network.
import { readFile } from "node:fs/promises";
import playwright from "/opt/playwright/package/index.js";

const views = JSON.parse(await readFile("/srv/views.json", "utf8"));
const axe = await readFile("/srv/axe.min.js", "utf8");
const browser = await playwright.chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: false });

const opened = new Map();

// A file at a width is opened once; another place in it is another address behind `#`.
async function open({ file, width, dark }) {
  const key = `${file} ${width} ${dark}`;
  const known = opened.get(key);
  if (known) return known;
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  const one = { page, said: [], requests: [], ready: 0 };
  page.on("console", (message) => one.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => one.said.push(`error: ${error.message}`));
  page.on("request", (request) => one.requests.push(request.url().slice(0, 40)));
  opened.set(key, one);
  return one;
}

async function look(view) {
  const { file, place, shot, find, keys, heard, show } = view;
  const one = await open(view);
  const { page } = one;
  const begun = performance.now();
  await page.goto(`file://${file}${place}`);
  await page.waitForSelector("html[data-ready]", { timeout: 120_000 });
  one.ready ||= performance.now() - begun;
  await frames(page);
  if (show) {
    await page.locator(".preparation input").check();
    await frames(page);
  }
  const seen = { ready: one.ready, title: await page.title(), text: await page.locator("#report").innerText() };
  seen.width = await page.evaluate(() => document.documentElement.scrollWidth);
  seen.markup = await page.locator("#report b:text-is('x')").count();
  seen.heading = await page.evaluate("document.activeElement.tagName");
  seen.lists = await page.evaluate(listsOf);
  if (find) seen.found = await timeFilter(page, find);
  if (keys) seen.focused = await tab(page, keys);
  if (seen.lists[0]?.here) seen.jumps = await jumps(page);
  if (shot) await page.screenshot({ path: shot, fullPage: true });
  // The page's own policy lets no other script run, so axe comes by the debugger.
  if (heard && !(await page.evaluate("window.axe !== undefined"))) await page.evaluate(axe);
  seen.violations = !heard ? [] : await page.evaluate(`axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map((node) => node.html.slice(0, 120)).join(" | ")))`);
  return { ...seen, said: [...one.said], requests: [...one.requests] };
}

function frames(page) {
  return page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
}

// Of each list: whether the moment of the failure is in sight, and rows of the preparation that are there.
function listsOf() {
  return [...document.querySelectorAll(".long")].map((list) => {
    const frame = list.getBoundingClientRect();
    const row = list.querySelector(".fails")?.getBoundingClientRect();
    return {
      here: row !== undefined && row.top >= frame.top - 1 && row.bottom <= frame.bottom + 1,
      before: list.querySelectorAll(".before").length,
      first: list.querySelector(".time:not(.heads .time)")?.textContent,
    };
  });
}

// Whether keys lead away from the failure in the first list, and back.
async function jumps(page) {
  await page.locator(".long").first().evaluate((list) => { list.focus(); list.scrollTop = 0; });
  await frames(page);
  await page.keyboard.press("f");
  await frames(page);
  return (await page.evaluate(listsOf))[0].here;
}

// Milliseconds from a typed word until the page has drawn its answer; and of a plain loop over as many
// texts as there are rows.
async function timeFilter(page, words) {
  return await page.evaluate(async (wanted) => {
    const field = document.querySelectorAll("section[aria-labelledby=sequence] input[type=search]")[0];
    const status = document.querySelector("section[aria-labelledby=sequence] [role=status]");
    const before = status.textContent;
    const begun = performance.now();
    field.value = wanted;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    while (status.textContent === before) await new Promise((next) => requestAnimationFrame(next));
    const milliseconds = performance.now() - begun;
    const rows = Number(before.split(" of ")[1]);
    const texts = Array.from({ length: rows }, (_, n) => `client proxy GET /user/user1/api/contents/${n}?content=${n} 200 · 8.0 ms · 412 B`);
    const loop = performance.now();
    const found = texts.filter((text) => text.toLowerCase().includes(wanted)).length;
    return { milliseconds, loop: performance.now() - loop, found, before, after: status.textContent };
  }, words);
}

// What gets the focus by the Tab key alone.
async function tab(page, times) {
  const found = [];
  for (let n = 0; n < times; n += 1) {
    await page.keyboard.press("Tab");
    found.push(await page.evaluate(() => document.activeElement.textContent || document.activeElement.getAttribute("aria-label") || document.activeElement.tagName));
  }
  return found;
}

const seen = [];
for (const view of views) seen.push(await look(view));
await browser.close();
process.stdout.write(JSON.stringify(seen));
