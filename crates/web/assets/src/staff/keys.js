// Single keys for the day's list. They can be switched off (WCAG 2.2, 2.1.4) and never act while somebody types.

/** Where the browser remembers that they are off. */
const OFF = "kept.keys.off";

/** What a key presses in the chosen visit: a button by name and value. */
const PRESSES = /** @type {const} */ ({
  c: "[name=answer][value=accepted]",
  a: "[name=status][value=arrived]",
  n: "[name=status][value=noshow]",
});

/** @returns {boolean} */
function isTyping() {
  const at = document.activeElement;
  return at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement;
}

/** @param {HTMLElement[]} visits @returns {number} the visit that has the focus, or -1 */
function chosen(visits) {
  return visits.findIndex((visit) => visit.contains(document.activeElement));
}

/** Shows the list of keys and begins to listen. */
export function listen() {
  const help = /** @type {HTMLDetailsElement | null} */ (document.querySelector("[data-keys]"));
  const on = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-keys-on]"));
  if (!help || !on) return;
  help.hidden = false;
  on.checked = localStorage.getItem(OFF) === null;
  on.addEventListener("change", () => {
    if (on.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });

  document.addEventListener("keydown", (event) => {
    if (!on.checked || isTyping() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") {
      help.open = !help.open;
      if (help.open) help.querySelector("summary")?.focus();
      return;
    }
    const visits = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".visit")]);
    const at = chosen(visits);
    if (event.key === "j" || event.key === "k") {
      const next = at < 0 ? 0 : at + (event.key === "j" ? 1 : -1);
      visits[Math.min(Math.max(next, 0), visits.length - 1)]?.focus();
      return;
    }
    const button = Object.hasOwn(PRESSES, event.key)
      ? visits[at]?.querySelector(PRESSES[/** @type {keyof typeof PRESSES} */ (event.key)])
      : null;
    if (button instanceof HTMLButtonElement) button.form?.requestSubmit(button);
  });
}
