// The front desk: sign in, look at the day, mark who came, upload a schedule. Every page: axe finds nothing, nothing
// scrolls sideways at 320 px, the browser has nothing to complain about (see fixtures), and the scripts stay small.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { test, expect, expectAccessible, expectReflow, signIn } from "./fixtures.mjs";

/** What all scripts of a staff page may weigh (screens.md). */
const SCRIPT_BYTES = 45_000;
const SCHEDULE = fileURLToPath(new URL("../data/schedules/clinic-upload.csv", import.meta.url));

/** @param {import("@playwright/test").Page} page @param {string} what */
async function expectGood(page, what) {
  await expectAccessible(page, what);
  await expectReflow(page, what);
}

/** A day with booked visits: the next one that has any. @param {import("@playwright/test").Page} page */
async function goToBusyDay(page) {
  for (let days = 0; days < 10; days += 1) {
    if ((await page.locator(".visit button[value=arrived]").count()) > 0) return;
    await page.locator(".days a").last().click();
    await page.waitForLoadState();
  }
  throw new Error("no visits in ten days");
}

test("the password stays in the browser", async ({ page, demo }) => {
  /** @type {string[]} */
  const sent = [];
  page.on("request", (request) => sent.push(`${request.url()} ${request.postData() ?? ""}`));
  await page.goto(demo.desk);
  await page.waitForURL(/sign-in/);
  await expectGood(page, "sign-in");
  await page.fill("#email", demo.email);
  await page.fill("#password", demo.password);
  await page.locator("main button").click();
  await page.waitForURL(/\/staff\/today/);
  const all = sent.join("\n");
  expect(all).toContain("auth=");
  expect(all).not.toContain(demo.password);
  expect(all).not.toContain(encodeURIComponent(demo.password));
  const cookie = (await page.context().cookies()).find(({ name }) => name === "__Host-kept-staff");
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict", path: "/" });
  await page.goto(new URL("/staff/password", demo.desk).href);
  await expectGood(page, "password");
});

test("a wrong password is told, and the form is kept", async ({ page, demo }, info) => {
  // Each project its own address: addresses are slowed down one by one.
  const email = `nobody-${info.project.name}-${info.retry}@example.org`;
  await page.goto(new URL("/staff/sign-in", demo.desk).href);
  await page.fill("#email", email);
  await page.fill("#password", "not the password at all");
  await page.locator("main button").click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.locator("#email")).toHaveValue(email);
  await expectGood(page, "wrong password");
});

test("when reminders go out is ticked for all visits and for one type", async ({ page, demo }) => {
  await signIn(page, demo, "/staff/plans");
  await expectGood(page, "plans");
  const kind = page.locator(".plans details").last();
  await kind.locator("summary").click();
  await expectGood(page, "plans, one open");
  await kind.locator("[value=own]").check();
  await kind.locator("[name$='.7d']").check();
  await page.locator("form.plans > p button").click();
  await expect(page.getByRole("status")).toBeVisible();
  await expect(kind.locator("[name$='.7d']")).toBeChecked();
  await expect(kind).toHaveAttribute("open", "");
  // As it was, for the tests that come after.
  await kind.locator("[value=as-all]").check();
  await page.locator("form.plans > p button").click();
  await expect(kind).not.toHaveAttribute("open", "");
});

test("a colleague is added, chooses a password of her own, and sees the day", async ({ page, demo, browser, language }, info) => {
  // Each project its own address: one belongs to one person.
  const email = `dana-${info.project.name}-${info.retry}@example.org`;
  const own = "four unrelated words here";
  await signIn(page, demo, "/staff/people");
  await expectGood(page, "people");
  await page.fill("#name", "Dana Desk");
  await page.fill("#email", email);
  await page.selectOption("#role", "front-desk");
  await page.selectOption("#language", language);
  await page.locator("form[action='/staff/people'] button").click();
  const first = await page.locator("code").innerText();
  await expectGood(page, "a first password");

  const context = await browser.newContext();
  const hers = await context.newPage();
  /** @type {string[]} */
  const sent = [];
  hers.on("request", (request) => sent.push(`${request.url()} ${request.postData() ?? ""}`));
  await hers.goto(new URL("/staff/sign-in", demo.desk).href);
  await hers.fill("#email", email);
  await hers.fill("#password", first);
  await hers.locator("main button").click();
  await hers.waitForURL(/\/staff\/password/);
  await expectGood(hers, "a password must be chosen");
  await hers.fill("#old-password", first);
  await hers.fill("#new-password", own);
  await hers.locator("[data-new-password] button").click();
  await hers.waitForURL(/\/staff\/today/);
  await expect(hers.locator("html")).toHaveAttribute("lang", language);
  const all = sent.join("\n");
  expect(all).toContain("kdf=");
  for (const secret of [first, own]) {
    expect(all).not.toContain(secret);
    expect(all).not.toContain(encodeURIComponent(secret).replaceAll("%20", "+"));
  }
  // Gone again, so that the next run finds the practice as it was; and she is out at once.
  const line = page.locator(".people li", { hasText: email });
  await page.goto(new URL("/staff/people", demo.desk).href);
  await line.locator("summary").last().click();
  await line.locator("button.bad").click();
  await expect(page.getByRole("status")).toBeVisible();
  await expect(line).toHaveCount(0);
  await hers.goto(new URL("/staff/today", demo.desk).href);
  await expect(hers).toHaveURL(/sign-in/);
  await context.close();
});

test("the desk sees the day and marks who came", async ({ page, demo }) => {
  await signIn(page, demo);
  await expectGood(page, "today");
  await goToBusyDay(page);
  const visit = page.locator(".visit").filter({ has: page.locator("button[value=arrived]") }).first();
  const id = await visit.getAttribute("id");
  await visit.locator("summary").click();
  await expectGood(page, "today, marks open");
  await visit.locator("button[value=arrived]").click();
  await expect(page.locator(`#${id} .chip.arrived`)).toBeVisible();
  await page.locator(`#${id} summary`).click();
  await page.locator(`#${id} button[value=booked]`).click();
  await expect(page.locator(`#${id} .chip.arrived`)).toHaveCount(0);
});

test("keys move and mark, and can be switched off", async ({ page, demo }) => {
  await signIn(page, demo);
  await goToBusyDay(page);
  await page.keyboard.press("j");
  const first = page.locator(".visit").first();
  await expect(first).toBeFocused();
  await page.keyboard.press("j");
  await expect(first).not.toBeFocused();
  await page.keyboard.press("k");
  await expect(first).toBeFocused();
  await page.keyboard.press("?");
  await expect(page.locator("[data-keys]")).toHaveAttribute("open", "");
  await expectGood(page, "keys");
  await page.locator("[data-keys-on]").uncheck();
  await page.locator("h1").click();
  await page.keyboard.press("j");
  await expect(first).not.toBeFocused();
  await page.reload();
  await expect(page.locator("[data-keys-on]")).not.toBeChecked();
});

test("a schedule is matched and checked before anything is sent", async ({ page, demo }) => {
  // axe looks at a hundred lines, several times.
  test.setTimeout(180_000);
  await signIn(page, demo, "/staff/upload");
  await expectGood(page, "upload");
  await page.setInputFiles("#file", SCHEDULE);
  await page.locator("form.drop button").click();
  await page.waitForURL(/\/columns$/);
  await expectGood(page, "columns");
  await page.locator("input[name=consent][value=declared]").check();
  await page.locator("main form button").click();
  await page.waitForURL(/\/check$/);
  await expect(page.locator(".counts")).toBeVisible();
  await expectGood(page, "check");
  for (const part of ["messages", "silent", "rows"]) {
    await page.locator(`.chips a[href$='show=${part}']`).click();
    await expect(page.locator(`.chips a[href$='show=${part}']`)).toHaveAttribute("aria-current", "page");
    await expectGood(page, `check, ${part}`);
  }
});

test("a file that is no schedule is told in the page", async ({ page, demo }) => {
  await signIn(page, demo, "/staff/upload");
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919) % 256));
  await page.setInputFiles("#file", { name: "photo.jpg", mimeType: "image/jpeg", buffer: noise });
  await page.locator("form.drop button").click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expectGood(page, "refused file");
});

test("scripts stay small", async ({ page, demo }) => {
  let weight = 0;
  page.on("response", async (response) => {
    if (response.request().resourceType() === "script") weight += gzipSync(await response.body()).length;
  });
  await signIn(page, demo);
  await page.waitForLoadState("networkidle");
  expect(weight).toBeGreaterThan(0);
  expect(weight).toBeLessThanOrEqual(SCRIPT_BYTES);
});
