// The log of messages, the call list, and one visit: every page and state is accessible, reflows, and its buttons do
// what they say.
import { test, expect, expectAccessible, expectReflow, signIn } from "./fixtures.mjs";

/** @param {import("@playwright/test").Page} page @param {string} what */
async function expectGood(page, what) {
  await expectAccessible(page, what);
  await expectReflow(page, what);
}

/** Opens the page of a visit to come. @param {import("@playwright/test").Page} page @param {any} demo */
async function openVisit(page, demo) {
  await signIn(page, demo);
  for (let days = 0; days < 10; days += 1) {
    const visits = page.locator(".visit").filter({ has: page.locator("button[value=noshow]") });
    if (days > 0 && (await visits.count()) > 0) {
      // Each project its own patient: the tests of one demo share its day.
      await visits.nth(test.info().parallelIndex % (await visits.count())).locator("h3 a").click();
      await page.waitForURL(/\/staff\/visits\//);
      return;
    }
    await page.locator(".days a").last().click();
    await page.waitForLoadState();
  }
  throw new Error("no visit to come in ten days");
}

test("the log tells what went out and why the rest did not", async ({ page, demo }) => {
  // axe looks at a hundred lines, several times.
  test.setTimeout(180_000);
  await signIn(page, demo);
  await page.locator(".bar nav a[href='/staff/messages']").click();
  await expect(page.locator(".bar nav a[aria-current=page]")).toHaveAttribute("href", "/staff/messages");
  await expectGood(page, "messages of today");
  await page.locator(".spans a").nth(1).click();
  await expect(page.locator(".message").first()).toBeVisible();
  await expectGood(page, "messages of a week");
  // A week of a practice does not fit on one page.
  const next = page.locator(".pages .button").last();
  if ((await next.count()) > 0) {
    const first = await page.locator(".message").first().getAttribute("id");
    await next.click();
    await expect(page.locator(".message").first()).not.toHaveAttribute("id", first ?? "");
    await expectGood(page, "second page of messages");
  }
  await page.locator(".chips .chip.at-delivered").click();
  await expect(page.locator(".chips .chip[aria-current=true]")).toHaveCount(1);
  const text = page.locator(".message details.text").first();
  await text.locator("summary").click();
  await expect(text.locator("p")).toBeVisible();
  await expectGood(page, "messages, delivered, a text open");
});

test("what waits for a person is grouped by its cause, with what mends it", async ({ page, demo }) => {
  await signIn(page, demo, "/staff/messages");
  await page.locator(".spans a").nth(2).click();
  const cause = page.locator(".causes .need").first();
  await expect(cause).toBeVisible();
  const said = Number(await cause.locator("strong").innerText());
  await cause.locator("a").click();
  await expect(page.locator(".message")).toHaveCount(Math.min(said, 100));
  await expect(page.locator(".message .fixes").first().locator("a, button").first()).toBeVisible();
  await expectGood(page, "messages of one cause");
});

test("the call list says whom to call and who does", async ({ page, demo }) => {
  await signIn(page, demo, "/staff/calls");
  await expectGood(page, "call list");
  const line = page.locator(".call-line").first();
  if ((await line.count()) === 0) return;
  const id = await line.getAttribute("id");
  await line.locator("button[value=taken], button[value=left]").click();
  await expect(page.locator(`#${id}`)).toBeVisible();
  await page.locator(`#${id} button[value=no-reply]`).click();
  await expect(page.getByRole("status")).toBeVisible();
  await expectGood(page, "call list, called");
});

test("one visit: number, consent, link, and everything sent", async ({ page, demo }) => {
  await openVisit(page, demo);
  await expectGood(page, "visit");
  await page.fill("#new-number", "not a number");
  await page.locator("form[action$='/number'] button").click();
  await expect(page.locator("p.problem")).toBeVisible();
  await expectGood(page, "visit, a number that is none");
  await page.fill("#new-number", `(212) 555-01${30 + (test.info().workerIndex % 60)}`);
  await page.locator("input[name=agrees]").check();
  await page.locator("form[action$='/number'] button").click();
  await expect(page.locator("p.done")).toBeVisible();
  await page.locator("form[action$='/link'] button").click();
  await expect(page.locator("p.done")).toBeVisible();
  await page.locator("section[aria-labelledby=consent] summary").first().click();
  await expectGood(page, "visit, about to stop");
  // Who has a number and an address has a choice for each.
  await page.locator("button[name=said][value=desk]").first().click();
  await expect(page.locator("p.done")).toBeVisible();
  await expect(page.locator(".history li").first()).toBeVisible();
  await expectGood(page, "visit, opted out");
  await page.locator("section[aria-labelledby=consent] summary").first().click();
  await page.locator("button[name=said][value=again]").first().click();
  await expect(page.locator("p.done")).toBeVisible();
});

test("an administrator changes settings, and a fault keeps everything", async ({ page, demo }) => {
  await signIn(page, demo, "/staff/settings");
  await expectGood(page, "settings");
  await page.fill("#cap_per_week", "99");
  await page.locator("form.settings button").click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.locator("#cap_per_week")).toHaveValue("99");
  await expectGood(page, "settings, refused");
  await page.fill("#cap_per_week", "3");
  await page.locator("form.settings button").click();
  await expect(page.getByRole("status")).toBeVisible();
});
