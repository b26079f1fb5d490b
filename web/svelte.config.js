// Elements are built one by one, never from a string of markup: `require-trusted-types-for 'script'` holds.
export default { compilerOptions: { runes: true, fragments: "tree" } };
