// A birth date pasted into one field fills all three.

/**
 * @param {string} text
 * @param {string} order `mdy` or `dmy`: how people write dates here, when the year does not come first
 * @returns {{ year: string, month: string, day: string } | null}
 */
export function readDate(text, order) {
  const parts = text.trim().match(/^(\d{1,4})[\s./-]+(\d{1,2})[\s./-]+(\d{1,4})$/);
  if (!parts) return null;
  const [, a = "", b = "", c = ""] = parts;
  if (a.length === 4) return { year: a, month: b, day: c };
  if (c.length !== 4 || a.length > 2) return null;
  return order === "mdy" ? { month: a, day: b, year: c } : { day: a, month: b, year: c };
}

/** @param {HTMLElement} group */
export function startDate(group) {
  group.addEventListener("paste", (event) => {
    const date = readDate(event.clipboardData?.getData("text") ?? "", group.dataset["date"] ?? "mdy");
    if (!date) return;
    event.preventDefault();
    for (const [name, value] of Object.entries(date)) {
      const input = group.querySelector(`[name=${name}]`);
      if (input instanceof HTMLInputElement) input.value = value;
    }
  });
}
