/** The layers of Berth and who may import whom. Imports go one way, and there are no cycles. Pure. */
import { importsOf, resolveImport, type Rule, type Source } from "./source.ts";

const LAYERS: Readonly<Record<string, number>> = {
  std_streams: 0,
  base: 0,
  ring: 1,
  wire: 2,
  codec: 2,
  registry: 3,
  access: 3,
  broker: 3,
  command: 3,
  config_push: 3,
  cluster: 3,
  store: 3,
  config: 3,
  platform: 4,
  telemetry: 4,
  engine: 5,
  http: 5,
  forward: 5,
  client: 5,
  cli: 6,
  page: 6,
};
const TOP = 7;

/** Folders of one layer that may import each other all the same. */
const SIBLINGS = new Set(["codec>wire"]);
/** A port is a type: everything may name it. */
const PORTS = new Set(["src/platform/port.ts"]);

const PURE = new Set([
  "base",
  "ring",
  "wire",
  "codec",
  "registry",
  "access",
  "broker",
  "command",
  "config_push",
  "cluster",
  "store",
  "config",
]);

/** The dashboard's page is a program of its own: it runs in a browser, and uses the client as the command line does. */
const PAGE = "src/http/dashboard/page/";

/** The folder of `src` a file is in; "" for the top (src/main.ts, workers); null for what is not part of the program. */
export function folderOf(path: string): string | null {
  if (path.startsWith(PAGE)) return path === `${PAGE}main.ts` ? "" : "page";
  if (path.startsWith("workers/")) return "";
  if (!path.startsWith("src/")) return null;
  const parts = path.split("/");
  return parts.length === 2 ? "" : parts[1]!;
}

export const isPure = (path: string): boolean => PURE.has(folderOf(path) ?? "-");

const layerOf = (folder: string): number | undefined => (folder === "" ? TOP : LAYERS[folder]);

export const layers: Rule = ({ path, text }) => {
  const folder = folderOf(path);
  if (folder === null) return [];
  const layer = layerOf(folder);
  if (layer === undefined) return [`folder src/${folder} is in no layer`];
  const wrong: string[] = [];
  for (const { from, typeOnly } of importsOf(text)) {
    const target = resolveImport(path, from);
    if (target === null || (typeOnly && PORTS.has(target))) continue;
    const other = folderOf(target);
    if (other === null) {
      wrong.push(`imports ${target}, which is not part of the program`);
      continue;
    }
    const otherLayer = layerOf(other) ?? TOP;
    if (other === folder || otherLayer < layer || SIBLINGS.has(`${folder}>${other}`)) continue;
    wrong.push(`${folder || "top"} (layer ${layer}) imports ${target} (layer ${otherLayer})`);
  }
  return wrong;
};

/** Every cycle of imports, as the path around it. In the program types count too; in tests only values. */
export function cycles(sources: readonly Source[]): string[] {
  const graph = new Map(
    sources.map((source) => [
      source.path,
      importsOf(source.text)
        .filter((one) => !one.typeOnly || folderOf(source.path) !== null)
        .map((one) => resolveImport(source.path, one.from))
        .filter((target) => target !== null),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push([...trail.slice(at), path].join(" → "));
    if (at >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
