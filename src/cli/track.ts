/**
 * Where a simulated vehicle goes and what its tracker reports of it: roads with corners, lights, tunnels and parking, in a
 * few real cities. Pure: the same seed gives the same records. Owned by whoever simulates; tests use it to know what was sent.
 */
import type { Prng } from "../base/prng.ts";
import type { AvlRecord } from "../codec/record.ts";
import type { AvlCodecName } from "../codec/teltonika/codec_id.ts";

export interface TrackOptions {
  readonly codec: AvlCodecName;
  /** Time of the first record, ms. */
  readonly start: number;
  /** From one record to the next, ms. */
  readonly stepMs: number;
}

/** Longitude, latitude, altitude in m (one is below the sea), GSM operator. */
const CITIES = [
  [25.2797, 54.6872, 110, 24601],
  [13.4050, 52.5200, 40, 26201],
  [4.4777, 51.9244, -2, 20408],
  [2.3522, 48.8566, 40, 20801],
  [-3.7038, 40.4168, 650, 21407],
  [-0.1276, 51.5072, 20, 23410],
  [29.0100, 41.0300, 60, 28601],
  [-46.6333, -23.5505, 760, 72405],
  [-99.1332, 19.4326, 2240, 33420],
  [151.2093, -33.8688, 30, 50501],
] as const;

/** Kinds of road: speed limit in km/h, least and most metres between corners, sharpest turn in degrees. */
const ROADS = [
  { limit: 30, least: 60, most: 250, turn: 90 },
  { limit: 50, least: 150, most: 900, turn: 90 },
  { limit: 50, least: 150, most: 900, turn: 90 },
  { limit: 80, least: 800, most: 4000, turn: 40 },
  { limit: 120, least: 3000, most: 15_000, turn: 12 },
] as const;

const METRES_PER_DEGREE = 111_320;
const HOME_RANGE_M = 60_000;
const LONGEST_STEP_S = 5;
const EVENT_IGNITION = 239;
const EVENT_MOVEMENT = 240;
const GENERATION_ON_CHANGE = 5;
const GENERATION_PERIODICAL = 7;

const hex = (value: number, bytes: number): string => Math.round(value).toString(16).padStart(bytes * 2, "0");
const raw = (degrees: number): number => Math.round(degrees * 1e7) / 1e7;
const towards = (value: number, target: number, by: number): number => value + Math.max(-by, Math.min(by, target - value));

export class Track {
  readonly #random: Prng;
  readonly #options: TrackOptions;
  readonly #city: (typeof CITIES)[number];
  readonly #vin: string;
  readonly #key: string;
  #count = 0;
  #lon: number;
  #lat: number;
  #altitude: number;
  #heading: number;
  #speed = 0;
  #road: (typeof ROADS)[number] = ROADS[1];
  #roadLeftM = 0;
  /** Seconds left at a light or parked; 0: driving. */
  #standS = 0;
  #ignition = true;
  #tunnelS = 0;
  #satellites = 11;
  #odometerM: number;
  /** As last reported, to see events. */
  #reportedIgnition = true;
  #reportedMoving = false;

  constructor(random: Prng, options: TrackOptions) {
    this.#random = random;
    this.#options = options;
    this.#city = random.pick(CITIES);
    this.#lon = this.#city[0] + (random.float() - 0.5) * 0.2;
    this.#lat = this.#city[1] + (random.float() - 0.5) * 0.1;
    this.#altitude = this.#city[2];
    this.#heading = random.below(360);
    this.#odometerM = random.below(300_000_000);
    this.#vin = Array.from("WVWZZZ1KZ", (letter) => hex(letter.charCodeAt(0), 1)).join("") +
      Array.from({ length: 8 }, () => hex(0x30 + random.below(10), 1)).join("");
    this.#key = hex(random.u32(), 4) + hex(random.u32(), 4);
  }

  /** The next record, `stepMs` after the one before. */
  next(): AvlRecord {
    const { start, stepMs } = this.#options;
    const time = start + this.#count * stepMs;
    if (this.#count > 0) {
      for (let left = stepMs / 1000; left > 0; left -= LONGEST_STEP_S) this.#move(Math.min(left, LONGEST_STEP_S));
    }
    this.#count++;
    return this.#report(time);
  }

  #move(seconds: number): void {
    const random = this.#random;
    if (this.#standS > 0) {
      this.#standS -= seconds;
      this.#speed = 0;
      if (this.#standS <= 0) this.#ignition = true;
      return;
    }
    if (this.#roadLeftM <= 0) this.#turn();
    this.#speed = towards(this.#speed, this.#road.limit * (0.85 + random.float() * 0.2), seconds * 9);
    const metres = (this.#speed / 3.6) * seconds;
    const angle = (this.#heading * Math.PI) / 180;
    this.#lat += (metres * Math.cos(angle)) / METRES_PER_DEGREE;
    this.#lon += (metres * Math.sin(angle)) / (METRES_PER_DEGREE * Math.cos((this.#lat * Math.PI) / 180));
    this.#altitude = towards(this.#altitude, this.#city[2] + 25 * Math.sin(this.#odometerM / 1500), metres / 20);
    this.#heading += (random.float() - 0.5) * Math.min(metres, 30) * 0.1;
    this.#roadLeftM -= metres;
    this.#odometerM += metres;
    this.#tunnelS = this.#tunnelS > 0 ? this.#tunnelS - seconds : random.chance(seconds * 0.001) ? 20 : 0;
    this.#satellites = Math.max(4, Math.min(17, this.#satellites + random.below(3) - 1));
  }

  /** A corner: perhaps a light or a place to park, then another road, back towards home when that is far. */
  #turn(): void {
    const random = this.#random;
    if (this.#speed > 0 && random.chance(0.04)) {
      this.#standS = 60 + random.below(900);
      this.#ignition = false;
    } else if (this.#speed > 0 && random.chance(0.25)) this.#standS = 5 + random.below(45);
    this.#road = random.pick(ROADS);
    this.#roadLeftM = this.#road.least + random.float() * (this.#road.most - this.#road.least);
    const east = (this.#city[0] - this.#lon) * Math.cos((this.#lat * Math.PI) / 180);
    const north = this.#city[1] - this.#lat;
    if (Math.hypot(east, north) * METRES_PER_DEGREE > HOME_RANGE_M) this.#heading = (Math.atan2(east, north) * 180) / Math.PI;
    else this.#heading += random.pick([-1, 0, 1]) * this.#road.turn;
  }

  #report(time: number): AvlRecord {
    const { codec } = this.#options;
    const moving = this.#speed > 0;
    let eventId = 0;
    if (this.#ignition !== this.#reportedIgnition) eventId = EVENT_IGNITION;
    else if (moving !== this.#reportedMoving) eventId = EVENT_MOVEMENT;
    this.#reportedIgnition = this.#ignition;
    this.#reportedMoving = moving;
    // Without a fix the place is the last valid one, and what is measured with it is 0.
    const fix = this.#tunnelS <= 0;
    const record = {
      time,
      priority: eventId === 0 ? 0 : 1,
      lon: raw(this.#lon),
      lat: raw(this.#lat),
      altitude: Math.round(this.#altitude),
      angle: fix ? ((Math.round(this.#heading) % 360) + 360) % 360 : 0,
      satellites: fix ? this.#satellites : 0,
      speed: fix ? Math.round(this.#speed) : 0,
      eventId,
      generationType: null,
      io: this.#io(moving, fix, eventId),
    };
    return codec === "16" ? { ...record, generationType: eventId === 0 ? GENERATION_PERIODICAL : GENERATION_ON_CHANGE } : record;
  }

  #io(moving: boolean, fix: boolean, eventId: number): Record<string, string> {
    const random = this.#random;
    const io: Record<string, string> = {
      "239": this.#ignition ? "01" : "00",
      "240": moving ? "01" : "00",
      "21": hex(2 + random.below(4), 1),
      "69": fix ? "01" : "02",
      "66": hex((this.#ignition ? 13_900 : 12_500) + random.below(200), 2),
      "67": hex(4000 + random.below(100), 2),
      "24": hex(fix ? this.#speed : 0, 2),
      "241": hex(this.#city[3], 4),
      "16": hex(this.#odometerM, 4),
    };
    if (this.#ignition) io["78"] = this.#key;
    // Codec 8 has no ids above 255; only codec 8E has values of any length.
    if (this.#options.codec !== "8") io["303"] = moving ? "01" : "00";
    if (this.#options.codec === "8E" && (eventId !== 0 || this.#count % 50 === 1)) io["256"] = this.#vin;
    return io;
  }
}
