// While an import runs, the page looks again by itself.
const running = /** @type {HTMLElement | null} */ (document.querySelector("[data-again]"));
if (running) setTimeout(() => location.reload(), Number(running.dataset.again));
