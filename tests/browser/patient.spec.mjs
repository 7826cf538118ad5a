// A patient on a phone: tap the link, say who you are, answer. Every page in both languages: axe finds nothing, nothing
// scrolls sideways at 320 px, the browser has nothing to complain about (see fixtures), and the weights hold.
import { test, expect, expectAccessible, expectReflow, inLanguage, weigh } from "./fixtures.mjs";

/** The first response (screens.md), so that it fits into the first round trip of a TCP connection. */
const FIRST_RESPONSE_BYTES = 14_000;
/** Everything that a page loads. */
const PAGE_BYTES = 20 * 1000;

const WORDS = {
  en: { question: /^Can you come on /, wrong: /does not match/, done: "Thank you. See you then.", cancelled: "Your visit is cancelled", asked: "We got your wish", dead: "This link does not work any more", asked_link: "Look at your text messages" },
  es: { question: /^¿Puede venir el /, wrong: /No coincide/, done: "Gracias. Nos vemos entonces.", cancelled: "Su cita está cancelada", asked: "Recibimos su pedido", dead: "Este enlace ya no funciona", asked_link: "Mire sus mensajes de texto" },
};

let next = 0;

/** A patient of the demo whom no other test has met. @param {any} demo */
function somebody(demo) {
  const patient = demo.patients[next++ % demo.patients.length];
  const [year, month, day] = patient.birth_date.split("-");
  return { link: patient.link, year, month: String(Number(month)), day: String(Number(day)) };
}

/** @param {import("@playwright/test").Page} page @param {string} what */
async function expectGood(page, what) {
  await expectAccessible(page, what);
  await expectReflow(page, what);
}

/** @param {import("@playwright/test").Page} page @param {{ year: string, month: string, day: string }} birth */
async function enter(page, { year, month, day }) {
  await page.fill("[name=year]", year);
  await page.fill("[name=month]", month);
  await page.fill("[name=day]", day);
  await page.locator("main button").last().click();
}

/** @param {import("@playwright/test").Page} page @param {ReturnType<typeof somebody>} who */
async function goInside(page, who) {
  await page.goto(who.link);
  await page.locator("section:visible button").click();
  await page.waitForURL(/\/identify/);
  await enter(page, who);
  await page.waitForURL(/\/visit$/);
}

test("a patient confirms, asks for another time, and cancels", async ({ page, demo, language }) => {
  const words = WORDS[language];
  const who = somebody(demo);
  await page.goto(who.link);
  await expect(page.locator("html")).toHaveAttribute("lang", language);
  expect(page.url(), "the secret is gone from the address bar").not.toContain("#");
  await expectGood(page, "link");

  await page.locator("section:visible button").click();
  await page.waitForURL(/\/identify/);
  await expectGood(page, "identify");
  await enter(page, { ...who, year: String(Number(who.year) - 1) });
  await expect(page.getByRole("alert")).toContainText(words.wrong);
  await expectGood(page, "wrong birth date");
  await enter(page, who);
  await page.waitForURL(/\/visit$/);
  await inLanguage(page, language);

  await expect(page.getByRole("heading", { level: 1 })).toHaveText(words.question);
  await expectGood(page, "visit");
  await page.locator("main form button").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(words.done);
  await expectGood(page, "confirmed");

  await page.goto(page.url().replace("/done", "/another-time"));
  await expectGood(page, "another time");
  await page.locator("main button").last().click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.locator("[name=monday]").check();
  await page.locator("main button").last().click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(words.asked);
  await expectGood(page, "asked");

  await page.goto(page.url().replace("/done", "/cancel"));
  await expectGood(page, "cancel");
  await page.locator("main button").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(words.cancelled);
  await expectGood(page, "cancelled");
});

test("a link that works no more says what to do", async ({ page, demo, language }) => {
  const { link } = somebody(demo);
  await page.goto(link.replace(/#.*/, "#" + "0".repeat(26)));
  await page.locator("section:visible button").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(WORDS[language].dead);
  await expectGood(page, "dead link");
  await page.fill("[name=number]", "212 555 0177");
  await page.locator("main form button").click();
  await page.waitForURL(/\/new-link\/asked$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(WORDS[language].asked_link);
  await expectGood(page, "asked for a link");
  await page.goto(page.url().replace("/asked", ""));
  await expectGood(page, "ask for a link");
});

test("without a connection the first page says so and waits", async ({ page, context, demo }) => {
  const { link } = somebody(demo);
  await page.goto(link);
  await context.setOffline(true);
  await page.locator("section:visible button").click();
  await expect(page.locator("section:visible [data-offline]")).toBeVisible();
  await expectGood(page, "offline");
  await context.setOffline(false);
  await page.locator("section:visible button").click();
  await page.waitForURL(/\/identify/);
});

test("a link without its secret takes a pasted one, mangled as mail gateways do", async ({ page, demo }) => {
  const { link } = somebody(demo);
  const [address = "", code = ""] = link.split("#");
  await page.goto(address);
  await page.locator("section:visible button").click();
  await expect(page.locator("section:visible [role=alert]:visible")).toHaveCount(1);
  await expectGood(page, "paste");
  await page.locator("section:visible [data-code]").fill(`${address}%23${code.toUpperCase()} `);
  await page.locator("section:visible button").click();
  await page.waitForURL(/\/identify/);
});

test("a pasted birth date fills all three fields", async ({ page, demo }) => {
  const who = somebody(demo);
  await page.goto(who.link);
  await page.locator("section:visible button").click();
  await page.waitForURL(/\/identify/);
  await page.locator("[name=month]").evaluate((input, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text", text);
    input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, `${who.year}-${who.month}-${who.day}`);
  await expect(page.locator("[name=day]")).toHaveValue(who.day);
  await expect(page.locator("[name=year]")).toHaveValue(who.year);
});

test("pages are light, and the first one is all there is", async ({ page, demo }) => {
  const who = somebody(demo);
  const front = await weigh(page, () => page.goto(who.link));
  expect(front.requests, JSON.stringify(front.list)).toBe(1);
  expect(front.document).toBeLessThanOrEqual(FIRST_RESPONSE_BYTES);
  await goInside(page, who);
  const visit = await weigh(page, () => page.goto(page.url()));
  expect(visit.document).toBeLessThanOrEqual(FIRST_RESPONSE_BYTES);
  expect(visit.total).toBeLessThanOrEqual(PAGE_BYTES);
});

test("a page warns before it closes, and then asks the server again", async ({ page, demo }) => {
  await page.clock.install();
  await goInside(page, somebody(demo));
  await page.clock.fastForward("12:55");
  await expect(page.getByRole("alertdialog")).toBeHidden();
  await page.clock.fastForward("00:10");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await expect(page.locator("[data-idle] button")).toBeFocused();
  await expectGood(page, "warning");
  const again = page.waitForRequest(/\/visit$/);
  await page.clock.fastForward("02:10");
  await again;
});

test("buttons are as large as a thumb", async ({ page, demo }) => {
  await goInside(page, somebody(demo));
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea")]
      .filter((element) => element.getClientRects().length > 0 && element.getBoundingClientRect().height < 44)
      .map((element) => element.outerHTML),
  );
  expect(small).toEqual([]);
});

test("without scripts the phone number and the reply by text remain", async ({ browser, demo }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(somebody(demo).link);
  for (const word of ["1", "2", "3"]) await expect(page.locator("main")).toContainText(word);
  await expect(page.locator("main a[href^='tel:']").first()).toBeVisible();
  await context.close();
});

test("a patient stops all reminders, starts again, and chooses a language", async ({ page, demo, language }) => {
  const who = somebody(demo);
  await goInside(page, who);
  await inLanguage(page, language);
  await page.locator("a[href$='/reminders']").click();
  await page.waitForURL(/\/reminders$/);
  await inLanguage(page, language);
  await expectGood(page, "reminders");
  const weight = await weigh(page, () => page.goto(page.url()));
  expect(weight.total).toBeLessThanOrEqual(PAGE_BYTES);
  const stop = page.locator("button[name=all][value=stop]");
  if ((await stop.count()) > 0) {
    await stop.click();
    await expect(page.getByRole("status")).toBeVisible();
    await expectGood(page, "reminders, stopped");
    await page.locator("button[name=all][value=again]").click();
    await expect(stop).toBeVisible();
  }
  await page.locator(`button[name=language][value=${language}]`).click();
  await expect(page.locator("html")).toHaveAttribute("lang", language);
  await expectGood(page, "reminders, language chosen");
});
