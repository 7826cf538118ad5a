// The main job as a person sees it: a text arrives, the patient answers, the desk sees it, the manager has a figure.
// With KEPT_SCREENSHOTS=1 it also makes the pictures of the README.
import { fileURLToPath } from "node:url";
import { expect, expectAccessible, expectReflow, inLanguage, test, weigh } from "./fixtures.mjs";

const PICTURES = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));

/** Words of the pages, in the project's language. */
const WORDS = {
  en: { goOn: "Continue", yes: "Yes, I will be there", thanks: "Thank you. See you then." },
  es: { goOn: "Continuar", yes: /^Sí,/, thanks: "Gracias. Nos vemos entonces." },
};

/** The patient's page, all of it, over the wire (screens.md). */
const PATIENT_BYTES = 20_000;
const FIRST_RESPONSE_BYTES = 14_000;

/**
 * @param {import("@playwright/test").Page} page
 * @param {string} name
 */
async function picture(page, name) {
  if (process.env.KEPT_SCREENSHOTS !== "1" || !["phone-en", "desktop-en"].includes(test.info().project.name)) return;
  const wide = test.info().project.name === "desktop-en";
  if ((name === "visit") === wide) return;
  await page.screenshot({ path: `${PICTURES}${name}.png` });
}

test("a text is answered, the desk sees it, the report counts it", async ({ page, demo, language }) => {
  test.setTimeout(120_000);
  const words = WORDS[language];

  // The phone: the player has a text with a link.
  await page.goto(demo.phone);
  const link = await page.locator('a[href*="/l#"]').last().getAttribute("href");
  expect(link, "a link in the last text").toMatch(/\/l#[0-9a-z]{26}$/);

  // The link: one static page; the secret leaves the address bar.
  const weight = await weigh(page, () => page.goto(link ?? ""));
  expect(weight.document, "the first response").toBeLessThanOrEqual(FIRST_RESPONSE_BYTES);
  expect(weight.total, `all of it: ${JSON.stringify(weight.list)}`).toBeLessThanOrEqual(PATIENT_BYTES);
  await expect.poll(() => page.url()).not.toContain("#");
  await expectAccessible(page, "the link's page");
  await expectReflow(page, "the link's page");
  await page.getByRole("button", { name: words.goOn }).filter({ visible: true }).click();

  // Who are you?
  const [year, month, day] = demo.player.birth_date.split("-");
  await page.locator('input[name="year"]').fill(year);
  await page.locator('input[name="month"]').fill(month);
  await page.locator('input[name="day"]').fill(day);
  await expectAccessible(page, "the birth date");
  await expectReflow(page, "the birth date");
  await page.getByRole("button", { name: words.goOn }).click();

  // The visit, and the answer.
  await page.waitForURL(/\/visit$/);
  await inLanguage(page, language);
  await expect(page.getByRole("button", { name: words.yes })).toBeVisible();
  await expectAccessible(page, "the visit");
  await expectReflow(page, "the visit");
  await picture(page, "visit");
  await page.getByRole("button", { name: words.yes }).click();
  await expect(page.getByRole("heading", { name: words.thanks })).toBeVisible();
  await expectAccessible(page, "the thanks");
  await expectReflow(page, "the thanks");

  // The desk.
  await page.goto(demo.desk);
  await expectAccessible(page, "the sign-in");
  await page.locator("#email").fill(demo.email);
  await page.locator("#password").fill(demo.password);
  await page.locator("[data-sign-in] button").click();
  await page.waitForURL(/\/staff\/today/);
  await picture(page, "desk");
  const visitDay = demo.player.visit.slice(0, 10);
  await page.goto(`${demo.desk}?day=${visitDay}`);
  const row = page.locator("li.visit", { hasText: demo.player.name }).filter({ hasText: "9:15" });
  await expect(row.locator(".chip.confirmed")).toBeVisible();
  await expectAccessible(page, "the day");
  await expectReflow(page, "the day");

  // The manager.
  await page.goto(demo.manager);
  await expect(page.locator("svg").first()).toBeVisible();
  await expect(page.locator("main")).toContainText(/\d+([.,]\d+)?\s*%/);
  await expectAccessible(page, "the report");
  await expectReflow(page, "the report");
  await picture(page, "report");
});

test("the time machine moves the clock", async ({ page, demo }) => {
  test.setTimeout(120_000);
  await page.goto(demo.time_machine);
  await expectAccessible(page, "the time machine");
  await expectReflow(page, "the time machine");
  const before = await page.locator(".clock").textContent();
  await page.getByRole("button", { name: "1 hour on" }).click();
  await expect(page.locator(".clock")).not.toHaveText(before ?? "");
  await expect(page.locator("table tbody tr")).not.toHaveCount(0);
});
