/** Where we are, in the address: "#/screen?key=value". Every state of a screen is a link. */

export const SCREENS = ["forecast", "explorer", "runs", "judge", "compare", "live"] as const;
export type Screen = (typeof SCREENS)[number];
export type Params = Record<string, string>;

interface Place {
  screen: Screen;
  params: Params;
}

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const screen = SCREENS.find((s) => s === path) ?? "forecast";
  return { screen, params: Object.fromEntries(new URLSearchParams(query)) };
}

export const place: Place = $state(read());

export function link(screen: Screen, params: Params): string {
  const given = Object.entries(params).filter(([, v]) => v !== "");
  return `#/${screen}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

/** Go to another place, leaving a step in the history. */
export function go(screen: Screen, params: Params = {}): void {
  history.pushState(null, "", link(screen, { run: place.params.run ?? "", ...params }));
  settle();
}

/** Change what the address says of this screen; `undefined` or "" takes a key away. */
export function patch(changes: Record<string, string | undefined>, step = false): void {
  const params = { ...place.params };
  for (const [key, value] of Object.entries(changes)) {
    if (value) params[key] = value;
    else delete params[key];
  }
  const there = link(place.screen, params);
  if (there === location.hash) return;
  history[step ? "pushState" : "replaceState"](null, "", there);
  settle();
}

function settle(): void {
  const now = read();
  place.screen = now.screen;
  place.params = now.params;
}

addEventListener("hashchange", settle);
addEventListener("popstate", settle);
