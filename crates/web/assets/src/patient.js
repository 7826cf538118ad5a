// The one script of the patient's pages. Everything also works without it, but for opening a link.
export {};
