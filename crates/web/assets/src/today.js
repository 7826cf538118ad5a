// The board looks again by itself: when something changed it reloads, unless somebody is in the middle of something; when
// the server is silent it says so.

/** How often we ask, in milliseconds. */
const EVERY = 10_000;
/** Silence after which what is shown may be old. */
const STALE_AFTER = 30_000;

import { listen } from "./staff/keys.js";

listen();

const head = /** @type {HTMLElement | null} */ (document.querySelector("[data-live]"));
if (head) {
  const stale = /** @type {HTMLElement} */ (head.querySelector("[data-stale]"));
  let heard = Date.now();

  const busy = () =>
    document.querySelector(".marks[open]") !== null ||
    document.activeElement instanceof HTMLInputElement ||
    document.activeElement instanceof HTMLButtonElement;

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(head.dataset.live ?? "", { headers: { "x-kept-by-itself": "1" }, redirect: "error" });
      if (answer.ok) {
        heard = Date.now();
        const changed = (await answer.text()) !== head.dataset.stamp;
        if (changed && !busy()) location.reload();
      }
    } catch {
      // Said below: silence is what matters, whatever its cause.
    }
    stale.hidden = Date.now() - heard < STALE_AFTER;
  };
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}
