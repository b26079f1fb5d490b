/** What every screen shares: whether we are let in, which runs there are, the one being looked at, light or dark. */
import { get, onLocked, post, Problem } from "../api/client";
import type { Run, RunRow } from "../api/types";
import { patch, place } from "./route.svelte";

class Session {
  locked = $state(false);
  runs: RunRow[] = $state([]);
  run: Run | null = $state(null);
  problem = $state("");
  mode: "auto" | "light" | "dark" = $state("auto");
  /** Bumped when the run on disk, or its overlay, has changed. */
  version = $state(0);

  /** Show the token of the address once, then take it out of the address. */
  async enter(): Promise<void> {
    const token = /^#token=([\w-]+)/.exec(location.hash)?.[1];
    if (token) {
      history.replaceState(null, "", "#/forecast");
      await this.unlock(token);
    } else await this.load();
  }

  async unlock(token: string): Promise<void> {
    try {
      await post("/api/visit", { token });
      this.locked = false;
      this.problem = "";
      await this.load();
    } catch (error) {
      this.locked = true;
      this.problem = error instanceof Problem ? error.message : String(error);
    }
  }

  async load(): Promise<void> {
    try {
      this.runs = await get<RunRow[]>("/api/runs");
      const wanted = place.params.run;
      const chosen = this.runs.find((r) => r.id === wanted) ?? this.runs.find((r) => r.cross_entropy !== null) ?? this.runs[0];
      if (wanted && chosen?.id !== wanted) this.problem = `There is no run “${wanted}” here any more.`;
      else this.problem = this.runs.length ? "" : "There is no run here yet: `forepath run --out …` writes one.";
      if (chosen) await this.choose(chosen.id);
    } catch (error) {
      if (error instanceof Problem && error.status !== 401) this.problem = error.message;
    }
  }

  async choose(id: string): Promise<void> {
    if (place.params.run !== id) patch({ run: id });
    try {
      this.run = await get<Run>(`/api/runs/${id}`);
      this.problem = "";
      if (this.run.site && this.run.model === "cold") this.run = await post<Run>(`/api/runs/${id}/warm`);
      while (this.run?.id === id && this.run.model === "warming") {
        await new Promise((done) => setTimeout(done, 400));
        const now: Run = await get<Run>(`/api/runs/${id}`);
        if (this.run?.id === id) this.run = now;
      }
    } catch (error) {
      if (error instanceof Problem && error.status !== 401) this.problem = error.message;
    }
  }

  dress(mode: "auto" | "light" | "dark"): void {
    this.mode = mode;
    document.documentElement.dataset.mode = mode;
    try {
      localStorage.setItem("mode", mode);
    } catch {
      // private windows keep nothing
    }
  }

  nextMode(): void {
    const dark = this.mode === "dark" || (this.mode === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    this.dress(dark ? "light" : "dark");
  }
}

export const session = new Session();
addEventListener("hashchange", () => location.hash.startsWith("#token=") && session.enter());
onLocked(() => {
  session.locked = true;
});
