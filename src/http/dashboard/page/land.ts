/** Land, borders and names of the world in world units, out of the atlas that is bundled with the page. Owned by the page. */
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlas from "world-atlas/countries-110m.json" with { type: "json" };
import { type Box, emptyBox, extend, worldX, worldY } from "./world.ts";

export interface Line {
  /** x, y, x, y, … */
  readonly xy: Float64Array;
  readonly box: Box;
}

export interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  /** World units across: a name is drawn where it fits. */
  readonly width: number;
}

export interface Land {
  readonly shores: readonly Line[];
  readonly borders: readonly Line[];
  readonly labels: readonly Label[];
}

type Point = readonly number[];

/** Goes on past the date line instead of jumping back to the other side of the map. */
function unrolled(points: readonly Point[]): Point[] {
  let turns = 0;
  let before = points[0]?.[0] ?? 0;
  return points.map(([lon = 0, lat = 0]) => {
    if (lon - before > 180) turns--;
    else if (before - lon > 180) turns++;
    before = lon;
    return [lon + turns * 360, lat];
  });
}

/** A ring around the pole does not come back to where it began: it is closed below the map. */
function closed(points: Point[]): Point[] {
  const first = points[0]?.[0] ?? 0;
  const last = points.at(-1)?.[0] ?? 0;
  return Math.abs(last - first) < 180 ? points : [...points, [last, -90], [first, -90]];
}

function lineOf(points: readonly Point[], shift: number): Line {
  const xy = new Float64Array(points.length * 2);
  const box = emptyBox();
  points.forEach(([lon = 0, lat = 0], i) => {
    xy[2 * i] = worldX(lon) + shift;
    xy[2 * i + 1] = worldY(lat);
    extend(box, xy[2 * i]!, xy[2 * i + 1]!);
  });
  return { xy, box };
}

/** What hangs over the date line is drawn on both sides. */
function linesOf(points: readonly Point[]): Line[] {
  const line = lineOf(points, 0);
  const { minX, maxX } = line.box;
  return [line, ...(maxX > 1 ? [lineOf(points, -1)] : []), ...(minX < 0 ? [lineOf(points, 1)] : [])];
}

/** Centre of mass of a ring, and its width. */
function labelOf(text: string, { xy, box }: Line): Label {
  let area = 0;
  let x = 0;
  let y = 0;
  for (let i = 0; i + 3 < xy.length; i += 2) {
    const cross = xy[i]! * xy[i + 3]! - xy[i + 2]! * xy[i + 1]!;
    area += cross;
    x += (xy[i]! + xy[i + 2]!) * cross;
    y += (xy[i + 1]! + xy[i + 3]!) * cross;
  }
  return { text, x: x / (3 * area), y: y / (3 * area), width: box.maxX - box.minX };
}

const sizeOf = ({ box }: Line): number => (box.maxX - box.minX) * (box.maxY - box.minY);

type Country = GeometryCollection<{ name: string }>;

function ringsOf(geometry: GeoJSON.Geometry): Line[] {
  const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.type === "MultiPolygon" ? geometry.coordinates.flat() : [];
  return rings.flatMap((ring) => linesOf(closed(unrolled(ring))));
}

export function readLand(): Land {
  const topology = atlas as unknown as Topology<{ countries: Country; land: GeometryCollection }>;
  const { countries, land } = topology.objects;
  const shores = feature(topology, land).features.flatMap(({ geometry }) => ringsOf(geometry));
  const borders = mesh(topology, countries, (a, b) => a !== b).coordinates.flatMap((line) => linesOf(unrolled(line)));
  const labels = feature(topology, countries).features.map(({ geometry, properties }) => {
    const [largest] = ringsOf(geometry).sort((a, b) => sizeOf(b) - sizeOf(a));
    return labelOf(properties.name, largest!);
  });
  return { shores, borders, labels };
}
