// The watch itself: a test that cannot fail would prove nothing.
import { createServer } from "node:http";
import { expect, expectAccessible, expectReflow, test, weigh } from "./fixtures.mjs";

/** A page that breaks its own policy, scrolls sideways and has an unlabelled field. */
const BAD = `<!doctype html><html><head><title>x</title></head><body style="min-width: 700px">
<input><script>document.body.dataset.ran = "1"</script></body></html>`;

test.describe("the watch", () => {
  /** @type {import("node:http").Server} */
  let server;
  let address = "";

  test.beforeAll(async () => {
    server = createServer((_request, response) => {
      response.setHeader("content-type", "text/html");
      response.setHeader("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
      response.end(BAD);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    const bound = server.address();
    address = `http://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}/`;
  });
  test.afterAll(() => new Promise((resolve) => server.close(() => resolve(undefined))));

  test("sees what is wrong with a bad page", async ({ page, complaints }) => {
    const weight = await weigh(page, () => page.goto(address));
    expect(weight.document).toBeGreaterThan(BAD.length);
    await expect.poll(() => complaints.length).toBeGreaterThan(0);
    complaints.length = 0;
    await expect(expectAccessible(page, "a bad page")).rejects.toThrow(/label/);
    await expect(expectReflow(page, "a bad page")).rejects.toThrow(/320/);
    complaints.length = 0;
  });
});
