// What every browser test gets: a running demo, and a watch over what the browser complains about.
import { AxeBuilder } from "@axe-core/playwright";
import { test as base, expect } from "@playwright/test";
import { startDemo } from "./demo.mjs";

export { expect };

/** WCAG 2.2 AA, and what axe holds for good practice. */
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** The narrowest page that must not scroll sideways (WCAG 2.2, 1.4.10 Reflow). */
const NARROW = 320;

export const test = base.extend({
  /** One demo a worker: its addresses, `stop()` and `log()`. */
  demo: [
    async ({}, use) => {
      const demo = await startDemo();
      await use(demo);
      await demo.stop();
    },
    { scope: "worker", timeout: 150_000 },
  ],

  /** The language of the project: "en" or "es". */
  language: async ({ locale }, use) => use(locale?.startsWith("es") ? "es" : "en"),

  /** Complaints of the content security policy, of Trusted Types, and scripts' errors; a test that leaves any fails. */
  complaints: [
    async ({ context }, use) => {
      /** @type {string[]} */
      const complaints = [];
      const note = (/** @type {string} */ text) => complaints.push(text);
      await context.exposeBinding("__keptComplaint", (_source, text) => note(text));
      await context.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) =>
          // @ts-expect-error made by exposeBinding
          __keptComplaint(`${event.effectiveDirective} refused ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`),
        );
      });
      context.on("console", (message) => {
        if (/content.security.policy|trusted ?type|refused to/i.test(message.text())) note(message.text());
      });
      context.on("weberror", (error) => note(`uncaught: ${error.error().message}`));
      await use(complaints);
      expect(complaints, "the browser complained").toEqual([]);
    },
    { auto: true },
  ],
});

/**
 * No finding of axe on the page as it stands, in light and in dark.
 *
 * @param {import("@playwright/test").Page} page
 * @param {string} what named in the message of a failure
 */
export async function expectAccessible(page, what) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).withTags(AXE_TAGS).analyze();
    const findings = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.target.join(" ")) }));
    expect(findings, `${what}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/**
 * The page as it stands does not scroll sideways at 320 CSS pixels.
 *
 * @param {import("@playwright/test").Page} page
 * @param {string} what
 */
export async function expectReflow(page, what) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: NARROW, height: 640 });
  const wide = await page.evaluate((limit) => {
    const root = document.documentElement;
    if (root.scrollWidth <= limit) return [];
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > limit + 1)
      .slice(0, 5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className} reaches ${Math.round(element.getBoundingClientRect().right)}`);
  }, NARROW);
  const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
  if (before) await page.setViewportSize(before);
  expect({ scroll, wide }, `${what} at ${NARROW} px`).toEqual({ scroll: expect.any(Number), wide: [] });
  expect(scroll, `${what} at ${NARROW} px`).toBeLessThanOrEqual(NARROW);
}

/**
 * Bytes over the wire while `action` runs and until the network is quiet: everything, the document alone, and the
 * number of requests.
 *
 * @param {import("@playwright/test").Page} page
 * @param {() => Promise<unknown>} action
 */
export async function weigh(page, action) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  /** @type {Map<string, { type: string, url: string, bytes: number }>} */
  const requests = new Map();
  session.on("Network.responseReceived", ({ requestId, type, response }) =>
    requests.set(requestId, { type, url: response.url, bytes: 0 }),
  );
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const request = requests.get(requestId);
    if (request) request.bytes = encodedDataLength;
  });
  await action();
  await page.waitForLoadState("networkidle");
  await session.detach();
  const all = [...requests.values()].filter(({ url }) => url.startsWith("http"));
  return {
    total: all.reduce((sum, { bytes }) => sum + bytes, 0),
    document: all.filter(({ type }) => type === "Document").reduce((sum, { bytes }) => sum + bytes, 0),
    requests: all.length,
    list: all,
  };
}

/**
 * After the birth date the page speaks the language the practice has on record; the reader may choose the other one.
 * @param {import("@playwright/test").Page} page @param {string} language
 */
export async function inLanguage(page, language) {
  if ((await page.locator("html").getAttribute("lang")) === language) return;
  await page.locator(`a[href*="/language?to=${language}"]`).click();
  await expect(page.locator("html")).toHaveAttribute("lang", language);
}

/**
 * Signs in at the desk and goes on to a page.
 *
 * @param {import("@playwright/test").Page} page
 * @param {any} demo
 * @param {string} path
 */
export async function signIn(page, demo, path = "/staff/today") {
  await page.goto(demo.desk);
  await page.waitForURL(/sign-in/);
  await page.fill("#email", demo.email);
  await page.fill("#password", demo.password);
  await page.locator("main button").click();
  await page.waitForURL(/\/staff\/today/);
  if (path !== "/staff/today") await page.goto(new URL(path, demo.desk).href);
}
