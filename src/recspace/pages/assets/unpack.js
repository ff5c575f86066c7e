// What is packed into the page: base64 of gzip.

export async function unpacked(id) {
  const text = document.getElementById(id).textContent.trim();
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = letters.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

export async function pageData() {
  return JSON.parse(await unpacked("data"));
}
