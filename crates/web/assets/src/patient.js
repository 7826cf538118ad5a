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
