/** What the server tells: one event stream for the whole tab, however many parts of the page listen. */

export interface Told {
  topic: string;
  kind: string;
  data: unknown;
}
type Ear = (told: Told) => void;

const ears = new Map<string, Set<Ear>>();
let source: EventSource | null = null;
let open = "";
let last = "";
let since = ""; // the last event before a topic was first asked for: from there on nothing of it may be missed
let due: ReturnType<typeof setTimeout>;

/** Whether the stream stands. */
export const stream = $state({ alive: true });

/** Hear a topic until the returned function is called. `reset`: something was missed, ask for the state again. */
export function listen(topic: string, ear: Ear): () => void {
  if (!ears.has(topic)) {
    ears.set(topic, new Set());
    since ||= last;
  }
  ears.get(topic)!.add(ear);
  settle();
  return () => {
    ears.get(topic)?.delete(ear);
    if (!ears.get(topic)?.size) ears.delete(topic);
    settle();
  };
}

function settle(): void {
  clearTimeout(due);
  due = setTimeout(connect, 20);
}

function connect(): void {
  const topics = document.visibilityState === "hidden" ? "" : [...ears.keys()].sort().join(",");
  if (topics === open && source && source.readyState !== EventSource.CLOSED) return;
  source?.close();
  source = null;
  open = topics;
  if (!topics) return;
  const mine = (source = new EventSource(`/api/events?topics=${encodeURIComponent(topics)}&last=${encodeURIComponent(since || last)}`));
  since = "";
  mine.onopen = () => (stream.alive = true);
  mine.onmessage = (event) => {
    const first = !last; // what happened before we were heard is not told again: everybody asks once more
    last = event.lastEventId || last;
    const told = JSON.parse(event.data) as Told;
    if (told.kind === "hello" && !first) return;
    if (told.kind === "hello") told.kind = "reset";
    for (const [topic, heard] of ears)
      if (told.kind === "reset" || topic === told.topic) heard.forEach((ear) => ear(told));
  };
  mine.onerror = () => {
    stream.alive = false;
    // the browser tries again by itself, unless the server refused; then we do
    if (mine.readyState === EventSource.CLOSED && mine === source) {
      open = "";
      due = setTimeout(connect, 2000);
    }
  };
}

document.addEventListener("visibilitychange", settle);
