// Starts `kept demo` on a free port and ends it by its process id.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

/** A demo starts within this time, in a debug build on a busy machine. */
const READY_MS = 120_000;
/** And ends within this one, else it is killed. */
const END_MS = 10_000;

/**
 * What the demo prints when it is ready.
 *
 * @typedef {object} Addresses
 * @property {string} phone the patient's phone, a page of the sandbox carrier
 * @property {string} desk the front desk
 * @property {string} manager the missed-visit page
 * @property {string} email signs in at the desk
 * @property {string} password
 * @property {string} time_machine moves the clock
 * @property {{ name: string, birth_date: string, number: string, visit: string }} player the patient whose phone it is
 * @property {{ link: string, birth_date: string, shared: boolean }[]} patients fresh links, each to a visit to come
 */

/**
 * @param {string[]} more further arguments of `kept demo`
 * @returns {Promise<Addresses & { stop(): Promise<void>, log(): string }>}
 */
export async function startDemo(more = []) {
  const binary = process.env.KEPT_BINARY ?? `${process.env.CARGO_TARGET_DIR ?? `${REPOSITORY}target`}/debug/kept`;
  const child = spawn(binary, ["demo", "--listen", "127.0.0.1:0", "--json", ...more], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    log = (log + text).slice(-100_000);
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));

  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  };

  /** @type {Promise<Addresses>} */
  const ready = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the demo was not ready after ${READY_MS} ms\n${log}`)), READY_MS);
    child.once("error", (error) => reject(new Error(`${binary} did not start: ${error.message}`)));
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code} before it was ready\n${log}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith("{")) return;
      clearTimeout(timer);
      resolve(JSON.parse(line));
    });
  });
  try {
    return { ...(await ready), stop, log: () => log };
  } catch (error) {
    await stop();
    throw error;
  }
}
