/** Reads a source file the way the house rules need it: code without comments and texts, and what it imports. Pure. */

export interface Source {
  /** Path from the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

/** A rule: what is wrong with the file, one sentence each; none when it is fine. */
export type Rule = (source: Source) => readonly string[];

const isWord = (char: string | undefined): boolean => char !== undefined && /[\w$)\]}]/.test(char);

/** The end (exclusive) of a quoted text that starts at `at`. Template texts end at `${` too. */
function endOfText(text: string, at: number, quote: string): number {
  let i = at;
  while (i < text.length) {
    if (text[i] === "\\") i += 2;
    else if (text[i] === quote) return i + 1;
    else if (quote === "`" && text.startsWith("${", i)) return i + 2;
    else i++;
  }
  return i;
}

function endOfRegex(text: string, at: number): number {
  let inClass = false;
  for (let i = at + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    else if (text[i] === "/" && !inClass) return i + 1;
  }
  return at + 1;
}

/** A slash starts a regular expression unless a value stands before it. */
function startsRegex(done: string): boolean {
  const before = done.trimEnd();
  if (/\b(return|typeof|case|in|of|void)$/.test(before)) return true;
  return !isWord(before.at(-1));
}

/** The code alone: comments and the insides of texts and regular expressions become spaces; lines stay where they are. */
export function codeOf(text: string): string {
  const templates: number[] = [];
  let out = "";
  let depth = 0;
  let i = 0;
  const blank = (to: number): void => {
    out += text.slice(i, to).replaceAll(/[^\n]/g, " ");
    i = to;
  };
  const quoted = (from: number, quote: string): void => {
    const end = endOfText(text, from, quote);
    const opened = quote === "`" && text.startsWith("${", end - 2) && text[end - 1] === "{";
    blank(end);
    if (opened) templates.push(depth++);
  };
  while (i < text.length) {
    const char = text[i]!;
    if (text.startsWith("//", i)) blank((text.indexOf("\n", i) + text.length + 1) % (text.length + 1));
    else if (text.startsWith("/*", i)) blank(text.indexOf("*/", i + 2) < 0 ? text.length : text.indexOf("*/", i + 2) + 2);
    else if (char === '"' || char === "'" || char === "`") quoted(i + 1, char);
    else if (char === "/" && startsRegex(out)) blank(endOfRegex(text, i));
    else if (char === "}" && templates.at(-1) === depth - 1 && templates.length > 0) {
      templates.pop();
      depth--;
      quoted(i + 1, "`");
    } else {
      if (char === "{") depth++;
      if (char === "}") depth--;
      out += char;
      i++;
    }
  }
  return out;
}

const IMPORT = /^[ \t]*(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']/g;

export function importsOf(text: string): Import[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "");
  return [
    ...Array.from(code.matchAll(IMPORT), (match) => ({ from: match[2]!, typeOnly: match[1] !== undefined })),
    ...Array.from(code.matchAll(DYNAMIC), (match) => ({ from: match[1]!, typeOnly: false })),
  ];
}

/** The repository path a relative import points at; null for a package. */
export function resolveImport(path: string, from: string): string | null {
  if (!from.startsWith(".")) return null;
  const parts = path.split("/").slice(0, -1);
  for (const part of from.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
