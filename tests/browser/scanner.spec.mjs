// A mail scanner with a real browser: it opens the link, runs the page's script, follows every link and presses every button, fills
// in whatever is asked, and sends every form it can think of. It has no birth date, and so nothing changes.
import { test, expect } from "./fixtures.mjs";

/** Buttons and links that are pressed on one page; there are fewer. */
const MOST_PRESSED = 20;

/** What a scanner sends to each address of the portal. */
const FORM = { link: "1", visit: "1", revision: "1", nonce: "x", auth: "x", day: "1", month: "1", year: "x", reason: "x", wish: "x" };

test("a scanner presses everything and changes nothing", async ({ page, context, demo, language }) => {
  // From the end of the list: the other tests begin at its start.
  const patients = demo.patients.filter(({ shared }) => !shared);
  const { link, birth_date } = patients[patients.length - 1 - (language === "es" ? 1 : 0) - 2 * (test.info().project.name.includes("desktop") ? 1 : 0)];
  const first = link.split("#")[0];
  const root = first.replace(/\/l$/, "");

  for (let turn = 0; turn < 25; turn++) {
    expect((await page.request.get(first)).status()).toBe(200);
    expect((await page.request.head(first)).status()).toBe(200);
  }
  await page.goto(link);
  await page.locator("section:visible button").click();
  await page.waitForURL(/\/identify/);

  let pressed = 0;
  const starts = [link, `${root}/identify`, `${root}/not-me`, `${root}/visit`, `${root}/reminders`, `${root}/new-link`];
  for (const start of starts) {
    for (let nth = 0; nth < MOST_PRESSED; nth++) {
      // A tab for each: what one press set on its way cannot cut the next one short, and is waited for.
      const tab = await context.newPage();
      await tab.goto(start);
      const things = tab.locator("button:visible, a[href]:visible:not([href^='tel:']), input[type=submit]:visible");
      const more = nth < (await things.count());
      if (more) {
        for (const field of await tab.locator("input[type=text]:visible, input:not([type]):visible, input[inputmode]:visible, textarea:visible").all()) {
          await field.fill("x");
        }
        for (const box of await tab.locator("input[type=checkbox]:visible").all()) await box.check({ force: true });
        await things.nth(nth).click({ force: true });
        pressed += 1;
        await tab.waitForLoadState("networkidle");
      }
      await tab.close();
      if (!more) break;
    }
  }

  // At least one thing on each of the pages.
  expect(pressed, "there was something to press").toBeGreaterThanOrEqual(starts.length);

  // Everything again without a page: every address, with the cookies of an opened link and with those after a form was sent.
  for (const path of ["confirm", "cancel", "another-time", "done", "calendar", "appointment.ics"]) {
    for (const ordinal of [1, 2]) {
      const address = `${root}/visit/${ordinal}/${path}`;
      for (const answer of [await page.request.get(address), await page.request.post(address, { form: FORM })]) {
        expect(answer.status(), address).toBeGreaterThanOrEqual(400);
        expect(answer.status(), address).toBeLessThan(500);
      }
    }
  }
  for (const path of ["open", "identify", "close", "visit", "l", "reminders", "new-link"]) {
    expect((await page.request.post(`${root}/${path}`, { form: FORM })).status(), path).toBeLessThan(500);
  }

  // The patient comes, and finds the visit as it was: nothing is answered, and no try of the birth date is used up.
  await page.goto("about:blank");
  await page.goto(link);
  await page.locator("section:visible button").click();
  await page.waitForURL(/\/identify/);
  const [year, month, day] = birth_date.split("-");
  await page.fill("[name=year]", year);
  await page.fill("[name=month]", String(Number(month)));
  await page.fill("[name=day]", String(Number(day)));
  await page.locator("main button").last().click();
  await page.waitForURL(/\/visit$/);
  await expect(page.locator("main form[action$='/confirm'] button"), "the question still stands").toBeVisible();
});
