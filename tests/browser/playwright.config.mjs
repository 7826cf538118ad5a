// Browser tests against `kept demo`, in the system's Chromium. Nothing is downloaded; each worker has a demo of its own.
import { defineConfig } from "@playwright/test";

/** Chromium asks nobody outside this machine for anything. */
const QUIET = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What a cheap phone shows, and a desk. */
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const EN = { locale: "en-US", timezoneId: "America/Chicago" };
const ES = { locale: "es-US", timezoneId: "America/Chicago" };

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.mjs",
  // The tests of one file share the demo of their worker and follow each other in it.
  fullyParallel: false,
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  outputDir: "../../target/browser",
  reporter: "list",
  use: {
    browserName: "chromium",
    launchOptions: {
      executablePath: process.env.KEPT_CHROMIUM ?? "/usr/bin/chromium",
      chromiumSandbox: false,
      args: QUIET,
    },
    screenshot: "only-on-failure",
    trace: "off",
  },
  projects: [
    { name: "phone-en", use: { ...PHONE, ...EN } },
    { name: "phone-es", use: { ...PHONE, ...ES } },
    { name: "desktop-en", use: { ...DESKTOP, ...EN } },
    { name: "desktop-es", use: { ...DESKTOP, ...ES } },
  ],
});
