/** The keyboard. One table, so that the help sheet cannot say anything else than what the keys do. */

export interface Key {
  keys: string;
  what: string;
}

export const EVERYWHERE: Key[] = [
  { keys: "g f", what: "Forecast" },
  { keys: "g e", what: "Explorer" },
  { keys: "g r", what: "Runs" },
  { keys: "g j", what: "Judge" },
  { keys: "g c", what: "Compare" },
  { keys: "g l", what: "Live" },
  { keys: "/", what: "go to the search or prompt field" },
  { keys: "t", what: "light or dark" },
  { keys: "?", what: "this sheet" },
  { keys: "Esc", what: "close, or leave a field" },
];

export const BY_SCREEN: Record<string, Key[]> = {
  forecast: [
    { keys: "Enter", what: "forecast (Shift+Enter: a new line)" },
    { keys: "1 2 3 4", what: "tree, flow, by step, chains" },
    { keys: "← → ↑ ↓", what: "move in the tree" },
    { keys: "j k", what: "next or previous prompt of the run" },
  ],
  explorer: [
    { keys: "j k", what: "next or previous text" },
    { keys: "Enter", what: "open the text; in a text, relabel the segment" },
    { keys: "x", what: "clear all filters" },
  ],
  judge: [{ keys: "1 2 3 …", what: "step" }],
  compare: [{ keys: "Enter", what: "forecast both" }],
  live: [
    { keys: "Enter", what: "start (Shift+Enter: a new line)" },
    { keys: "p", what: "pause or go on" },
    { keys: "s", what: "stop" },
    { keys: "b", what: "branch from here" },
  ],
};

/** Whether a key belongs to a field being typed in. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target?.closest("input, textarea, select, [contenteditable]");
}
