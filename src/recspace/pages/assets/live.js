// A run that goes on: its events as the server sends them; when it is done the page is asked for anew.

export function follow(page, last) {
  const source = new EventSource(`events?after=${last}`);
  let waiting = null;
  source.addEventListener("message", ({ data }) => {
    for (const event of JSON.parse(data)) page.journal.add(event);
    waiting ??= setTimeout(() => {
      waiting = null;
      page.update();
    }, 300);
  });
  source.addEventListener("again", () => {
    source.close();
    location.reload();
  });
  addEventListener("pagehide", () => source.close());
}
