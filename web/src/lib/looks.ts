/** How a theme looks. Colour and texture come from the server and belong to the theme's place in the codebook. */
import type { Theme } from "../api/types";

const NOBODY: Theme = { name: "?", colour: "#9a9a9a", dark: "#9a9a9a", texture: 0, description: "", share: null };

export const theme = (themes: Theme[], index: number): Theme => themes[index] ?? NOBODY;

/** A CSS colour that follows light and dark by itself. */
export const ink = (t: Theme): string => `light-dark(${t.colour}, ${t.dark})`;

/** What is laid over a fill of that colour; "none" for the first time round. */
export const texture = (t: Theme): string => (t.texture ? `url(#hatch-${t.texture})` : "none");
