// Loads the sandbox's phone again when something happened, unless somebody is writing on it.
const EVERY_MS = 1500;
const shown = document.body.dataset.stirs;
const texts = document.querySelector(".texts");
if (texts) texts.scrollTop = texts.scrollHeight;

const look = async () => {
  const field = document.querySelector("#text");
  const writing = field instanceof HTMLInputElement && field.value !== "";
  if (writing || document.hidden) return;
  try {
    const answer = await fetch("/sandbox/news", { cache: "no-store" });
    if (answer.ok && (await answer.text()) !== shown) location.reload();
  } catch {
    // Kept was stopped or restarted; the next look will find it again.
  }
};
setInterval(look, EVERY_MS);
