// A page with private words closes after a quarter of an hour; two minutes before, it asks.

/** How long before the end the warning shows, in seconds. */
const WARNING_S = 120;

/** @param {HTMLElement} box */
export function startIdle(box) {
  const again = box.dataset["again"] ?? "/";
  const end = Date.now() + Number(box.dataset["idle"]) * 1000;
  /** @type {Element | null} */
  let before = null;
  const button = box.querySelector("button");
  button?.addEventListener("click", () => location.reload());
  const look = () => {
    const left = end - Date.now();
    if (left <= 0) {
      // The server shows what to do; what was on the page is gone, from the back button too.
      location.replace(again);
      return;
    }
    if (left <= WARNING_S * 1000 && box.hidden) {
      before = document.activeElement;
      box.hidden = false;
      button?.focus();
    }
  };
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.hidden = true;
    if (before instanceof HTMLElement) before.focus();
  });
  // Phones sleep: the time is looked at when they wake, not counted.
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
