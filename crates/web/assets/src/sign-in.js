// The password never leaves this browser: Argon2id stretches it, HKDF makes two branches of it, and only the one that
// signs in is sent. The other will unwrap what is sealed to the person. Must agree with crates/seal/src/staff.rs;
// tests/vectors/staff.json holds both to it.
import { argon2id } from "hash-wasm";

/** @typedef {{alg: string, salt: string, m_kib: number, t: number, p: number}} Kdf */

const AUTH = "kept/v1/staff/auth";
/** The weakest derivation we agree to: a server that asks for less is not ours. */
const LEAST = { m_kib: 64 * 1024, t: 3, p: 1 };

/** @param {string} text base64url without padding @returns {Uint8Array} */
function fromBase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

/** @param {Uint8Array} bytes @returns {string} base64url without padding */
function toBase64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * The sign-in branch of a password.
 * @param {string} password @param {Kdf} kdf @returns {Promise<string>}
 */
export async function authBranch(password, kdf) {
  if (kdf.alg !== "argon2id" || kdf.m_kib < LEAST.m_kib || kdf.t < LEAST.t || kdf.p < LEAST.p) {
    throw new Error("the server asks for a weaker derivation than we agree to");
  }
  const stretched = await argon2id({
    password: password.normalize("NFKC"),
    salt: fromBase64url(kdf.salt),
    memorySize: kdf.m_kib,
    iterations: kdf.t,
    parallelism: kdf.p,
    hashLength: 32,
    outputType: "binary",
  });
  const key = await crypto.subtle.importKey("raw", /** @type {BufferSource} */ (stretched), "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode(AUTH);
  const bits = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, key, 256);
  return toBase64url(new Uint8Array(bits));
}

/** @param {HTMLFormElement} form @param {string} name @returns {HTMLInputElement} */
function field(form, name) {
  const found = form.elements.namedItem(name);
  if (!(found instanceof HTMLInputElement)) throw new Error(`no single field ${name}`);
  return found;
}

/**
 * Runs `work` when the form is sent, then sends it; while it runs the button says so.
 * @param {HTMLFormElement} form @param {() => Promise<void>} work
 */
function derive(form, work) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const label = button.textContent;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    button.textContent = button.dataset.busy ?? label;
    try {
      await work();
      form.submit();
    } catch {
      const problem = /** @type {HTMLElement} */ (form.querySelector("[data-problem]"));
      problem.textContent = form.querySelector("[data-failed]")?.textContent ?? "";
      problem.hidden = false;
      button.disabled = false;
      button.textContent = label;
    }
  });
}

const signIn = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-sign-in]"));
if (signIn) {
  const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));
  derive(signIn, async () => {
    const body = new URLSearchParams({ practice: field(signIn, "practice").value, email: field(signIn, "email").value });
    const answer = await fetch("/staff/sign-in/kdf", { method: "POST", body });
    if (!answer.ok) throw new Error("no parameters");
    field(signIn, "auth").value = await authBranch(password.value, await answer.json());
  });
}

const change = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-new-password]"));
if (change) {
  // Their ids are no names of the form: a form finds its fields by either, and two of one name are none.
  const old = /** @type {HTMLInputElement} */ (document.getElementById("old-password"));
  const fresh = /** @type {HTMLInputElement} */ (document.getElementById("new-password"));
  derive(change, async () => {
    const parameters = change.dataset.fresh ?? "";
    field(change, "kdf").value = parameters;
    // One after the other: each takes 64 MiB.
    field(change, "old").value = await authBranch(old.value, JSON.parse(change.dataset.kdf ?? ""));
    field(change, "new").value = await authBranch(fresh.value, JSON.parse(parameters));
  });
}
