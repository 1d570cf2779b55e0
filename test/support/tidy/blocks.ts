/** Finds the functions of a file and how long they are, from brackets alone. Pure. */

export interface Block {
  readonly line: number;
  readonly lines: number;
}

const CONTROL = /^(?:if|else|for|while|switch|catch|with|do|try|finally|return|new|await|class|interface|declare)\b/;
const CALLABLE =
  /^(?:(?:export|static|async|get|set|override|public|private|protected|abstract|readonly)\s+)*(?:function\b|[*#\w$[\].]+\s*(?:<[^()]*>)?\s*\()/;

/** What stands before the `{` at `at`, back to the end of the statement before. */
function headerOf(code: string, at: number): string {
  let depth = 0;
  let i = at - 1;
  for (; i >= 0; i--) {
    const char = code[i]!;
    if (char === ")" || char === "]") depth++;
    else if (char === "}") {
      // The end of the member before, unless it is inside a parameter list or a return type.
      if (depth === 0 && /^\s*\n|\(/.test(code.slice(i + 1, at))) break;
      depth++;
    } else if (char === "(" || char === "[" || char === "{") {
      if (depth === 0) break;
      depth--;
    } else if (depth === 0 && char === ";") break;
  }
  return code.slice(i + 1, at).trim();
}

function isFunction(code: string, at: number): boolean {
  if (code.slice(0, at).trimEnd().endsWith("=>")) return true;
  const header = headerOf(code, at);
  return !CONTROL.test(header) && !header.includes("=") && CALLABLE.test(header);
}

/** Every function with a body in braces. `code`: without comments and texts, see codeOf. */
export function functionsOf(code: string): Block[] {
  const open: number[] = [];
  const found: Block[] = [];
  for (let i = 0; i < code.length; i++) {
    if (code[i] === "{") open.push(i);
    if (code[i] !== "}") continue;
    const start = open.pop();
    if (start === undefined) continue;
    const lines = code.slice(start, i).split("\n").length;
    if (lines > 1 && isFunction(code, start)) found.push({ line: code.slice(0, start).split("\n").length, lines });
  }
  return found;
}

/** The lines that start a statement of the file itself, outside every bracket. The formatter puts them in the first column. */
export function topLines(code: string): string[] {
  const found: string[] = [];
  let depth = 0;
  for (const line of code.split("\n")) {
    if (depth === 0 && /^\S/.test(line)) found.push(line);
    for (const char of line) {
      if ("([{".includes(char)) depth++;
      if (")]}".includes(char)) depth--;
    }
  }
  return found;
}
