// What the page asks the server for.

const TOKEN = 'vitrail.token';

/** A request without a result; `status` is HTTP's. */
export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function useToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

async function send(path, options) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new ServerError(0, 'The server does not answer.');
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok && !(path === '/health' && body.status)) {
    throw new ServerError(response.status, body.error ?? `The server answers ${response.status}.`);
  }
  return { body, timing: response.headers.get('Server-Timing') ?? '' };
}

/** starting, ready or draining. */
export async function health() {
  return (await send('/health', {})).body.status;
}

/** Names of the models that serve. */
export async function models() {
  const index = (await send('/v2/repository/index', { method: 'POST', body: '{"ready":true}' })).body;
  return index.map((entry) => entry.name);
}

/** Why a model gives an image its class: a map, and what each layer's heads read. */
export async function explain(model, image) {
  return (await send(`/v1/explain?layers=true&model=${encodeURIComponent(model)}`, imageRequest(image))).body;
}

const imageRequest = (image) => ({
  method: 'POST',
  headers: { 'Content-Type': image.type.startsWith('image/') ? image.type : 'application/octet-stream' },
  body: image,
});

/** Classes of an image, and where the time went in milliseconds. */
export async function classify(model, image) {
  const begin = performance.now();
  const { body, timing } = await send(`/v1/classify?model=${encodeURIComponent(model)}`, imageRequest(image));
  const parts = Object.fromEntries(
    [...timing.matchAll(/(\w+);dur=([\d.]+)/g)].map(([, name, milliseconds]) => [name, Number(milliseconds)]),
  );
  return { scores: body, timing: { ...parts, total: performance.now() - begin } };
}
