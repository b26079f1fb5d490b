/** Requests to our own server. Every answer is data: nothing of it is ever read as markup. */

export class Problem extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      signal: signal ?? null,
      credentials: "same-origin",
      headers: { "x-forepath": "1", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem("The server does not answer. Is `forepath dash` still running?", 0);
  }
  if (answer.status === 204) return undefined as T;
  const data = await answer.json().catch((error) => {
    if (signal?.aborted) throw error;
    throw new Problem(`The answer (${answer.status}) is not readable.`, answer.status);
  });
  if (!answer.ok) {
    if (answer.status === 401) locked.forEach((tell) => tell());
    throw new Problem(String(data.error ?? answer.status), answer.status);
  }
  return data as T;
}

const locked: (() => void)[] = [];

/** Call `tell` whenever the server does not know us. */
export function onLocked(tell: () => void): void {
  locked.push(tell);
}

export const get = <T>(path: string, signal?: AbortSignal) => ask<T>("GET", path, undefined, signal);
export const post = <T>(path: string, body: unknown = {}, signal?: AbortSignal) => ask<T>("POST", path, body, signal);
export const put = <T>(path: string, body: unknown) => ask<T>("PUT", path, body);

/** A path with its query; what is empty is left out. */
export function url(path: string, query: Record<string, string | number | boolean | null | undefined>): string {
  const given = Object.entries(query).filter(([, v]) => v !== "" && v !== null && v !== undefined && v !== false);
  return given.length ? `${path}?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}` : path;
}
