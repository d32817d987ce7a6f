// The public API, called as anyone calls it. The key is kept for this tab alone, and goes in a header, never in a URL.

const KEY = "puntual-key";

export class ServiceError extends Error {
  constructor(status, problem) {
    super(problem?.detail || problem?.message || problem?.title || `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export const key = () => sessionStorage.getItem(KEY) || "";

export function keepKey(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

export async function call(path, { method = "GET", body, type = "application/json", signal, accept } = {}) {
  const headers = {};
  if (key()) headers["X-API-Key"] = key();
  if (accept) headers.Accept = accept;
  if (body !== undefined) headers["Content-Type"] = type;
  const sent = body === undefined || typeof body === "string" || body instanceof Blob ? body : JSON.stringify(body);
  const answer = await fetch(path, { method, headers, body: sent, signal, cache: "no-store" });
  if (answer.ok) return answer;
  throw new ServiceError(answer.status, await answer.json().catch(() => null));
}

export const read = async (path, options) => (await call(path, options)).json();
