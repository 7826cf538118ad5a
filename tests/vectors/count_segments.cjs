// Counts the segments of texts (a JSON list on standard input) by `split-sms` and `sms-segments-calculator`, which are
// looked for in the folder this is run from. Used by make_segments.py.
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const from = createRequire(`${process.cwd()}/`);
const { split } = from("split-sms");
const { SegmentedMessage } = from("sms-segments-calculator");

const texts = JSON.parse(readFileSync(0, "utf8"));
const counted = texts.map((text) => [split(text).parts.length, new SegmentedMessage(text, "auto").segmentsCount]);
process.stdout.write(JSON.stringify(counted));
