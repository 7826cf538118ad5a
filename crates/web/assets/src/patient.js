// The one script of the patient's pages: opens a link, reads a pasted birth date, warns before a page closes. All
// else works without it.
import { startLink } from "./patient/link.js";
import { startDate } from "./patient/date.js";
import { startIdle } from "./patient/idle.js";

const form = document.querySelector("form[data-link]");
if (form instanceof HTMLFormElement) startLink(form);
const date = document.querySelector("[data-date]");
if (date instanceof HTMLElement) startDate(date);
const idle = document.querySelector("[data-idle]");
if (idle instanceof HTMLElement) startIdle(idle);

// A thumb that taps twice sends once.
document.addEventListener("submit", (event) => {
  if (!(event.target instanceof HTMLFormElement) || event.defaultPrevented) return;
  const { dataset } = event.target;
  if (dataset["sent"]) event.preventDefault();
  dataset["sent"] = "yes";
  setTimeout(() => delete dataset["sent"], 4000);
});
