import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";

let mode = "auto";
try {
  mode = localStorage.getItem("mode") ?? "auto";
} catch {
  // private windows keep nothing
}
document.documentElement.dataset.mode = mode;

mount(App, { target: document.getElementById("app")! });
