// The secret of a link is in the address's fragment, which browsers never send. It is taken from there, cleared from the
// address bar, and only what is derived from it is posted, when Continue is pressed.

/** How long we wait to hear whether the server can be reached. */
const PATIENCE_MS = 8000;

/**
 * Whether the server answers. Without this, a phone without a connection leaves for the browser's own error page, where
 * no phone number stands.
 * @returns {Promise<boolean>}
 */
const reachable = () =>
  fetch(location.pathname, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout?.(PATIENCE_MS) })
    .then((answer) => answer.status < 500)
    .catch(() => false);

/** Characters of a secret: Crockford's base32, five bits each. */
const LENGTH = 26;

/**
 * Reads what a person pasted or a mail gateway mangled: a whole link or the code alone; `#` or `%23`; upper or lower
 * case; spaces and hyphens; `o` for 0, `i` and `l` for 1.
 * @param {string} text
 * @returns {string | null} the secret, or null if it is none
 */
export function readCode(text) {
  const code = text
    .split(/#|%23/)
    .pop()
    ?.toLowerCase()
    .replace(/[\s-]/g, "")
    .replace(/o/g, "0")
    .replace(/[il]/g, "1");
  return code && code.length === LENGTH && /^[0-9a-hjkmnp-tv-z]+$/.test(code) ? code : null;
}

/**
 * auth = HKDF-SHA256(secret, no salt, "kept/v1/link/auth"), as base64url without padding.
 * @param {string} secret
 * @returns {Promise<string>}
 */
async function derive(secret) {
  const bytes = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytes.encode("kept/v1/link/auth") };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
  return btoa(String.fromCharCode(...bits)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/**
 * The language to show: the browser's first that is offered, else the page's own.
 * @param {string[]} offered
 */
function language(offered) {
  const wanted = navigator.languages.map((tag) => tag.split("-")[0] ?? "").find((tag) => offered.includes(tag));
  return wanted ?? offered[0] ?? "en";
}

/** @param {HTMLFormElement} form */
export function startLink(form) {
  const sections = [...form.querySelectorAll("[data-lang]")].filter((part) => part instanceof HTMLElement);
  const fragment = location.hash;
  if (fragment || /%23/.test(location.pathname)) {
    // Gone from the address bar, the history and what a neighbour may read. Only the path is kept.
    history.replaceState(null, "", location.pathname.split("%23")[0]);
  }
  const able = Boolean(globalThis.crypto?.subtle);
  const secret = readCode(fragment);
  const mode = !able ? "old" : secret ? "link" : "code";
  for (const part of form.querySelectorAll("[data-when]")) {
    if (part instanceof HTMLElement) part.hidden = !(part.dataset["when"] ?? "").split(" ").includes(mode);
  }

  /** @param {string} chosen */
  const show = (chosen) => {
    document.documentElement.lang = chosen;
    for (const section of sections) section.hidden = section.dataset["lang"] !== chosen;
    for (const button of form.querySelectorAll(".switch button")) {
      if (button instanceof HTMLButtonElement) button.hidden = button.value === chosen;
    }
    const heading = sections.find((section) => !section.hidden)?.querySelector("h1");
    if (heading?.textContent) document.title = heading.textContent;
  };
  show(language(sections.map((section) => section.dataset["lang"] ?? "")));
  const choice = form.querySelector(".switch");
  if (choice instanceof HTMLElement && sections.length > 1) {
    choice.hidden = false;
    choice.addEventListener("click", (event) => {
      if (!(event.target instanceof HTMLButtonElement)) return;
      show(event.target.value);
      field(form, "lang").value = event.target.value;
    });
  }

  let leaving = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (leaving) return;
    const section = sections.find((part) => !part.hidden);
    const typed = section?.querySelector("[data-code]");
    const problem = section?.querySelector("[data-when~=code] .problem");
    const code = secret ?? (typed instanceof HTMLInputElement ? readCode(typed.value) : null);
    if (!code) {
      if (problem instanceof HTMLElement) problem.hidden = false;
      if (typed instanceof HTMLInputElement) {
        typed.setAttribute("aria-invalid", "true");
        typed.focus();
      }
      return;
    }
    leaving = true;
    field(form, "auth").value = await derive(code);
    const offline = section?.querySelector("[data-offline]");
    if (offline instanceof HTMLElement) offline.hidden = true;
    if (await reachable()) form.submit();
    else if (offline instanceof HTMLElement) offline.hidden = false;
    // Also after leaving: whoever comes back with the browser's button finds the page as it was.
    leaving = false;
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {HTMLInputElement}
 */
function field(form, name) {
  const found = form.elements.namedItem(name);
  if (found instanceof HTMLInputElement) return found;
  throw new Error(`no field ${name}`);
}
