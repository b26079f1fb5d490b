/** Short names for what the server says. */
import type { components } from "./schema";

type Shapes = components["schemas"];
export type Theme = Shapes["ThemeShape"];
export type Run = Shapes["RunShape"];
export type Prompt = Shapes["PromptShape"];
export type PromptsPage = Shapes["PromptsPage"];
export type Branch = Shapes["Branch"];
export type Chain = Shapes["ChainShape"];
export type Forecast = Shapes["ForecastShape"];
export type Examples = Shapes["Examples"];
export type RunRow = Shapes["RunRow"];
export type Stage = Shapes["Stage"];
export type TextRow = Shapes["TextRow"];
export type TextsPage = Shapes["TextsPage"];
export type WholeText = Shapes["TextShape"];
export type Overlay = Shapes["OverlayShape"];
export type Changes = Shapes["Changes"];
export type Rescore = Shapes["Rescore"];
export type Judgement = Shapes["Judgement"];
export type ScoreRow = Shapes["ScoreRow"];
export type Reliability = Shapes["ReliabilityShape"];
export type Session = Shapes["SessionRow"];
export type WholeSession = Shapes["SessionShape"];
export type Ledger = Shapes["LedgerShape"];
export type Happened = Shapes["Happened"];
export type Effect = Shapes["EffectShape"];
export type Comparison = Shapes["ComparisonShape"];
