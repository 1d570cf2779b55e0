/** The rules of the house that one file alone can break. Pure functions over (path, text); test/tidy.test.ts runs them. */
import { functionsOf, topLines } from "./blocks.ts";
import { folderOf, isPure, layers } from "./layers.ts";
import { codeOf, importsOf, type Rule } from "./source.ts";

const FILE_LINES = 300;
const FUNCTION_LINES = 70;
const WORKER_LINES = 25;

const isProgram = (path: string): boolean => folderOf(path) !== null && path.endsWith(".ts");
const isTypeScript = (path: string): boolean => path.endsWith(".ts");
const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length;

const hits = (text: string, pattern: RegExp, say: (match: string) => string): string[] =>
  Array.from(text.matchAll(pattern), (match) => `line ${lineAt(text, match.index)}: ${say(match[0].trim())}`);

const fileLength: Rule = ({ path, text }) => {
  const lines = text.trimEnd().split("\n").length;
  const most = path.startsWith("workers/") ? WORKER_LINES : FILE_LINES;
  return lines > most ? [`${lines} lines exceed ${most}`] : [];
};

/** A `describe` is a chapter of tests, not a function: in tests only what is not one counts. */
const functionLength: Rule = ({ path, text }) => {
  const code = codeOf(text);
  return functionsOf(code)
    .filter((one) => one.lines > FUNCTION_LINES)
    .filter((one) => !(path.startsWith("test/") && /\bdescribe(\.\w+)?\(/.test(code.split("\n")[one.line - 1]!)))
    .map((one) => `line ${one.line}: a function of ${one.lines} lines exceeds ${FUNCTION_LINES}`);
};

const RUNTIME_NAMES =
  /(?<![.\w$#])(?:(?:Bun|Deno)\b(?!\s*:)|process(?=\s*[.[?]))|\btypeof\s+process\b|\bglobalThis\s*\.\s*(?:Bun|Deno|process)\b/g;

const runtimeNames: Rule = ({ path, text }) => {
  if (!isProgram(path) || folderOf(path) === "platform") return [];
  const modules = importsOf(text).map((one) => one.from).filter((from) => /^(node|bun|deno|jsr|npm):|^bun$/.test(from));
  return [
    ...hits(codeOf(text), RUNTIME_NAMES, (name) => `names the runtime: ${name}`),
    ...modules.map((name) => `imports the runtime: ${name}`),
  ];
};

const docComment: Rule = (
  { path, text },
) => (isTypeScript(path) && !/^(#![^\n]*\n)?\/\*\*/.test(text) ? ["does not open with a doc comment"] : []);

const VAGUE = /utils?|helpers?|managers?|misc|common/;
const VAGUE_NAMES = /\b(?:class|function|const|interface|type)\s+(?:\w*(?:Utils?|Helpers?|Manager)|utils?|helpers?|manager)\b/g;

const vagueNames: Rule = ({ path, text }) => {
  const parts = path.split(/[/_.]/).filter((part) => new RegExp(`^(?:${VAGUE.source})$`).test(part));
  return [
    ...parts.map((part) => `"${part}" in its path says nothing`),
    ...hits(codeOf(text), VAGUE_NAMES, (name) => `"${name}" says nothing`),
  ];
};

const snakeCase: Rule = ({ path }) =>
  path.split("/").filter((part) => !/^[a-z0-9]+(_[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(part)).map((part) => `"${part}" is not snake_case`);

const namedExports: Rule = ({ text }) =>
  hits(codeOf(text), /\bexport\s+default\b|\bas\s+default\b/g, (match) => `${match}: exports are named`);

/** A call, an assignment, a `new` or an `await` that stands alone. Loops that fill a table of constants are not one. */
const LOUD =
  /^(?:(?:void|await|new|delete|throw)\s+\S.*|[\w$.[\]]+\s*\(.*|[\w$.[\]]+\s*(?:[-+*/|&]|\?\?|\|\|)?=(?![=>]).*|\(.*|(?:export\s+)?(?:const|let)\b.*\bawait\b.*)$/;
/** `assert` states a relation between constants: it has no effect but to stop. */
const QUIET = /^(?:assert|for|if|while|switch|export type|type)\b/;

const quietImport: Rule = ({ path, text }) => {
  if (!isProgram(path) || folderOf(path) === "") return [];
  return topLines(codeOf(text)).filter((line) => LOUD.test(line) && !QUIET.test(line)).map((line) =>
    `runs on import: ${line.slice(0, 60)}`
  );
};

const IMPURE =
  /\basync\b|\bawait\b|\bnew\s+Promise\b|\bPromise\s*\.|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|\bMath\s*\.\s*random\b|\bperformance\s*\.|\bcrypto\s*\.|\bfetch\s*\(|\bconsole\b|\bXMLHttpRequest\b/g;
/** The doorbell is where shared memory meets an event loop; it holds no state of Berth. */
const DOORBELL = "src/ring/wait.ts";

const purity: Rule = ({ path, text }) =>
  isPure(path) && path !== DOORBELL ? hits(codeOf(text), IMPURE, (name) => `a pure layer uses ${name.replaceAll(/\s+/g, " ")}`) : [];

const UNFINISHED = new RegExp(`\\b(?:${["TO", "FIX", "X", "HA"].map((a, i) => a + ["DO", "ME", "XX", "CK"][i]).join("|")})\\b`, "g");

const unfinished: Rule = ({ text }) => hits(text, UNFINISHED, (mark) => `unfinished: ${mark}`);

const SKIPPED = /\b(?:test|it|describe)\s*\.\s*(?:skip|todo|only|failing)\b|\b(?:xit|xtest|xdescribe)\s*\(/g;

const skippedTests: Rule = (
  { path, text },
) => (path.startsWith("test/") ? hits(codeOf(text), SKIPPED, (mark) => `a test that does not run: ${mark}`) : []);

const importEndings: Rule = ({ text }) =>
  importsOf(text).filter((one) => one.from.startsWith(".") && !/\.(?:ts|mjs|json|html|css|js|sql)$/.test(one.from)).map((one) =>
    `import "${one.from}" does not end in .ts`
  );

/** Every rule by its name. */
export const RULES = {
  layers,
  fileLength,
  functionLength,
  runtimeNames,
  docComment,
  vagueNames,
  snakeCase,
  namedExports,
  quietImport,
  purity,
  unfinished,
  skippedTests,
  importEndings,
} as const satisfies Record<string, Rule>;
