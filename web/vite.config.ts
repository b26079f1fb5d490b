import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const OUT = "../src/forepath/apps/dashboard/static";

/** Every file the build is made of, by path; tests/apps/dashboard/test_build.py computes the same. */
function sources(folder: string): string[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? sources(path) : [path];
    })
    .sort();
}

/** Writes build.json beside the page: the hash of the source it was built from. */
function stamp(): Plugin {
  return {
    name: "stamp",
    generateBundle() {
      const hash = createHash("sha256");
      const root = import.meta.dirname;
      const files = [...sources(join(root, "src")), ...["index.html", "package.json", "vite.config.ts"].map((f) => join(root, f))];
      for (const file of files.map((f) => relative(root, f).replaceAll("\\", "/")).sort()) {
        hash.update(`${file}\0`);
        hash.update(readFileSync(join(root, file)));
      }
      this.emitFile({ type: "asset", fileName: "build.json", source: `{"source": "${hash.digest("hex")}"}\n` });
    },
  };
}

export default defineConfig({
  plugins: [svelte(), stamp()],
  base: "./",
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 200,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8765" } },
});
